"""How the server learns of a change: the strategy "signal", deadlines of a publish, intervals between the publishes of a large zone."""
import calendar
import os
import re
import signal
import threading
import time

import pytest

import bd

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ODD_SERVER = str(bd.ROOT / "tests" / "e2e" / "odd_server.py")


@pytest.fixture(scope="module")
def signalled():
    """A server with the strategy "signal" that the tests of this file share."""
    yield from bd.shared_server(server={"strategy": "signal"})


def metric(server, name):
    text = server.request("GET", "/metrics")[1].decode()
    return int(re.search(rf"^betterdns_{name} (\d+)$", text, re.MULTILINE).group(1))


def zone_metric(server, name, zone="lab.example."):
    text = server.request("GET", "/metrics")[1].decode()
    return float(re.search(rf'^betterdns_zone_{name}\{{zone="{zone}"\}} ([0-9.]+)$', text, re.MULTILINE).group(1))


def write(server, name, value, connection=None, wait="served&timeout=30s"):
    return server.request("POST", f"/a?wait={wait}", f"name={name}&value={value}", FORM, connection)


# ---- signal -----------------------------------------------------------------------------------------------------------

def test_2000_registrations_each_asked_for_at_once(signalled):
    """While CoreDNS reloads, its old and its new half read the same sockets: an answer of the new one is not enough."""
    connection, misses = signalled.connection(), []
    for i in range(2000):
        # names are used again: the zone stays small, and quick to load
        status, text = write(signalled, f"many{i % 100}", f"10.1.{i // 100}.{i % 100 + 1}", connection)
        shown = bd.addresses(signalled.dns, f"many{i % 100}.lab.example")
        if status not in (200, 201) or shown != [f"10.1.{i // 100}.{i % 100 + 1}"]:
            misses.append((i, status, text, shown))
    assert misses == []


def test_what_the_status_says_of_a_zone_is_in_the_metrics(signalled):
    assert write(signalled, "measured", "10.1.200.1")[0] in (200, 201)
    zone, text = signalled.status()["zones"][0], signalled.request("GET", "/metrics")[1].decode()
    shown = {name: float(value) for name, value in re.findall(r'^betterdns_zone_(\w+)\{zone="lab.example."\} ([\d.]+)$', text, re.MULTILINE)}
    assert shown["serial"] == zone["serial"] == zone["served_serial"] == shown["served_serial"], (zone, shown)
    assert shown["lag_seconds"] == zone["lag_ms"] == 0
    assert 0 < shown["load_seconds"] * 1000 == pytest.approx(zone["load_ms"], abs=0.01)
    assert shown["published_timestamp_seconds"] == calendar.timegm(time.strptime(zone["published"], "%Y-%m-%dT%H:%M:%SZ"))
    assert (shown["late_total"] == 0) == (zone["last_error"] is None)


def test_a_server_that_stays_is_told_of_the_last_copies(make_server):
    """The stop comes while it loads an earlier copy: the last one must not wait for the next betterdns."""
    server = make_server(server={"strategy": "signal", "on_stop": "keep"})
    bd.write_large_zone(server.zone_file, 150000)
    server.start()
    live = server.live / "lab.example.zone"
    assert write(server, "first", "10.9.0.1", wait="served&timeout=30s")[0] == 201
    for name in ("second", "third"):
        assert server.request("POST", "/a", f"name={name}&value=10.9.0.2", FORM)[0] == 201
        if name == "second":
            bd.wait_for(lambda: b"\nsecond.lab.example." in live.read_bytes(), "the copy that it loads")
    server.process.terminate()
    server.process.wait(60)
    bd.wait_for(lambda: bd.addresses(server.dns, "third.lab.example") == ["10.9.0.2"], "the last change in DNS")


def test_signals_are_gathered_and_none_is_lost(signalled):
    """Sixteen writers: fewer signals than changes, each obeyed, and every 2xx true."""
    misses, before = [], signalled.log().count("SIGUSR1: Reloading")

    def writer(n):
        connection = signalled.connection()
        for i in range(25):
            status, text = write(signalled, f"w{n}-{i}", f"10.5.{n}.{i + 1}", connection)
            if status != 201 or bd.addresses(signalled.dns, f"w{n}-{i}.lab.example") != [f"10.5.{n}.{i + 1}"]:
                misses.append((n, i, status, text))

    run([threading.Thread(target=writer, args=(n,)) for n in range(16)])
    assert misses == []
    bd.wait_for(lambda: signalled.log().count("SIGUSR1: Reloading") == signalled.log().count("Reloading complete"), "the last reload")
    assert 0 < signalled.log().count("SIGUSR1: Reloading") - before <= 400
    assert metric(signalled, "publish_escalations_total") == 0


def run(threads):
    for t in threads:
        t.start()
    for t in threads:
        t.join(bd.PATIENCE * 4)
        assert not t.is_alive()


def test_an_idle_server_does_not_look_at_its_files(signalled):
    corefile = (signalled.live / "Corefile").read_text()
    assert "reload 0ms" in corefile and "reload 5ms" not in corefile


class Querier(threading.Thread):
    """Asks for one name until it is told to stop; counts what was lost."""

    def __init__(self, server, name, tcp):
        super().__init__()
        self.server, self.name_asked, self.tcp = server, name, tcp
        self.asked = self.lost = 0
        self.stop = threading.Event()

    def run(self):
        while not self.stop.is_set():
            try:
                found = bd.addresses(self.server.dns, self.name_asked, tcp=self.tcp)
            except OSError:
                found = None
            self.asked += 1
            self.lost += found != ["10.6.0.1"]


def test_200_changes_lose_no_udp_query(signalled):
    write(signalled, "steady", "10.6.0.1")
    queriers = [Querier(signalled, "steady.lab.example", tcp) for tcp in (True,) * 5 + (False,)]
    for q in queriers:
        q.start()
    connection = signalled.connection()
    try:
        for i in range(200):
            assert write(signalled, f"moving{i % 10}", f"10.7.{i // 10}.{i % 10 + 1}", connection)[0] in (200, 201)
    finally:
        for q in queriers:
            q.stop.set()
        for q in queriers:
            q.join(bd.PATIENCE)
    udp = queriers[-1]
    assert udp.asked > 200 and udp.lost == 0, (udp.asked, udp.lost)
    tcp = sum(q.asked for q in queriers[:-1]), sum(q.lost for q in queriers[:-1])
    assert tcp[0] > 0 and tcp[1] <= 200 * 5, tcp  # a reload closes them: one each at most


def test_one_signal_serves_many_zones(make_server):
    names = [f"z{i}.example" for i in range(100)]
    server = make_server(server={"strategy": "signal"}, zones=[{"name": n} for n in names]).start()
    before = server.log().count("SIGUSR1: Reloading")
    answers = {}

    def register(zone):
        answers[zone] = write(server, f"web.{zone}.", "10.0.0.1")

    run([threading.Thread(target=register, args=(n,)) for n in names])
    assert [z for z in names if answers[z][0] != 201] == []
    assert [z for z in names if bd.addresses(server.dns, f"web.{z}") != ["10.0.0.1"]] == []
    assert 0 < server.log().count("SIGUSR1: Reloading") - before < 100


def test_a_stop_right_after_a_burst_of_signals_ends_the_child(make_server):
    for _ in range(5):
        server = make_server(server={"strategy": "signal"}).start()
        connection = server.connection()
        for i in range(20):
            write(server, f"burst{i}", "10.0.0.1", connection, wait="committed")
        pid = server.status()["server"]["pid"]
        started = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - started < bd.PATIENCE
        assert not os.path.exists(f"/proc/{pid}")


@pytest.mark.parametrize("before,after", [("signal", "signal"), ("signal", "file"), ("file", "signal")])
def test_an_adopted_child_is_told_of_what_it_missed(make_server, before, after):
    server = make_server(server={"strategy": before, "on_stop": "keep"}).start()
    write(server, "first", "10.0.0.1")
    pid = server.status()["server"]["pid"]
    server.stop()
    text = server.zone_file.read_text()
    for path in server.data.glob("state.db*"):
        path.unlink()  # imported again, with another serial: the child does not know it
    server.zone_file.write_text(text + "second IN A 10.0.0.2\n")
    server.config["server"]["strategy"] = after
    server.start()
    assert server.status()["server"]["pid"] == pid and server.status()["server"]["strategy"] == after
    assert bd.addresses(server.dns, "second.lab.example") == ["10.0.0.2"]
    assert write(server, "third", "10.0.0.3")[0] == 201
    assert bd.addresses(server.dns, "third.lab.example") == ["10.0.0.3"]
    assert metric(server, "publish_escalations_total") == 0


# ---- deadlines --------------------------------------------------------------------------------------------------------

def odd(server, words=""):
    (server.folder / "odd").write_text(words)


def test_a_server_that_misses_a_change_is_signalled_once_a_minute(make_server):
    server = make_server(server={"binary": ODD_SERVER}).start()
    assert write(server, "heard", "10.0.0.1")[0] == 201
    odd(server, "deaf")
    status, text = write(server, "missed", "10.0.0.1", wait="served&timeout=100ms")
    assert status == 202, text  # the client's own time-out is another matter
    started = time.monotonic()
    assert write(server, "missed", "10.0.0.1")[0] == 200  # served all the same: the signal was heard
    assert 1 < time.monotonic() - started < bd.PATIENCE
    assert metric(server, "publish_escalations_total") == 1
    assert "'signal' is tried after 'file'" in server.log()
    event, = server.get("/events?after=0&kind=escalated")["events"]
    assert event["zone"] == "lab.example." and event["name"] is None and "'signal' is tried after 'file'" in event["detail"], event
    # within the minute no other one: the status says what is wrong, and newer changes need not wait
    assert write(server, "late", "10.0.0.2", wait="served&timeout=1ms")[0] == 202
    zone = bd.wait_for(lambda: server.status()["zones"][0] if server.status()["zones"][0]["errors"] else None, "the trouble")
    assert "was not served within" in zone["errors"][0]["message"] and zone["errors"][0]["file"] == str(server.live / "lab.example.zone")
    assert "lab.example." in server.status()["server"]["reason"] and zone["lag_ms"] > 1000
    assert zone["served_serial"] == zone["serial"] - 1 and 0 < zone["load_ms"] < 1000, zone
    assert zone_metric(server, "serial") == zone["serial"] and zone_metric(server, "served_serial") == zone["served_serial"]
    assert zone_metric(server, "lag_seconds") >= zone["lag_ms"] / 1000
    assert zone_metric(server, "load_seconds") == pytest.approx(zone["load_ms"] / 1000, abs=0.001)
    assert metric(server, "publish_escalations_total") == 1
    newest = server.status()["zones"][0]["serial"] + 1
    write(server, "newer", "10.0.0.3", wait="committed")
    bd.wait_for(lambda: f" {newest} " in (server.live / "lab.example.zone").read_text().split("\n", 1)[0], "the newest copy")
    odd(server)
    assert write(server, "again", "10.0.0.4")[0] == 201
    bd.wait_for(lambda: server.status()["server"]["reason"] is None, "the end of the trouble")
    zone = server.status()["zones"][0]
    assert zone["errors"] == [] and "was not served within" in zone["last_error"]["message"]
    for at in (zone["last_error"]["time"], zone["published"]):
        assert abs(time.time() - calendar.timegm(time.strptime(at, "%Y-%m-%dT%H:%M:%SZ"))) < bd.PATIENCE * 4, zone
    assert zone["last_error"]["time"] <= zone["published"]
    assert 1 <= zone_metric(server, "late_total") < 100
    published = calendar.timegm(time.strptime(zone["published"], "%Y-%m-%dT%H:%M:%SZ"))
    assert zone_metric(server, "published_timestamp_seconds") == published
    assert server.status()["server"]["state"] == "ready" and server.status()["server"]["generation"] == 1


def test_a_server_that_works_is_given_time_once(make_server):
    """It is loading, as it seems: not at its deadline another way is tried, but at four times of that."""
    server = make_server(server={"binary": ODD_SERVER}).start()
    assert write(server, "heard", "10.0.0.1")[0] == 201
    odd(server, "deaf busy")
    began = time.monotonic()
    assert write(server, "missed", "10.0.0.1", wait="committed")[0] == 201
    bd.wait_for(lambda: "a zone is still loading" in server.log(), "the deadline")
    bd.wait_for(lambda: metric(server, "publish_escalations_total") == 1, "the deadline after that")
    assert time.monotonic() - began > 4 * 2
    assert server.log().count("a zone is still loading") == 1
    bd.wait_for(lambda: server.status()["zones"][0]["lag_ms"] == 0, "that it is served")


def test_a_start_begins_with_the_newest_copy(make_server):
    """One publish a zone at a time; but nothing waits for that of a server which has died, and the next one has it all from its start."""
    server = make_server(server={"binary": ODD_SERVER}).start()
    assert write(server, "heard", "10.0.0.1")[0] == 201
    odd(server, "deaf stubborn")
    assert write(server, "first", "10.0.0.2", wait="committed")[0] == 201
    bd.wait_for(lambda: "first" in (server.live / "lab.example.zone").read_text(), "the copy that is not taken")
    assert write(server, "second", "10.0.0.3", wait="committed")[0] == 201
    before = server.status()["server"]
    os.kill(before["pid"], signal.SIGKILL)
    bd.wait_for(lambda: server.status()["server"]["generation"] > before["generation"] and server.is_ready(), "a new server")
    zone = server.status()["zones"][0]
    assert zone["served_serial"] == zone["serial"] and "second" in (server.live / "lab.example.zone").read_text()
    assert metric(server, "publish_escalations_total") == 0


# ---- large zones ------------------------------------------------------------------------------------------------------

class Writers:
    """Clients that register without a pause, each a name of its own: `with Writers(server, NAMES):`."""

    def __init__(self, server, names):
        self.server, self.stop, self.wrong = server, threading.Event(), []
        self.threads = [threading.Thread(target=self.run, args=(name,)) for name in names]

    def run(self, name):
        connection, i = self.server.connection(), 0
        while not self.stop.is_set():
            i += 1
            status, text = write(self.server, name, f"10.200.{i >> 8 & 255}.{i & 255}", connection, wait="committed")
            if status not in (200, 201):
                self.wrong.append((status, text))

    def __enter__(self):
        for t in self.threads:
            t.start()

    def __exit__(self, *_):
        self.stop.set()
        for t in self.threads:
            t.join(bd.PATIENCE)
        assert self.wrong == []


def write_large_zone(server, records):
    with open(server.zone_file, "w", encoding="ascii") as f:
        f.write("$TTL 30\n@ SOA ns1 host 1 3600 600 86400 10\n@ NS ns1\nns1 A 127.0.0.1\n")
        f.writelines(f"h{i} A 10.{i >> 16}.{i >> 8 & 255}.{i & 255}\n" for i in range(records))


def loads(server, count):
    """The next publishes of the first zone: when each was shown, and how long its load took, which is had back from the smoothed
    value (an eighth of it is the newest)."""
    found, last = [], server.status()["zones"][0]["load_ms"]

    def one_more():
        now = server.status()["zones"][0]["load_ms"]
        return now != last and now

    while len(found) < count:
        now = bd.wait_for(one_more, "a publish", bd.PATIENCE * 4)
        found.append((time.monotonic(), (8 * now - 7 * last) / 1000))
        last = now
    return found


def test_a_large_zone_is_not_reloaded_all_the_time(make_server):
    """100,000 records, clients without a pause: half of the time at most goes into its publishes."""
    server = make_server()
    write_large_zone(server, 100000)
    server.start()
    with Writers(server, [f"c{n}" for n in range(8)]):
        loads(server, 1)  # the start's was no measurement
        shown = loads(server, 4)
    for (before, load), (after, next_load) in zip(shown, shown[1:]):  # in peace for as long as it took, then the next load
        assert after - before > 0.7 * (load + next_load), shown
    assert write(server, "last", "10.0.0.9")[0] == 201
    assert bd.addresses(server.dns, "last.lab.example") == ["10.0.0.9"]


def test_a_small_zone_beside_a_large_one_does_not_reload_it_all_the_time(make_server):
    """With "signal" a publish of any zone makes CoreDNS read all of them."""
    zones = [{"name": "lab.example"}, {"name": "small.example"}, {"name": "tiny.example"}]
    server = make_server(server={"strategy": "signal"}, zones=zones)
    zones[0]["file"] = str(server.zone_file)
    write_large_zone(server, 30000)
    server.start()
    with Writers(server, ["a.lab.example.", "a.small.example.", "b.small.example.", "a.tiny.example."]):
        started = loads(server, 1)[0][0]
        before = server.log().count("SIGUSR1: Reloading")
        shown = loads(server, 6)
        signals = server.log().count("SIGUSR1: Reloading") - before
    load = sum(took for _, took in shown) / len(shown)
    assert signals * load < 0.8 * (shown[-1][0] - started), (signals, shown)  # half of the time, with what the others add
    assert write(server, "last.tiny.example.", "10.0.0.9")[0] == 201
    assert bd.addresses(server.dns, "last.tiny.example") == ["10.0.0.9"]
