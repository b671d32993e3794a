"""kill -9 of betterdns at random points, under sixteen writers, in the middle of a start, a publish, a swap, a stop, and of its server
with it: no 2xx is lost, DNS answers throughout from the child that stays, and the next betterdns adopts it. The short form runs in
make test; make soak has 10,000 rounds of the first, and 1,000 of the others. What was going on when it was killed is counted."""
import contextlib
import http.client
import json
import os
import random
import signal
import threading

import pytest

import bd
from traffic import Traffic, assert_answered

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
WRITERS = 16
ABSENT = None
ADDRESS = "10.6.0.1"


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
    assert server.register("always", ADDRESS).status == 201
    pid, known, acknowledged = server.status()["server"]["pid"], {}, 0
    with Traffic(server.dns, "always.lab.example", ADDRESS) as traffic:
        for serial in range(rounds):
            status, count = one_round(server, known, serial)
            acknowledged += count
            assert status["server"]["pid"] == pid and status["server"]["adopted"] is True, status["server"]
        # What the last round left is served: one more acknowledged change is past all of it.
        assert server.register("last", "192.0.2.2").json["served"] is True
        for name, (value,) in {n: tuple(v) for n, v in known.items()}.items():
            assert server.query(f"{name}.lab.example") == ((3, 0) if value is ABSENT else (0, 1)), name
    assert_answered(server, traffic)
    assert acknowledged > rounds * WRITERS, "too few changes to mean anything"
    assert traffic.asked > rounds * 10
    assert server.processes() == [pid]


# ---- at random points of what it does ---------------------------------------------------------------------------------

def value_of(serial):
    return f"10.8.{serial >> 8 & 255}.{serial & 255}"


def change(server, serial):
    """Durable, and perhaps not yet told to the server."""
    assert server.request("POST", "/a", f"name=r{serial % 20}&value={value_of(serial)}", FORM)[0] in (200, 201)


def is_there(server, serial):
    return server.get(f"/a/r{serial % 20}")["values"] == [value_of(serial)]


def is_shown(server, serial):
    try:
        return bd.addresses(server.dns, f"r{serial % 20}.lab.example") == [value_of(serial)]
    except OSError:
        return False


# Each begins something, and gives a function that says whether it is still going on.
def during_a_start(server, serial):
    change(server, serial)
    server.kill()
    said = server.log_file.stat().st_size
    server.launch()

    def goes_on():
        with server.log_file.open("rb") as log:
            log.seek(said)
            return b"the DNS server is ready" not in log.read()
    return goes_on


def during_a_publish(server, serial):
    change(server, serial)
    return lambda: not is_shown(server, serial)


def during_a_swap(server, serial):
    before = server.processes()
    change(server, serial)
    try:
        bd.wait_for(lambda: server.processes() != before, "a swap")  # a short one may be over before it is seen
    except AssertionError as error:
        raise AssertionError(f"{error}: {server.status()} {server.log()[-4000:]}") from None
    return lambda: len(server.processes()) == 2


def during_a_stop(server, serial):
    change(server, serial)
    server.process.terminate()
    return lambda: server.process.poll() is None


BEGIN = {"start": during_a_start, "publish": during_a_publish, "swap": during_a_swap, "stop": during_a_stop}


class Moments:
    """They take turns; how often each one was met in the middle is counted."""

    def __init__(self, **moments):
        """start=SECONDS: what it takes at most, about."""
        self.moments, self.met, self.rounds = list(moments.items()), dict.fromkeys(moments, 0), 0

    def begin(self, server, serial):
        """One of them has begun, and a random time is over."""
        self.rounds += 1
        moment, longest = self.moments[serial % len(self.moments)]
        goes_on = BEGIN[moment](server, serial)
        threading.Event().wait(random.choice((0, random.uniform(0, longest / 10), random.uniform(0, longest))))
        self.met[moment] += goes_on()

    def assert_met(self):
        print(f"{self.rounds} rounds; met:", ", ".join(f"{moment} {n}" for moment, n in self.met.items()))
        assert self.rounds < 50 or all(self.met.values()), self.met


def moments_campaign(server, rounds):
    """The server stays the same one throughout, alone, and none of its answers is missing."""
    bd.write_large_zone(server.zone_file, 10000)  # a publish takes a while
    server.start()
    assert server.register("always", ADDRESS).status == 201
    pid, moments = server.status()["server"]["pid"], Moments(start=0.1, publish=0.05, stop=0.1)
    with Traffic(server.dns, "always.lab.example", ADDRESS) as traffic:
        for serial in range(rounds):
            moments.begin(server, serial)
            server.kill()
            assert server.processes() == [pid], serial
            server.start()
            status = server.status()["server"]
            assert status["pid"] == pid and status["adopted"] is True, (serial, status)
            assert server.processes() == [pid], serial
            assert is_there(server, serial)
    moments.assert_met()
    assert_answered(server, traffic)


def swaps_campaign(server, rounds):
    """In the middle of a swap there are two: the next one takes the newer, and ends the other."""
    bd.write_large_zone(server.zone_file, 10000)
    server.start()
    assert server.register("always", ADDRESS).status == 201
    first, moments = server.status()["server"]["generation"], Moments(swap=0.06, publish=0.06, start=0.1)
    with Traffic(server.dns, "always.lab.example", ADDRESS) as traffic:
        for serial in range(rounds):
            moments.begin(server, serial)
            server.kill()
            left = server.processes()
            server.start()
            status = server.status()["server"]
            assert status["adopted"] is True and status["pid"] in left, (status, left)
            bd.wait_for(lambda: server.processes() == [server.status()["server"]["pid"]], "one server")
            assert is_there(server, serial)
            assert server.register(f"after{serial % 20}", f"10.9.{serial >> 8 & 255}.{serial & 255}").json["served"] is True
    moments.assert_met()
    assert_answered(server, traffic, server.status()["server"]["generation"] - first)


def both_campaign(server, rounds):
    """With nobody left there is no answer; as soon as there is one it is right, and there is one server."""
    bd.write_large_zone(server.zone_file, 10000)
    way = "swap" if server.config["server"].get("strategy") == "restart" else "publish"
    server.start()
    assert server.register("always", ADDRESS).status == 201
    moments = Moments(start=0.05, stop=0.05, **{way: 0.05})
    with Traffic(server.dns, "always.lab.example", ADDRESS) as traffic:
        for serial in range(rounds):
            moments.begin(server, serial)
            pids = [server.process.pid, *server.processes()]
            random.shuffle(pids)
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            server.kill()
            server.start()
            bd.wait_for(lambda: server.processes() == [server.status()["server"]["pid"]], "one server")
            assert server.query("always.lab.example") == (0, 1)
            assert is_there(server, serial)
    moments.assert_met()
    print(f"{traffic.asked} queries, {traffic.lost} lost in {rounds} rounds; the longest gap {traffic.gap_ms:.0f} ms")
    assert traffic.wrong == traffic.old == 0


CAMPAIGNS = [(campaign, {}), (moments_campaign, {"on_stop": "keep"}), (swaps_campaign, {"strategy": "restart"}),
             (both_campaign, {"on_stop": "keep"}), (both_campaign, {"on_stop": "keep", "strategy": "restart"})]


@pytest.mark.slow
@pytest.mark.parametrize("what, options", CAMPAIGNS)
def test_kill_50_rounds(make_server, what, options):
    what(make_server(server=options), 50)


@pytest.mark.sanitize
@pytest.mark.parametrize("what, options", CAMPAIGNS)
def test_kill_5_rounds(make_server, what, options):
    what(make_server(server=options), 5)


@pytest.mark.soak
@pytest.mark.parametrize("what, options", CAMPAIGNS)
def test_kill_soak(make_server, what, options):
    rounds = int(os.environ.get("BETTERDNS_SOAK_ROUNDS", "10000"))
    what(make_server(server=options), rounds if what is campaign else max(1, rounds // 10))


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
