"""SIGHUP while hosts are watched: who is being removed, who has a lease, what is known of checks."""
import contextlib
import http.server
import json
import sqlite3
import threading
import time

import pytest

import bd
from test_notify import MORE_TIME, make_supervised  # noqa: F401 (a fixture)
from test_reload import IN_FORCE, hang_up, held_ms, said, write_token

TOKEN = "0123456789abcdef-alive"
AUTH = {"Authorization": f"Bearer {TOKEN}"}
# Nobody listens there: such a host is removed 10 s after its first check.
DEAD = {"check": "tcp://:9", "check.interval": "1s", "check.fall": "1", "check.timeout": "1s", "check.deregister_after": "10s"}
WAITS = "its end is waited for"


def with_token(server, **terminate):
    server.config["http"]["token_file"] = write_token(server, TOKEN)
    server.config["checks"] = {"allow": ["127.0.0.0/8"]}
    server.config["terminate"] = {"enabled": True, "timeout": "25s", **terminate}
    return server


def ask(server, method, path, **fields):
    body = "&".join(f"{k}={v}" for k, v in fields.items()) or None
    headers = {**AUTH, "Content-Type": "application/x-www-form-urlencoded"} if body else AUTH
    status, text = server.request(method, path, body, headers)
    return status, json.loads(text) if text else None


def register(server, name, value, **fields):
    status, answer = ask(server, "POST", "/a", name=name, value=value, **fields)
    assert status in (200, 201), answer
    return answer


def terminations(server):
    return [(e["name"], e["ok"], e["detail"].split(":")[0]) for e in ask(server, "GET", "/events?after=0&kind=terminated")[1]["events"]]


class Program:
    """A terminator that says that it runs, and ends when it may."""

    def __init__(self, folder):
        self.said, self.may = folder / "said", folder / "may"
        self.file = folder / "terminate"
        self.file.write_text(f'#!/bin/sh\necho begin >>{self.said}\nwhile [ ! -e {self.may} ]; do sleep 0.05; done\necho end >>{self.said}\n')
        self.file.chmod(0o755)

    def options(self):
        return {"kind": "exec", "argv": [str(self.file), "{name}"]}

    def words(self):
        return self.said.read_text().split() if self.said.exists() else []

    def go(self):
        self.may.touch()

    def close(self):
        self.go()


class Webhook:
    """As Program, for who is asked by HTTP."""

    def __init__(self, folder):
        self.heard, self.may, self.folder = [], threading.Event(), folder
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                outer.heard.append("begin")
                outer.may.wait(bd.PATIENCE)
                with contextlib.suppress(OSError):
                    self.send_response(204)
                    self.end_headers()
                    self.wfile.flush()
                    outer.heard.append("end")

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def options(self):
        secret = self.folder / "secret"
        secret.write_text("0123456789abcdef-secret\n")
        secret.chmod(0o600)
        return {"kind": "webhook", "url": f"http://127.0.0.1:{self.server.server_address[1]}/", "secret_file": str(secret)}

    def words(self):
        return list(self.heard)

    def go(self):
        self.may.set()

    def close(self):
        self.go()
        self.server.shutdown()
        self.thread.join(bd.PATIENCE)
        self.server.server_close()


@pytest.fixture
def terminator(tmp_path):
    """terminator(Program), ended in any case."""
    made = []

    def make(kind):
        made.append(kind(tmp_path))
        return made[-1]

    yield make
    for t in made:
        t.close()


def begin_a_removal(server, t):
    register(server, "dead", "127.0.0.9", **DEAD)
    bd.wait_for(lambda: t.words() == ["begin"], "its terminator has begun", 2 * bd.PATIENCE)


def hear(supervisor, first, *words):
    """A message that begins so, and after it each of these words; no READY=1."""
    supervisor.expect(first)
    supervisor.heard.clear()
    deadline = time.monotonic() + bd.PATIENCE
    while not all(any(word in message for message in supervisor.heard) for word in words):
        assert supervisor.next() != "READY=1" and time.monotonic() < deadline, supervisor.heard


@pytest.mark.slow
def test_a_terminator_goes_on_to_its_end(make_supervised, terminator):  # noqa: F811
    """Meanwhile all goes on, and the supervisor is not kept in the dark; a second SIGHUP is not lost."""
    server, supervisor = make_supervised(usec=2000000)
    t = terminator(Program)
    with_token(server, **t.options()).start()
    begin_a_removal(server, t)
    server.config["server"]["strategy"] = "signal"
    server.write_config()
    hang_up(server)
    bd.wait_for(lambda: WAITS in server.log(), "a word about it")
    server.config["server"]["strategy"] = "file"
    server.config["maintenance"] = {"ttl": "7s"}
    server.write_config()
    hang_up(server)
    bd.wait_for(lambda: "read again once the reload is over" in server.log(), "the second one")
    # It goes on, and what it waits for can take long.
    hear(supervisor, "RELOADING=1", "a reload waits for what is under way", MORE_TIME, "WATCHDOG=1")
    assert t.words() == ["begin"]
    register(server, "web", "127.0.0.1", lease="10s")
    assert bd.addresses(server.dns, "dead.lab.example") == [] and ask(server, "GET", "/a/dead")[0] == 200
    assert "HTTP requests are answered again" not in server.log()
    t.go()
    supervisor.expect("READY=1")
    bd.wait_for(lambda: said(server, IN_FORCE) == 2, "both")
    assert t.words() == ["begin", "end"]
    assert ask(server, "GET", "/a/dead")[0] == 404 and ask(server, "GET", "/a/web")[0] == 200
    assert terminations(server) == [("dead.lab.example.", True, "exit code 0")]
    assert ask(server, "GET", "/controller/strategy")[1]["strategy"] == "file"


@pytest.mark.slow
def test_a_webhook_is_heard_to_its_end(make_server, terminator):
    server, t = make_server(), terminator(Webhook)
    with_token(server, **t.options()).start()
    begin_a_removal(server, t)
    hang_up(server)
    bd.wait_for(lambda: WAITS in server.log(), "a word about it")
    register(server, "web", "127.0.0.1")
    assert said(server, IN_FORCE) == 0
    t.go()
    bd.wait_for(lambda: said(server, IN_FORCE) == 1, "the reload")
    assert t.words() == ["begin", "end"] and ask(server, "GET", "/a/dead")[0] == 404
    assert terminations(server) == [("dead.lab.example.", True, "HTTP 204")]


@pytest.mark.slow
def test_a_stop_does_not_wait_for_it(make_server, terminator):
    server, t = make_server(), terminator(Program)
    with_token(server, **t.options()).start()
    begin_a_removal(server, t)
    hang_up(server)
    bd.wait_for(lambda: WAITS in server.log(), "a word about it")
    assert server.stop() == 0
    assert t.words() == ["begin"] and said(server, IN_FORCE) == 0 and not server.processes()


@contextlib.contextmanager
def held_up(server):
    """Nobody can write to state.db; betterdns waits five seconds for it before it says so."""
    db = sqlite3.connect(server.data / "state.db", isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        db.close()


def in_the_background(fn, *args, **kwargs):
    answers = []
    thread = threading.Thread(target=lambda: answers.append(fn(*args, **kwargs)))
    thread.start()
    return thread, answers


def until(begun, seconds):
    bd.wait_for(lambda: time.monotonic() >= begun + seconds, f"{seconds} s later")


@pytest.mark.slow
def test_a_lease_does_not_end_while_its_renewal_waits_at_the_door(make_server):
    """A slow disk makes the hold long: a request that is under way waits for it, and all others wait for that one."""
    server = make_server().start()
    number = server.register("web", "10.0.0.1", lease="10s").json["registrations"][0]["number"]
    begun = time.monotonic()
    until(begun, 7)
    with held_up(server):
        first = in_the_background(server.register, "other", "10.0.0.2")
        until(begun, 7.3)
        hang_up(server)
        bd.wait_for(lambda: "SIGHUP: the configuration is put in force" in server.log(), "the hold")
        until(begun, 7.6)
        renewal = in_the_background(server.register, "web", "10.0.0.1", lease="10s")
        until(begun, 11.5)
    for thread, _ in (first, renewal):
        thread.join(bd.PATIENCE)
    bd.wait_for(lambda: said(server, IN_FORCE) == 1, "the reload")
    assert held_ms(server)[-1] > 2000, "it was not held"
    assert first[1][0].status in (201, 202), first
    assert (renewal[1][0].status, renewal[1][0].json["changed"]) == (200, False), renewal
    assert server.get("/a/web")["registrations"][0]["number"] == number


@pytest.mark.slow
def test_a_lease_does_not_end_while_its_renewal_is_refused_by_a_stop(make_server):
    server = make_server().start()
    server.register("web", "10.0.0.1", lease="10s")
    begun = time.monotonic()
    until(begun, 7.5)
    with held_up(server):
        first = in_the_background(server.register, "other", "10.0.0.2")
        until(begun, 8)
        server.process.terminate()
        until(begun, 12)
    first[0].join(bd.PATIENCE)
    assert server.process.wait(bd.PATIENCE) == 0 and first[1][0].status in (201, 202), first
    server.start()
    assert server.request("GET", "/a/web")[0] == 200
