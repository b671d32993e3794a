"""SIGHUP: the configuration is read again and put in force, without an end of DNS or of HTTP; one that cannot be leaves the old one."""
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.parse
from pathlib import Path

import pytest

import bd
from test_corefile import BLOCK, own, text  # noqa: F401 (own is a fixture)
from traffic import Traffic, assert_answered

IN_FORCE = 'msg="the configuration is in force"'
BACK = 'msg="the configuration before is in force again"'
STAYS = "the configuration in force stays as it was"
OTHER_ZONE = "other.example"


def hang_up(server):
    server.process.send_signal(signal.SIGHUP)


def said(server, *words):
    return sum(server.log().count(word) for word in words)


def reload(server, end=IN_FORCE, change=None):
    """Writes the configuration and waits for what SIGHUP comes to."""
    before = said(server, end)
    if change:
        change(server.config)
    server.write_config()
    hang_up(server)
    bd.wait_for(lambda: said(server, end) > before or server.process.poll() is not None, end)
    assert server.process.poll() is None, server.log()
    return server


def child(server):
    now = server.status()["server"]
    return now["pid"], now["generation"]


def held_ms(server):
    return [int(n) for n in re.findall(r"held_ms=(\d+)", server.log())]


def zombies(server):
    """Children of betterdns that nobody has reaped."""
    found = []
    for task in Path(f"/proc/{server.process.pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for pid in task.read_text().split():
                state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
                found += [int(pid)] if state == "Z" else []
    return found


def descriptors(server):
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


@pytest.mark.sanitize
def test_nothing_changed(make_server):
    """The same child answers, before and after; what was registered is there, and counts go on."""
    server = make_server().start()
    assert server.register("web", "10.0.0.1").json["served"] is True
    before, seq = child(server), server.status()["seq"]
    reload(server)
    assert child(server) == before and server.status()["seq"] == seq
    assert server.status()["server"]["adopted"] is True
    answer = server.register("after", "10.0.0.2")
    assert answer.status == 201 and answer.json["served"] is True and answer.json["seq"] == seq + 1
    assert server.dig("web.lab.example") == ["10.0.0.1"] and server.dig("after.lab.example") == ["10.0.0.2"]
    assert server.stop() == 0
    assert not server.processes()  # on_stop: stop


def add_zone(server):
    def change(config):
        config["zones"].append({"name": OTHER_ZONE, "file": str(server.folder / "other.zone"), "ttl": 30})
    return change


@pytest.mark.sanitize
def test_a_zone_more_and_less(make_server):
    server = make_server().start()
    server.register("web", "10.0.0.1")
    assert server.register(f"a.{OTHER_ZONE}.", "10.0.0.9", wait="committed").status == 422
    with Traffic(server.dns, "web.lab.example", "10.0.0.1") as traffic:
        reload(server, change=add_zone(server))
        assert server.register(f"a.{OTHER_ZONE}.", "10.0.0.9").json["served"] is True
        assert server.dig(f"a.{OTHER_ZONE}") == ["10.0.0.9"] and (server.folder / "other.zone").exists()
        reload(server, change=lambda config: config["zones"].pop())
        assert server.register(f"b.{OTHER_ZONE}.", "10.0.0.9", wait="committed").status == 422
        assert server.register("web", "10.0.0.1").json["served"] is True
    assert traffic.asked > 0 and (traffic.lost, traffic.wrong, traffic.old) == (0, 0, 0)


def write_token(server, token):
    path = server.folder / "token"
    path.write_text(token + "\n")
    path.chmod(0o600)
    return str(path)


def status_with(server, token):
    return server.request("GET", "/a", headers={"Authorization": f"Bearer {token}"})[0]


@pytest.mark.sanitize
def test_another_token(make_server):
    server = make_server()
    old, new = "0123456789abcdef-old", "0123456789abcdef-new"
    server.config["http"]["token_file"] = write_token(server, old)
    server.start()
    connection = server.connection()  # one that stays open
    assert server.request("GET", "/a", headers={"Authorization": f"Bearer {old}"}, connection=connection)[0] == 200
    write_token(server, new)
    assert (status_with(server, old), status_with(server, new)) == (200, 401)
    reload(server)
    assert (status_with(server, old), status_with(server, new)) == (401, 200)
    assert server.request("GET", "/a", headers={"Authorization": f"Bearer {old}"}, connection=connection)[0] == 401
    connection.close()
    os.chmod(server.folder / "token", 0o644)  # others could read it
    reload(server, STAYS)
    assert status_with(server, new) == 200 and "token" in server.log()


def test_checks_terminate_and_strategy(make_server):
    server = make_server(server={"strategy": "file"}).start()
    server.register("web", "10.0.0.1", lease="1h")
    expires = server.get("/a/web")["registrations"][0]["expires"]
    assert server.get("/controller/strategy")["strategy"] == "file"

    def change(config):
        config["server"]["strategy"] = "signal"
        config["checks"] = {"rules": [{"name": "web.*", "check": "tcp://:9"}], "interval": "1h"}
        config["maintenance"] = {"ttl": "7s"}
        config["terminate"] = {"kind": "exec", "argv": ["/bin/true", "{name}"], "timeout": "9s"}

    reload(server, change=change)
    assert server.get("/controller/strategy")["strategy"] == "signal"
    assert [check["url"] for check in server.get("/health/web")["checks"]] == ["tcp://:9"]
    registration = server.get("/a/web")["registrations"][0]
    assert abs(bd_time(registration["expires"]) - bd_time(expires)) <= 2  # the lease goes on
    server.register("web", "10.0.0.2")
    assert server.dig("web.lab.example") == ["10.0.0.2"]
    reload(server, STAYS, lambda config: config["terminate"].update({"user": "nobody-of-that-name"}))
    assert "nobody-of-that-name" in server.log()


def bd_time(text_):
    return time.mktime(time.strptime(text_, "%Y-%m-%dT%H:%M:%SZ"))


@pytest.mark.sanitize
def test_a_bad_file_keeps_the_old_one(make_server):
    server = make_server().start()
    before = child(server)
    last = server.get("/events?after=0")["last"]
    server.config_file.write_text("data: x\nhttp:\n  listn: [127.0.0.1:1]\nzones: 7\n")
    hang_up(server)
    bd.wait_for(lambda: STAYS in server.log(), "a refusal")
    assert f"{server.config_file}:3:3: " in server.log() and "listen" in server.log()  # did you mean
    assert f"{server.config_file}:4:8: " in server.log()  # all of them
    assert child(server) == before and server.status()["server"]["adopted"] is False  # nothing was taken down
    event, = [e for e in server.get(f"/events?after={last}")["events"] if e["kind"] == "rejected"]
    assert f"{server.config_file}:3:3: " in event["detail"]
    server.process.send_signal(signal.SIGUSR1)
    bd.wait_for(lambda: re.search(r"the configuration file is not in force: \S+:3:3: .* signal=SIGUSR1", server.log()), "how it stands")
    server.config_file.unlink()
    hang_up(server)
    bd.wait_for(lambda: said(server, STAYS) == 2, "a refusal of none at all")
    assert server.register("web", "10.0.0.1").json["served"] is True
    reload(server)
    server.process.send_signal(signal.SIGUSR1)
    bd.wait_for(lambda: said(server, "signal=SIGUSR1") == 2, "how it stands now")
    assert "not in force" not in [line for line in server.log().splitlines() if "SIGUSR1" in line][-1]


def refusals(server, tmp_path):
    """(a change, a word of the reason): none takes anything down."""
    taken = socket.socket()
    taken.bind((server.host, bd.free_address(server.host)[1]))
    taken.listen()
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind((server.host, bd.free_address(server.host)[1]))
    bad = tmp_path / "bad.zone"
    bad.write_text("@ SOA ns1 h 1 2 3 4 5\n@ NS ns1\nns1 A 1.2.3.400\n")
    plain = tmp_path / "plain"
    plain.write_text("no program\n")
    yield taken, lambda c: c["http"]["listen"].append("%s:%d" % taken.getsockname()), f"taken by python3 (pid {os.getpid()}"
    yield datagrams, lambda c: c["server"].update(listen="%s:%d" % datagrams.getsockname()), str(os.getpid())
    yield None, lambda c: c["zones"].append({"name": "bad.example", "file": str(bad)}), f"{bad}:3:"
    yield None, lambda c: c["server"].update(binary=str(plain)), "not an executable file"
    yield None, lambda c: c["server"].update(binary="no-such-program"), "no-such-program"
    yield None, lambda c: c["server"].update(corefile=str(tmp_path / "none")), str(tmp_path / "none")
    yield None, lambda c: c.update(data=str(tmp_path / "elsewhere")), "another data directory needs a restart"


def test_what_can_be_seen_before_is_refused_before(make_server, tmp_path):
    server = make_server().start()
    before, good = child(server), json.dumps(server.config)
    for holder, change, word in refusals(server, tmp_path):
        reload(server, STAYS, change)
        assert word in server.log().splitlines()[-2], server.log()
        if holder:
            holder.close()
        server.config = json.loads(good)
    assert child(server) == before and server.status()["server"]["adopted"] is False and not held_ms(server)
    assert not (tmp_path / "elsewhere").exists()
    assert descriptors(reload(server)) <= descriptors(server) + 1


def test_a_start_that_fails_brings_the_old_one_back(make_server, tmp_path):
    """A server that ends at once is seen when it is started alone: by then all is torn down."""
    server = make_server().start()
    server.register("web", "10.0.0.1")
    pid = child(server)[0]
    broken = tmp_path / "broken"
    broken.write_text(f'#!/bin/sh\n[ "$1" = -version ] && exec {bd.COREDNS} -version\necho "it is Monday" >&2\nexit 1\n')
    broken.chmod(0o755)
    with Traffic(server.dns, "web.lab.example", "10.0.0.1") as traffic:
        good = json.dumps(server.config)
        reload(server, BACK, lambda config: config["server"].update(binary=str(broken)))
        assert "it is Monday" in server.log()
        assert child(server)[0] == pid
        assert server.register("after", "10.0.0.2").json["served"] is True
        server.config = json.loads(good)
        reload(server)
    assert_answered(server, traffic)
    assert child(server)[0] == pid and len(server.processes()) == 1


def test_other_addresses(make_server):
    """HTTP and DNS move: nobody who knows both addresses is without an answer."""
    server = make_server().start()
    server.register("web", "10.0.0.1")
    old_http, old_dns = server.http_port, server.dns
    server.http_port = bd.free_address(server.host)[1]
    new_url = f"http://{server.host}:{server.http_port}"
    server.dns = (server.host, bd.free_address(server.host)[1])

    def change(config):
        config["http"]["listen"].append(f"{server.host}:{server.http_port}")
        config["server"]["listen"] = f"{server.dns[0]}:{server.dns[1]}"

    with Traffic(old_dns, "web.lab.example", "10.0.0.1", rate=100) as traffic:
        reload(server, change=change)
        asked = traffic.take()
    assert asked["asked"] > 0 and traffic.lost == 0 or server.dig("web.lab.example") == ["10.0.0.1"]
    server.url = new_url
    assert server.register("web", "10.0.0.1").json["served"] is True and server.dig("web.lab.example") == ["10.0.0.1"]
    server.config["http"]["listen"].pop(0)
    reload(server)
    assert server.is_ready()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((server.host, old_http), bd.PATIENCE)
    bd.wait_for(lambda: len(server.processes()) == 1, "the end of the old server")


def test_another_directory_of_live_copies(make_server):
    server = make_server().start()
    server.register("web", "10.0.0.1")
    with Traffic(server.dns, "web.lab.example", "10.0.0.1") as traffic:
        server.live = server.folder / "live2"
        reload(server, change=lambda config: config.update(live=str(server.live)))
        assert server.register("after", "10.0.0.2").json["served"] is True
        bd.wait_for(lambda: len(server.processes()) == 1, "a server that reads the new ones")
    assert (traffic.lost, traffic.wrong) == (0, 0)


@pytest.mark.sanitize
def test_two_at_once_and_one_in_between(make_server):
    """Two signals are at least one reload after the last of them; the last file counts."""
    server = make_server().start()
    for i in range(5):
        for ttl in ("7s", f"{10 + i}s"):
            server.config["maintenance"] = {"ttl": ttl}
            server.config["server"]["strategy"] = "signal" if i % 2 == 0 else "file"
            server.write_config()
            hang_up(server)
        bd.wait_for(lambda: server.get("/controller/strategy")["strategy"] == server.config["server"]["strategy"], "the last one")
    bd.wait_for(lambda: said(server, "SIGHUP: the configuration is put in force") == said(server, IN_FORCE), "the end of it")
    assert server.register("web", "10.0.0.1").json["served"] is True


@pytest.mark.sanitize
@pytest.mark.parametrize("later", [0, 0.005, 0.02, 0.05, 0.15])
def test_a_stop_right_after(make_server, later):
    """SIGTERM ends betterdns and, as configured, its server, wherever the reload stands."""
    server = make_server().start()
    server.register("web", "10.0.0.1")
    hang_up(server)
    if later:
        threading.Event().wait(later)
    assert server.stop() == 0
    assert not server.processes(), server.log()
    assert "by a second signal" not in server.log()


@pytest.mark.parametrize("before,after", [("stop", "keep"), ("keep", "stop")])
def test_what_happens_at_a_stop_can_change(make_server, before, after):
    server = make_server(server={"on_stop": before}).start()
    pid = child(server)[0]
    reload(server, change=lambda config: config["server"].update(on_stop=after))
    assert child(server)[0] == pid
    assert server.stop() == 0
    assert server.processes() == ([pid] if after == "keep" else [])


def test_a_child_that_was_handed_over_is_watched_and_reaped(make_server):
    server = make_server().start()
    for _ in range(3):
        reload(server)
        pid, generation = child(server)
        os.kill(pid, signal.SIGKILL)
        bd.wait_for(lambda: server.status()["server"]["generation"] > generation and server.is_ready(), "another child")
        bd.wait_for(lambda: not zombies(server), "its reaping")
        assert server.register("web", "10.0.0.1").json["served"] is True


def test_the_child_dies_while_nobody_watches(make_server):
    server = make_server().start()
    for _ in range(10):
        pid = child(server)[0]
        hang_up(server)
        os.kill(pid, signal.SIGKILL)
        bd.wait_for(lambda: server.is_ready() and server.status()["server"]["pid"] not in (0, None, pid), "another child")
        bd.wait_for(lambda: said(server, "SIGHUP: the configuration is put in force") == said(server, IN_FORCE), "the end of it")
        bd.wait_for(lambda: not zombies(server), "its reaping")


class Registering(threading.Thread):
    """Registers again and again on connections of its own; what was answered 2xx."""

    def __init__(self, server, number, **headers):
        super().__init__()
        self.headers = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        self.server, self.number, self.done, self.failed, self.slowest = server, number, {}, [], 0.0
        self.over = threading.Event()

    def run(self):
        connection = self.server.connection()
        i = 0
        while not self.over.is_set():
            i += 1
            name, value = f"r{self.number}-{i}", f"10.{self.number}.{i >> 8}.{i & 255}"
            started = time.monotonic()
            try:
                status, body = self.server.request("POST", "/a", f"name={name}&value={value}", self.headers, connection)
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(repr(error))
                connection = self.server.connection()
                continue
            self.slowest = max(self.slowest, time.monotonic() - started)
            if status == 201:
                self.done[name] = value
            else:
                self.failed.append((status, body))
        connection.close()


def all_records(server):
    page = server.get("/a?limit=10000")
    while True:
        yield from page["records"]
        if not page["next"]:
            return
        page = server.get(f"/a?limit=10000&cursor={urllib.parse.quote(page['next'])}")


def test_twenty_reloads_under_load(make_server):
    """1,000 questions a second, each counted; registrations all through: no answer is lost, none of HTTP is an error."""
    server = make_server().start()
    server.register("web", "10.0.0.1")
    threads = [Registering(server, n) for n in (1, 2)]
    with Traffic(server.dns, "web.lab.example", "10.0.0.1") as traffic:
        for t in threads:
            t.start()
        for i in range(20):
            reload(server, change=lambda config: config.update(maintenance={"ttl": f"{5 + i % 2}s"}))
            if i % 5 == 4:
                reload(server, change=add_zone(server) if i % 10 == 4 else lambda config: config["zones"].pop())
        for t in threads:
            t.over.set()
        for t in threads:
            t.join(bd.PATIENCE)
    assert_answered(server, traffic)
    assert [t.failed for t in threads] == [[], []]
    print("held, ms:", held_ms(server), "slowest, ms:", [round(1000 * t.slowest) for t in threads],
          "registered:", [len(t.done) for t in threads])
    there = {r["name"]: r["values"] for r in all_records(server)}
    for t in threads:
        assert t.done
        for name, value in t.done.items():
            assert there[f"{name}.lab.example."] == [value]
    assert len(server.processes()) == 1 and not zombies(server)


def test_those_who_wait_for_served(make_server):
    """The server stands still: who waits is answered honestly, and the change is there."""
    server = make_server().start()
    pid = child(server)[0]
    server.register("web", "10.0.0.1")
    os.kill(pid, signal.SIGSTOP)
    try:
        answers = []
        thread = threading.Thread(target=lambda: answers.append(
            server.curl("-d", "name=web", "-d", "value=10.0.0.2", path="/a?wait=served&timeout=20s")))
        thread.start()
        bd.wait_for(lambda: server.get("/a/web")["values"] == ["10.0.0.2"], "the change")
        before = said(server, "HTTP requests are answered again")
        hang_up(server)
        thread.join(bd.PATIENCE)
        bd.wait_for(lambda: said(server, "HTTP requests are answered again") > before, "the reload")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    answer, = answers
    assert answer.status in (200, 202), answer
    if answer.status == 202:
        assert answer.json["served"] is False and answer.json["reason"], answer
    bd.wait_for(lambda: server.dig_quietly("web.lab.example") == ["10.0.0.2"], "DNS")


def test_who_watches_goes_on(make_server):
    """A stream ends and is taken up again where it was; a long poll is answered; ids go on."""
    server = make_server().start()
    server.register("a", "10.0.0.1")
    stream = subprocess.Popen(["curl", "-sSN", "-H", "Accept: text/event-stream", f"{server.url}/events?after=0"],
                              stdout=subprocess.PIPE, text=True)
    lines = iter(stream.stdout.readline, "")
    last = next(line for line in lines if '"registered"' in line)
    last = json.loads(last.removeprefix("data: "))["id"]
    poll = threading.Thread(target=lambda: polled.append(server.request("GET", f"/events?after={newest}&wait=60s")))
    newest, polled = server.get("/events?after=0")["last"], []
    poll.start()
    bd.wait_for(lambda: "betterdns_event_readers 2" in server.request("GET", "/metrics")[1].decode() or
                server.get("/events?after=0"), "both watch")
    reload(server)
    poll.join(bd.PATIENCE)
    assert polled[0][0] == 200 and json.loads(polled[0][1])["last"].split("-")[0] == newest.split("-")[0]
    assert stream.wait(bd.PATIENCE) == 0  # it ended in order
    server.register("b", "10.0.0.2")
    after = server.get(f"/events?after={last}")
    assert "registered" in [e["kind"] for e in after["events"]], after
    again = subprocess.run(["curl", "-sS", "--max-time", "1", "-H", "Accept: text/event-stream", "-H", f"Last-Event-ID: {newest}",
                            f"{server.url}/events"], capture_output=True, text=True, timeout=bd.PATIENCE, check=False)
    assert "b.lab.example." in again.stdout, again


def test_a_corefile_of_ones_own(own):
    server = own().start()
    assert bd.addresses(server.dns, "any.other.example") == ["192.0.2.99"]
    server.register("web", "10.0.0.1")
    with Traffic(server.dns, "web.lab.example", "10.0.0.1") as traffic:
        server.corefile.write_text(text(server, address="192.0.2.98"))
        reload(server)
        bd.wait_for(lambda: bd.addresses(server.dns, "any.other.example") == ["192.0.2.98"], "the new Corefile")
        # one that CoreDNS alone can see to be wrong: the configuration is in force, with the last good Corefile
        server.corefile.write_text(text(server, more="nonsense on this line", address="192.0.2.97"))
        reload(server)
        assert "the last good one stays" in server.log()
        assert bd.addresses(server.dns, "any.other.example") == ["192.0.2.98"]
        assert server.register("after", "10.0.0.2").json["served"] is True
    assert (traffic.lost, traffic.wrong) == (0, 0)
    bd.wait_for(lambda: len(server.processes()) == 1, "one server")
    # what only a start can change: its `bind`
    server.corefile.write_text(text(server, block=BLOCK.replace(" {{$BETTERDNS_PROBE}}", "")))
    bd.wait_for(lambda: "SIGHUP" in server.status()["server"]["reason"], "advice")
    reload(server)
    bd.wait_for(lambda: bd.addresses(server.dns, "any.other.example") == ["192.0.2.99"], "the new one")


def test_memory_and_descriptors_stay(make_server):
    server = make_server().start()
    server.register("web", "10.0.0.1")
    for _ in range(10):
        reload(server)
    files, memory = descriptors(server), bd.memory_mb(server.process.pid)
    threads = len(os.listdir(f"/proc/{server.process.pid}/task"))
    for _ in range(30):
        reload(server)
    bd.wait_for(lambda: descriptors(server) <= files + 2, "no more descriptors")
    assert len(os.listdir(f"/proc/{server.process.pid}/task")) <= threads + 2
    assert bd.memory_mb(server.process.pid) < memory + 4, (memory, bd.memory_mb(server.process.pid))
