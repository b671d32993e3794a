"""kill -9 of betterdns at random points under sixteen writers: no 2xx is lost, DNS answers throughout from the child that stays, and the
next betterdns adopts it. The short form runs in make test; make soak has 10,000 rounds."""
import http.client
import json
import os
import random
import threading

import pytest

import bd

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
WRITERS = 16
ABSENT = None


class Writer(threading.Thread):
    """Registers, replaces and deletes its own names; knows for each what may be there after a crash."""

    def __init__(self, server, number, known, serial):
        super().__init__(daemon=True)  # an interrupted run ends all the same
        self.server, self.number, self.known, self.serial = server, number, known, serial
        self.stop, self.acknowledged, self.wrong = threading.Event(), 0, []
        self.gone, self.refused = threading.Event(), False  # set where the power is cut: see tests/fault

    def after_the_end(self, status, text):
        """Proves nothing, but for this: whoever has said that it takes nothing any more must not take the next one."""
        self.refused = self.refused or status == 503
        if self.refused and status in (200, 201, 202) and json.loads(text)["changed"]:
            self.wrong.append((status, "after a 503"))

    def is_served(self, name, answer):
        try:
            return self.server.query(f"{name}.lab.example") == answer
        except OSError:
            return self.gone.is_set()

    def run(self):
        rng, connection = random.Random(self.serial * WRITERS + self.number), None
        while not self.stop.is_set():
            name = f"w{self.number}-{rng.randrange(30)}"
            allowed = self.known.get(name, {ABSENT})
            delete = len(allowed) == 1 and ABSENT not in allowed and rng.random() < 0.2
            value = ABSENT if delete else f"10.{self.number}.{rng.randrange(250)}.{rng.randrange(1, 250)}"
            wait = "?wait=served" if rng.random() < 0.3 else ""
            self.known[name] = allowed | {value}
            try:
                connection = connection or self.server.connection()
                if delete:
                    status, text = self.server.request("DELETE", f"/a/{name}{wait}", None, {}, connection)
                else:
                    status, text = self.server.request("POST", f"/a{wait}", f"name={name}&value={value}", FORM, connection)
            except (OSError, http.client.HTTPException):
                return  # killed: what was under way is allowed to be there or not
            if self.gone.is_set():
                self.after_the_end(status, text)
            elif status in (200, 201, 202):
                self.known[name] = {value}
                self.acknowledged += 1
                if wait and status != 202 and not self.is_served(name, (3, 0) if delete else (0, 1)):
                    self.wrong.append((name, "acknowledged as served, and is not"))
            elif status != 503:
                self.wrong.append((name, status, text))


class Asker(threading.Thread):
    """Asks for one name all the time: it is never without its answer."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.stop, self.asked, self.failed = server, threading.Event(), 0, []

    def run(self):
        while not self.stop.is_set():
            try:
                answer = self.server.query("always.lab.example", timeout=2)
            except OSError as error:
                answer = repr(error)
            self.asked += 1
            if answer != (0, 1):
                self.failed.append(answer)
            self.stop.wait(0.002)


def compare(server, known):
    """What is there and may not be: (name, values, what may be). Afterwards what is there is all that is known."""
    there = {r["name"].split(".")[0]: r["values"] for r in server.get("/a?limit=10000")["records"]}
    wrong = []
    for name, allowed in known.items():
        values = there.get(name) or [ABSENT]
        if len(values) != 1 or values[0] not in allowed:
            wrong.append((name, values, allowed))
        known[name] = {values[0]}
    return wrong


def one_round(server, known, serial):
    writers = [Writer(server, n, known, serial) for n in range(WRITERS)]
    for w in writers:
        w.start()
    threading.Event().wait(random.uniform(0.02, 0.4))  # the random point
    server.kill()
    for w in writers:
        w.stop.set()
        w.join(bd.PATIENCE)
        assert w.wrong == []
    server.start()
    status = server.status()
    assert compare(server, known) == []
    return status, sum(w.acknowledged for w in writers)


def campaign(server, rounds):
    server.start()
    assert server.register("always", "192.0.2.1").status == 201
    pid, known, acknowledged = server.status()["server"]["pid"], {}, 0
    asker = Asker(server)
    asker.start()
    try:
        for serial in range(rounds):
            status, count = one_round(server, known, serial)
            acknowledged += count
            assert status["server"]["pid"] == pid and status["server"]["adopted"] is True, status["server"]
        # What the last round left is served: one more acknowledged change is past all of it.
        assert server.register("last", "192.0.2.2").json["served"] is True
        for name, (value,) in {n: tuple(v) for n, v in known.items()}.items():
            assert server.query(f"{name}.lab.example") == ((3, 0) if value is ABSENT else (0, 1)), name
    finally:
        asker.stop.set()
        asker.join(bd.PATIENCE)
    assert asker.failed == [], f"{len(asker.failed)} of {asker.asked} without their answer"
    assert acknowledged > rounds * WRITERS, "too few changes to mean anything"
    assert asker.asked > rounds * 10
    os.kill(pid, 0)


@pytest.mark.slow
def test_kill_50_rounds(make_server):
    campaign(make_server(), 50)


@pytest.mark.sanitize
def test_kill_5_rounds(make_server):
    campaign(make_server(), 5)


@pytest.mark.soak
def test_kill_soak(make_server):
    campaign(make_server(), int(os.environ.get("BETTERDNS_SOAK_ROUNDS", "10000")))


def test_an_orderly_stop_loses_nothing(make_server):
    server = make_server().start()
    writers = [Writer(server, n, {}, 7) for n in range(WRITERS)]
    for w in writers:
        w.start()
    threading.Event().wait(0.3)
    assert server.stop() == 0, server.log()[-2000:]
    for w in writers:
        w.stop.set()
        w.join(bd.PATIENCE)
        assert w.wrong == []
    server.start()
    there = {r["name"].split(".")[0]: r["values"][0] for r in server.get("/a?limit=10000")["records"]}
    for w in writers:
        for name, allowed in w.known.items():
            assert there.get(name, ABSENT) in allowed, (name, there.get(name), allowed)
    assert sum(w.acknowledged for w in writers) > 0
    assert json.loads(server.curl(path="/status").body)["read_only"] is False
