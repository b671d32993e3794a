"""GET /events: streams and long polls with real curl, over restarts and a stop; `betterdns watch`."""
import json
import os
import select
import signal
import subprocess
import threading
import time

import pytest

import bd

pytestmark = pytest.mark.sanitize


@pytest.fixture(name="fresh")
def fresh_fixture(make_server):
    return make_server().start()


class Lines:
    """What a process prints, line by line, never waited for beyond a deadline."""

    def __init__(self, command, **options):
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        self.rest = b""

    def next(self, seconds=bd.PATIENCE):
        """Without its end; None: the process has closed its output."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self.rest:
            readable, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            assert readable, f"no line within {seconds} s; so far {self.rest!r}"
            got = os.read(self.process.stdout.fileno(), 65536)
            if not got:
                return None
            self.rest += got
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode()

    def close(self):
        self.process.kill()
        self.process.communicate(timeout=bd.PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Stream(Lines):
    """curl -N: server-sent events as a browser reads them (HTML §9.2.6)."""

    def __init__(self, server, query="", last=None):
        headers = ["-H", "Accept: text/event-stream"] + (["-H", f"Last-Event-ID: {last}"] if last else [])
        super().__init__(["curl", "-sS", "-N", "-i", "--noproxy", "*", *headers, server.url + "/events" + query])
        self.status = int(self.next().split()[1])
        self.headers = {}
        while (line := self.next().rstrip("\r")):
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()
        self.last = None

    def block(self):
        """The fields of what stands between two empty lines; None: the stream has ended."""
        fields = {}
        while (line := self.next()):
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
            if name == "id":
                self.last = fields["id"]
        return fields if line is not None else None

    def event(self):
        while (fields := self.block()) is not None:
            if "data" in fields:
                event = json.loads(fields["data"])
                assert event["id"] == fields["id"] and event["kind"] == fields["event"]
                return event
        return None

    def started(self):
        """The server has its place: what happens from now on is in the stream."""
        assert self.status == 200 and self.headers["content-type"] == "text/event-stream"
        first = self.block()
        assert "data" not in first and first["id"] and int(first["retry"]) > 0
        return self


def poll(server, query):
    return server.get("/events?" + query)


def last(server):
    return server.get("/events")["last"]


def events_after(server, place, **filters):
    """All that there is by now."""
    query = "".join(f"&{k}={v}" for k, v in filters.items())
    return poll(server, f"after={place}{query}")["events"]


def test_a_registration_gives_exactly_one(server):
    place = last(server)
    seq = server.register("once", "192.0.2.1").json["seq"]
    server.register("once", "192.0.2.1")
    events = events_after(server, place, name="once")
    assert [e["kind"] for e in events] == ["registered", "changed"]
    first = events[0]
    assert list(first) == ["id", "kind", "time", "seq", "zone", "name", "type", "registration", "number", "detail"]
    assert first["seq"] == seq and first["zone"] == "lab.example." and first["name"] == "once.lab.example."
    assert first["type"] == "A" and first["registration"] == "once"
    number = server.get("/a/once")["registrations"][0]["number"]
    assert first["number"] == number
    published = events_after(server, place, kind="published")
    assert published and all(e["seq"] is None and e["name"] is None and e["zone"] == "lab.example." for e in published)
    server.curl("-X", "DELETE", path="/a/once")
    gone = [e for e in events_after(server, events[-1]["id"], name="once") if e["kind"] == "unregistered"]
    assert [e["number"] for e in gone] == [number]


def test_stream(fresh):
    server = fresh  # what an earlier test changed may be published late
    with Stream(server) as stream:
        stream.started()
        server.register("streamed", "192.0.2.2")
        event = next(e for e in iter(stream.event, None) if e["kind"] != "published")
        assert event["kind"] == "registered" and event["name"] == "streamed.lab.example."
        assert event["time"].endswith("Z")
        kinds = [stream.event()["kind"] for _ in range(2)]
        assert kinds == ["changed", "published"]


def test_a_stream_goes_on_where_it_broke(server):
    with Stream(server, "?kind=registered") as stream:
        place = stream.started().last
    server.register("while-away-1", "192.0.2.3")
    server.register("while-away-2", "192.0.2.4")
    with Stream(server, "?kind=registered", last=place) as stream:
        stream.started()
        assert [stream.event()["registration"] for _ in range(2)] == ["while-away-1", "while-away-2"]
        place = stream.last
        server.register("there-again", "192.0.2.5")
        assert stream.event()["registration"] == "there-again"
    # The header of a client that comes back knows more than the URL that it began with.
    with Stream(server, "?kind=registered&after=0", last=place) as stream:
        assert stream.started().event()["registration"] == "there-again"


def test_long_poll(server):
    place = last(server)
    assert poll(server, f"after={place}") == {"events": [], "last": place}
    began = time.monotonic()
    assert poll(server, f"after={place}&wait=300ms&name=nobody*") == {"events": [], "last": place}
    assert time.monotonic() - began >= 0.3
    got = []
    waiter = threading.Thread(target=lambda: got.append(poll(server, f"after={place}&wait=60s&kind=registered")))
    waiter.start()
    bd.wait_for(lambda: metric(server, "betterdns_event_readers") == 1, "a waiting client")
    server.register("polled", "192.0.2.6")
    waiter.join(bd.PATIENCE)
    assert [e["registration"] for e in got[0]["events"]] == ["polled"]
    # Whoever goes on from "last" misses nothing, and sees nothing twice.
    ids, at = [], place
    while (answer := poll(server, f"after={at}&wait=0s"))["events"]:
        ids += [e["id"] for e in answer["events"]]
        at = answer["last"]
    assert len(ids) == len(set(ids)) and got[0]["events"][0]["id"] in ids


def metric(server, name):
    text = server.request("GET", "/metrics")[1].decode()
    return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name + " ") or line.startswith(name + "{"))


def test_zero_is_the_oldest(fresh):
    fresh.register("oldest", "192.0.2.1")
    with Stream(fresh, "?after=0") as stream:
        kinds = [stream.event()["kind"] for _ in range(3)]
    assert "registered" in kinds and [e["kind"] for e in events_after(fresh, "0")][:3] == kinds


def test_filters(server):
    place = last(server)
    server.register("filter-a", "192.0.2.7", id="one")
    server.register("filter-b", "192.0.2.8", id="two")

    def ids(**filters):
        return [e["registration"] for e in events_after(server, place, kind="registered", **filters)]

    assert ids() == ["one", "two"]
    for name in ("filter-a", "filter-a.lab.example", "filter-a.lab.example.", "FILTER-A", "*-a", "filter-[a]"):
        assert ids(name=name) == ["one"], name
    assert ids(name="filter-?") == ["one", "two"] and ids(name="filter") == []
    assert ids(zone="lab.example") == ["one", "two"]
    both = [e["kind"] for e in events_after(server, place, kind="registered,changed", name="filter-a")]
    assert both == ["registered", "changed"]


@pytest.mark.parametrize("query, status, field", [
    ("kind=registred", 400, "kind"), ("kind=registered,", 200, None), ("zone=elsewhere.example", 422, "zone"),
    ("wait=soon&after=0", 400, "wait"), ("wait=61s&after=0", 422, "wait"), ("after=12", 400, "after"), ("after=", 400, "after"),
    ("after=xyz-1", 400, "after"), ("since=1", 400, None),
    ("after=0000000000000000-1", 410, None), ("after=0000000000000000-18446744073709551615", 410, None)])
def test_odd_questions(server, query, status, field):
    answer = server.curl(path="/events?" + query)
    assert answer.status == status, answer
    if status != 200:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json.get("field") == field
        assert answer.json["status"] == status
    if status == 410:
        assert answer.json["type"] == "urn:betterdns:problem:gone"


def test_an_id_that_is_yet_to_come_is_gone(server):
    run, number = last(server).split("-")
    assert server.curl(path=f"/events?after={run}-{int(number) + 1000}").status == 410


def test_head(server):
    for accept in ("text/event-stream", "application/json"):
        answer = server.curl("-I", "-H", f"Accept: {accept}", path="/events?after=0&wait=60s")
        assert answer.status == 200 and answer.headers["content-type"].startswith(accept)
        assert b"{" not in answer.body and b"id:" not in answer.body
    assert server.curl("-X", "POST", path="/events").status == 405


def test_http_1_0_has_streams_too(server):
    with Lines(["curl", "-sS", "-N", "-0", "--noproxy", "*", "-H", "Accept: text/event-stream",
                server.url + "/events?kind=registered"]) as lines:
        assert lines.next().startswith("retry:")
        assert lines.next().startswith("id:") and lines.next() == ""
        server.register("ancient", "192.0.2.9")
        assert lines.next().startswith("id:") and lines.next() == "event: registered"


def test_a_restart_has_ids_of_its_own(make_server):
    s = make_server().start()
    s.register("before", "192.0.2.1")
    place, ids = last(s), {e["id"] for e in events_after(s, "0")}
    assert s.stop() == 0
    s.start()
    answer = s.curl(path=f"/events?after={place}")
    assert answer.status == 410 and answer.headers["content-type"] == "application/problem+json"
    with Stream(s, last=place) as stream:
        assert stream.status == 410
    s.register("after", "192.0.2.2")
    events = events_after(s, "0")
    assert [e["registration"] for e in events if e["kind"] == "registered"] == ["after"]  # what was loaded is no event
    assert not ids & {e["id"] for e in events}


def test_a_stop_ends_streams_at_once(make_server):
    s = make_server().start()
    place = last(s)
    with Stream(s) as stream, Lines(["curl", "-sS", "--noproxy", "*", f"{s.url}/events?after={place}&wait=60s&name=x"]) as waiter:
        stream.started()
        bd.wait_for(lambda: metric(s, "betterdns_event_readers") == 2, "two waiting clients")
        began = time.monotonic()
        assert s.stop() == 0
        took = time.monotonic() - began
        while (event := stream.event()):
            assert event["kind"] in ("published", "changed")
        assert stream.process.wait(bd.PATIENCE) == 0  # its last chunk has come
        assert json.loads(waiter.next())["events"] == []
    assert took < 60, took  # the long poll's own time would be over by then


def test_a_client_that_went_away_is_not_waited_for(server):
    with Stream(server) as stream:
        stream.started()
        bd.wait_for(lambda: metric(server, "betterdns_event_readers") >= 1, "a waiting client")
    bd.wait_for(lambda: metric(server, "betterdns_event_readers") == 0, "no waiting client")


def test_saves(make_server):
    s = make_server().start()
    place = last(s)
    bd.wait_for(s.zone_file.exists, "the zone file")
    bd.wait_for(lambda: s.status()["zones"][0]["file_state"] == "clean", "an export")
    good = s.zone_file.read_text()
    s.zone_file.write_text(good + "bad A not-an-address\n")
    answer = poll(s, f"after={place}&kind=rejected&wait=60s")
    assert len(answer["events"]) == 1
    event = answer["events"][0]
    lines = len(good.splitlines()) + 1
    assert f"{s.zone_file}:{lines}:" in event["detail"] and "not-an-address" in event["detail"]
    assert event["zone"] == "lab.example." and event["name"] is None
    s.zone_file.write_text(good + "hand A 192.0.2.3\n")
    answer = poll(s, f"after={event['id']}&kind=changed&wait=60s")
    assert answer["events"][0]["name"] == "hand.lab.example." and "file" in answer["events"][0]["detail"]


def test_a_save_that_deletes_much_is_told_of(make_server):
    s = make_server()
    bd.write_large_zone(s.zone_file, 100)
    s.start()
    place = last(s)
    lines = s.zone_file.read_text().splitlines(keepends=True)
    s.zone_file.write_text("".join(line for line in lines if "host0000" not in line))
    event = poll(s, f"after={place}&kind=rejected&wait=60s")["events"][0]
    assert "deletes" in event["detail"] and "zone accept" in event["detail"]


def test_a_batch_of_many(server):
    """Every waiting client sees all of a burst, in order."""
    place = last(server)
    with Stream(server, "?kind=registered") as one, Stream(server, "?kind=registered&name=burst*") as two:
        one.started()
        two.started()
        connection = server.connection()
        for i in range(300):
            status, _ = server.request("POST", f"/a?name=burst{i}&value=192.0.2.1", connection=connection)
            assert status == 201
        expected = [f"burst{i}" for i in range(300)]
        assert [one.event()["registration"] for _ in expected] == expected
        assert [two.event()["registration"] for _ in expected] == expected
    assert [e["registration"] for e in events_after(server, place, kind="registered")] == expected


@pytest.mark.slow
def test_a_stream_that_is_silent_shows_that_it_lives(server):
    with Stream(server, "?name=nobody-ever") as stream:
        place = stream.started().last
        server.register("filtered-out", "192.0.2.1")
        sign = stream.block()
        assert "data" not in sign and "" in sign  # a comment
        assert sign["id"] != place  # so whoever comes back after a long time is not behind


def watch(server, *arguments):
    return Lines([os.path.abspath(bd.BETTERDNS), "watch", *arguments, "--server", server.url])


def test_watch_prints_what_happens(fresh):
    server = fresh  # nobody else watches it
    with watch(server, "watched*", "--kind", "registered,unregistered") as table, \
         watch(server, "watched", "-o", "jsonl") as lines, watch(server, "watched", "--kind", "registered", "-o", "json") as bodies:
        bd.wait_for(lambda: metric(server, "betterdns_event_readers") == 3, "three that watch")
        server.register("watched", "192.0.2.1")
        number = server.get("/a/watched")["registrations"][0]["number"]
        line = table.next()
        assert line.split()[1:] == ["registered", "watched.lab.example.", "A", "watched", f"#{number}"], line
        event = json.loads(lines.next())
        assert event["kind"] == "registered" and event["number"] == number
        assert json.loads(lines.next())["kind"] == "changed"
        body = json.loads(bodies.next())
        assert [e["id"] for e in body["events"]] == [event["id"]] and body["last"]
        server.curl("-X", "DELETE", path="/a/watched")
        assert table.next().split()[1] == "unregistered"


def report(server, name, status):
    assert server.curl("-X", "PUT", "-d", f"status={status}", path=f"/health/{name}").status == 200


@pytest.mark.slow
def test_what_health_decides(make_server):
    """Each kind that health makes, as GET /events has it and as watch prints it; the end of a host is a dry run. deregister_after has
    ten seconds at least, so this test has them too."""
    server = make_server(checks={"deregister_after": "10s"}).start()
    kinds = "transition,withdrawn,restored,panic,terminated,unregistered"
    with watch(server, "--kind", kinds) as lines:
        bd.wait_for(lambda: metric(server, "betterdns_event_readers") == 1, "one that watches")
        place = last(server)

        def told():
            """The next event, by watch; what both say agrees."""
            nonlocal place
            event = poll(server, f"after={place}&kind={kinds}&wait=60s")["events"][0]
            place = event["id"]
            words = lines.next().split()
            assert words[1] == event["kind"] and (event["name"] is None or words[2] == event["name"]), (words, event)
            return event, " ".join(words[2:])

        numbers = {}
        for i, name in enumerate(("one", "two", "three")):
            numbers[name] = server.register(name, f"192.0.2.{i + 1}", check="ttl:60s").json["registrations"][0]["number"]
            report(server, name, "pass")
            event, _ = told()
            assert (event["kind"], event["from"], event["to"], event["number"]) == ("transition", "UNKNOWN", "AVAILABLE", numbers[name])
        report(server, "one", "fail")
        event, line = told()
        assert event["kind"] == "transition" and line == f"one.lab.example. A one #{numbers['one']} AVAILABLE -> UNAVAILABLE 192.0.2.1:"
        event, _ = told()
        assert (event["kind"], event["registration"], event["detail"]) == ("withdrawn", "one", "192.0.2.1") and event["seq"]
        report(server, "one", "pass")
        assert told()[0]["to"] == "AVAILABLE"
        event, _ = told()
        assert (event["kind"], event["registration"], event["number"]) == ("restored", "one", numbers["one"]) and event["seq"]
        # Two of three are more than half.
        for name in ("two", "three"):
            report(server, name, "fail")
        got = [told() for _ in range(5)]
        assert sorted(e["kind"] for e, _ in got) == ["panic", "transition", "transition", "withdrawn", "withdrawn"]
        event, line = next(x for x in got if x[0]["kind"] == "panic")
        assert event["on"] is True and event["name"] is None and line == "begins 2 of 3 hosts are down"
        said = subprocess.run([os.path.abspath(bd.BETTERDNS), "health", "--server", server.url], capture_output=True, text=True,
                              timeout=bd.PATIENCE, check=True).stdout
        assert said.startswith("PANIC: too many are down at once; nobody is removed\none.lab.example.  AVAILABLE\n"), said
        report(server, "three", "pass")
        got = [told() for _ in range(3)]
        assert sorted(e["kind"] for e, _ in got) == ["panic", "restored", "transition"]
        event, line = next(x for x in got if x[0]["kind"] == "panic")
        assert event["on"] is False and line == "ends 1 of 3 hosts are down"
        report(server, "two", "fail")  # and others were heard meanwhile
        got = {e["kind"]: (e, line) for e, line in (told() for _ in range(2))}
        event, line = got["terminated"]
        assert (event["name"], event["number"], event["dry_run"], event["ok"]) == ("two.lab.example.", numbers["two"], True, True)
        assert event["detail"].startswith("dry run: would ") and " dry run dry run: would " in line, line
        assert (got["unregistered"][0]["number"], got["unregistered"][0]["detail"]) == (numbers["two"], "health")
    assert server.request("GET", "/a/two")[0] == 404
    text = server.request("GET", "/metrics")[1].decode()
    assert [line for line in text.splitlines() if line.startswith("betterdns_terminations_total") and not line.endswith(" 0")] == [
        'betterdns_terminations_total{result="ok",dry_run="true"} 1']


def test_watch_goes_on_after_a_restart(make_server):
    s = make_server().start()
    with watch(s, "--kind", "registered") as lines:
        bd.wait_for(lambda: metric(s, "betterdns_event_readers") == 1, "one that watches")
        s.register("before", "192.0.2.1")
        assert lines.next().split()[2] == "before.lab.example."
        assert s.stop() == 0
        s.start()
        s.register("after", "192.0.2.2")
        assert lines.next().split()[2] == "after.lab.example."
        lines.process.send_signal(signal.SIGINT)
        out, err = lines.process.communicate(timeout=bd.PATIENCE)
        assert out == b"" and lines.process.returncode == -signal.SIGINT
        said = err.decode().splitlines()
        assert "betterdns: events were missed" in said[-1] and len(said) <= 2, said


def test_watch_is_refused_at_once(server):
    def refused(*arguments, url=server.url):
        done = subprocess.run([os.path.abspath(bd.BETTERDNS), "watch", *arguments, "--server", url], capture_output=True,
                              text=True, timeout=bd.PATIENCE, check=False)
        assert done.stdout == "" and done.stderr.startswith("betterdns: ")
        return done.returncode, done.stderr

    code, said = refused("--kind", "registred")
    assert code == 7 and "did you mean 'registered'?" in said
    host, port = bd.free_address()
    assert refused(url=f"http://{host}:{port}")[0] == 6
    assert refused("-o", "yaml")[0] == 2


def test_watch_as_a_curl_command(server):
    done = subprocess.run([os.path.abspath(bd.BETTERDNS), "watch", "web*", "--curl", "--server", server.url], capture_output=True,
                          text=True, timeout=bd.PATIENCE, check=True)
    assert done.stdout.split()[-1] == f"'{server.url}/events?wait=30s&name=web%2A'"
