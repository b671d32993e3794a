"""What DNS shows follows the health of real HTTP servers: stopped, hung, slow, wrong, flapping, and back again."""
import http.server
import json
import signal
import socket
import statistics
import threading
import time

import pytest

import bd

INTERVAL, FALL = 1, 3
# Of so many answers one is an error, so that how often a host flaps depends on probes alone and not on what this machine does besides.
FLAP = 6
CHECK = {"check.interval": "1s", "check.timeout": "500ms", "check.rise": "1"}


class Host:
    """An HTTP server at an address of its own, which can misbehave."""

    def __init__(self):
        self.mode = "well"
        self.address, self.port = bd.free_address()
        self.listener = None
        self.asked = 0
        self.start()

    def start(self):
        host = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                host.asked += 1
                mode = host.mode
                if mode == "flapping":
                    mode = "well" if host.asked % FLAP else "error"
                if mode == "hung":
                    self.close_connection = True
                    host.released.wait(bd.PATIENCE)
                    return
                if mode == "slow":
                    host.released.wait(2)
                body = b"all is well\n" if mode != "other" else b"out of order\n"
                self.send_response(500 if mode == "error" else 302 if mode == "moved" else 200)
                if mode == "moved":
                    self.send_header("Location", f"http://{host.address}:{host.port}/elsewhere")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Listener(http.server.ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, *_):
                pass

        self.released = threading.Event()
        self.listener = Listener((self.address, self.port), Handler)
        self.thread = threading.Thread(target=self.listener.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def stop(self):
        if self.listener:
            self.released.set()
            self.listener.shutdown()
            self.thread.join(bd.PATIENCE)
            self.listener.server_close()
            self.listener = None

    def behave(self, mode):
        self.released.set()
        self.released = threading.Event()
        self.mode = mode


@pytest.fixture
def make_hosts():
    made = []

    def make(count):
        made.extend(Host() for _ in range(count))
        return made[-count:]

    yield make
    for host in made:
        host.stop()


@pytest.fixture
def server(make_server):
    return make_server(checks={"allow": ["127.0.0.0/8"]}).start()


def register(server, name, host, **fields):
    answer = server.register(name, host.address, check=f"http://:{host.port}/healthz", **{**CHECK, **fields})
    assert answer.status == 201, answer
    return answer.json


def check_of(server, name, address=None):
    checks = server.get(f"/health/{name}")["checks"]
    return next(c for c in checks if address in (None, c["address"]))


def in_state(server, name, state, address=None):
    bd.wait_for(lambda: check_of(server, name, address)["state"] == state, f"{name} is {state}")


def available(server):
    return sum(c["state"] == "AVAILABLE" for name in server.get("/health")["health"] for c in name["checks"])


def shown(server, name):
    return bd.addresses(server.dns, f"{name}.lab.example")


def is_shown(server, name, *hosts):
    bd.wait_for(lambda: shown(server, name) == sorted(h.address for h in hosts), f"DNS shows {len(hosts)} of {name}")


def test_our_own_pause_is_no_failure_of_a_host(server, make_hosts):
    """Suspended, or without a CPU: the answer came in time, and nobody was there to read it."""
    host, = make_hosts(1)
    register(server, "web", host, **{"check.fall": "1", "check.interval": "3s", "check.timeout": "2500ms"})
    in_state(server, "web", "AVAILABLE")
    host.behave("slow")
    asked = host.asked
    bd.wait_for(lambda: host.asked > asked, "a probe is under way")
    server.process.send_signal(signal.SIGSTOP)
    host.behave("well")
    threading.Event().wait(4)  # well over the time-out
    server.process.send_signal(signal.SIGCONT)
    asked = host.asked
    bd.wait_for(lambda: host.asked > asked, "the next probe")
    check = check_of(server, "web")
    assert [t["to"] for t in check["transitions"]] == ["AVAILABLE"], check


@pytest.mark.parametrize("how", ["stopped", "hung", "slow", "error", "moved", "other"])
def test_a_host_that_fails_leaves_and_comes_back(server, make_hosts, how):
    host, = make_hosts(1)
    register(server, "web", host, **{"check.body": "all is well"})
    in_state(server, "web", "AVAILABLE")
    is_shown(server, "web", host)
    if how == "stopped":
        host.stop()
    else:
        host.behave(how)
    if how == "moved":  # redirects are not followed; 302 is fine by default, its body too
        asked = host.asked
        bd.wait_for(lambda: host.asked > asked + 1, "more probes")
        assert check_of(server, "web")["state"] == "AVAILABLE"
        return
    is_shown(server, "web")
    check = check_of(server, "web")
    assert check["state"] == "UNAVAILABLE" and check["withdrawn"] is True and check["last"]["ok"] is False
    assert [(t["from"], t["to"]) for t in check["transitions"]] == [("UNKNOWN", "AVAILABLE"), ("AVAILABLE", "UNAVAILABLE")]
    assert "all is well" not in check["last"]["output"] and "out of order" not in check["last"]["output"], "never the body"
    record = server.get("/a/web")
    assert record["values"] == [host.address], "the registration stays"
    assert record["registrations"][0]["withdrawn"] is True and record["registrations"][0]["state"] == "UNAVAILABLE"
    assert host.address in server.curl(path="/").text, "the manifest is the operator's: it has everything"
    if how == "stopped":
        host.start()
    else:
        host.behave("well")
    is_shown(server, "web", host)
    in_state(server, "web", "AVAILABLE")
    assert server.get("/a/web")["registrations"][0]["withdrawn"] is False


def test_a_name_with_several_hosts_keeps_its_last(server, make_hosts):
    hosts = make_hosts(3)
    for number, host in enumerate(hosts):
        register(server, "pool", host, id=f"host{number}")
    bd.wait_for(lambda: all(c["state"] == "AVAILABLE" for c in server.get("/health/pool")["checks"]), "all are available")
    is_shown(server, "pool", *hosts)
    hosts[0].stop()
    is_shown(server, "pool", *hosts[1:])
    hosts[1].stop()
    is_shown(server, "pool", hosts[2])
    hosts[2].stop()
    in_state(server, "pool", "UNAVAILABLE", hosts[2].address)
    bd.wait_for(lambda: check_of(server, "pool", hosts[2].address)["kept"], "it is marked")
    assert check_of(server, "pool", hosts[2].address)["withdrawn"] is False
    assert shown(server, "pool") == [hosts[2].address]
    hosts[0].start()
    is_shown(server, "pool", hosts[0])  # another one is back: the last one goes too
    status, left = server.request("DELETE", "/a/pool?id=host0")  # with the same change the others are shown again
    assert status == 200 and [r["withdrawn"] for r in json.loads(left)["registrations"]] == [False, False], left


def test_keep_last_false(make_server, make_hosts):
    server = make_server(checks={"allow": ["127.0.0.0/8"], "keep_last": False}).start()
    hosts = make_hosts(2)
    for number, host in enumerate(hosts):
        register(server, "pool", host, id=f"host{number}")
    is_shown(server, "pool", *hosts)
    for host in hosts:
        host.stop()
    is_shown(server, "pool")


def test_written_by_hand(make_server, make_hosts):
    """Never withdrawn, unless a rule of the configuration asks for it."""
    hosts = make_hosts(2)
    rules = [{"name": f"ruled{n}.lab.example", "check": f"http://:{host.port}/", "handwritten": n == 1} for n, host in enumerate(hosts)]
    server = make_server(checks={"allow": ["127.0.0.0/8"], "interval": "1s", "timeout": "500ms", "rise": 1, "rules": rules}).start()
    with server.zone_file.open("a", encoding="ascii") as zone:
        zone.write("".join(f"ruled{n}.lab.example. A {host.address}\n" for n, host in enumerate(hosts)))
    is_shown(server, "ruled0", hosts[0])
    is_shown(server, "ruled1", hosts[1])
    in_state(server, "ruled1", "AVAILABLE")
    for host in hosts:
        host.stop()
    is_shown(server, "ruled1")
    assert shown(server, "ruled0") == [hosts[0].address]
    assert server.curl(path="/health/ruled0").status == 404
    assert hosts[1].address in server.zone_file.read_text(), "the people's file keeps it"
    hosts[1].start()
    is_shown(server, "ruled1", hosts[1])


def test_a_restart_forgets_no_state_and_asks_nobody_all_at_once(server, make_hosts):
    hosts = make_hosts(4)
    for number, host in enumerate(hosts):
        register(server, f"web{number}", host)
        in_state(server, f"web{number}", "AVAILABLE")
    hosts[0].stop()
    is_shown(server, "web0")
    since = check_of(server, "web0")["since"]
    # Health is written down at most once a second.
    bd.wait_for(lambda: time.time() - time.mktime(time.strptime(since, "%Y-%m-%dT%H:%M:%SZ")) + time.timezone > 3, "it is written down")
    server.kill()
    server.start()
    states = {f"web{n}": check_of(server, f"web{n}")["state"] for n in range(4)}
    assert states == {"web0": "UNAVAILABLE", "web1": "AVAILABLE", "web2": "AVAILABLE", "web3": "AVAILABLE"}
    assert check_of(server, "web0")["since"] == since
    assert shown(server, "web0") == []
    hosts[0].start()
    is_shown(server, "web0", hosts[0])


def test_how_soon_dns_follows(server, make_hosts, capsys):
    """The median of 50 servers that are stopped, at a moment of their own."""
    hosts = make_hosts(50)
    for number, host in enumerate(hosts):
        register(server, f"k{number}", host)
    bd.wait_for(lambda: available(server) == 50, "all are available")
    took, waiting = [], {}
    for number, host in enumerate(hosts):
        host.stop()
        waiting[number] = time.monotonic()
        for gone in [n for n in waiting if not shown(server, f"k{n}")]:
            took.append(time.monotonic() - waiting.pop(gone))
    deadline = time.monotonic() + bd.PATIENCE
    while waiting:
        assert time.monotonic() < deadline, waiting
        for gone in [n for n in waiting if not shown(server, f"k{n}")]:
            took.append(time.monotonic() - waiting.pop(gone))
    with capsys.disabled():
        print(f"\n50 hosts stopped: out of DNS after {statistics.median(took):.2f} s (median; interval x fall + 1 s = {INTERVAL * FALL + 1} s), "
              f"{max(took):.2f} s at most")
    assert len(took) == 50


def asked_more(hosts, times, meanwhile=lambda: None):
    """Each of them is probed so many times from now on."""
    before = [host.asked for host in hosts]

    def enough():
        meanwhile()
        return all(h.asked >= n + times for h, n in zip(hosts, before))
    bd.wait_for(enough, f"{times} probes of each", 10 * bd.PATIENCE)


def test_flapping_hosts_do_not_flood_dns(server, make_hosts):
    """Each relapse asks for more successes before the next return, until there are never so many; and the serial never moves more than once a
    second."""
    hosts = make_hosts(20)
    for number, host in enumerate(hosts):
        register(server, f"f{number}", host, **{"check.fall": "1"})
    bd.wait_for(lambda: available(server) == 20, "all are available")
    before, began = server.get("/zones/lab.example")["serial"], time.monotonic()
    for host in hosts:
        host.behave("flapping")
    asked_more(hosts, 4 * FLAP)  # the fourth asks for 8 in a row
    moved, seconds = server.get("/zones/lab.example")["serial"] - before, time.monotonic() - began
    assert 0 < moved < 2 * seconds
    bd.wait_for(lambda: available(server) == 0, "all have fallen for the fourth time")

    def none_is_back():
        assert available(server) == 0
    asked_more(hosts, 2 * FLAP, none_is_back)
    for host in hosts:
        host.behave("well")
    asked_more(hosts, 10)
    bd.wait_for(lambda: available(server) == 20, "all are available again")


def test_probes_do_not_hang_on_a_listener_that_never_accepts(server):
    with socket.socket() as s:
        address, port = bd.free_address()
        s.bind((address, port))
        s.listen(0)
        answer = server.register("deaf", address, check=f"http://:{port}/", **CHECK)
        assert answer.status == 201
        is_shown(server, "deaf")
