"""Dead hosts leave, the fleet never does: hosts in network namespaces, a cable that is cut."""
import contextlib
import http.client
import os
import pathlib
import re
import shutil
import threading
import time

import pytest

import bd
import netns

# How long our own link is cut, and what is waited for afterwards; minutes in the soak.
CUT = float(os.environ.get("CUT_SECONDS", "40"))
CHECK = {"check": f"http://:{netns.PORT}/healthz", "check.interval": "1s", "check.timeout": "500ms", "check.deregister_after": "10s"}
INTERVAL, FALL, DEREGISTER = 1, 3, 10


@contextlib.contextmanager
def fleet(count, **options):
    """A betterdns and its hosts, not registered yet."""
    folder = bd.temporary_folder()
    hosts = netns.Hosts(count)
    server = netns.betterdns(folder, **options)
    try:
        yield hosts, server.start()
    finally:
        server.close()
        hosts.close()
        shutil.rmtree(folder, ignore_errors=True)


def register(hosts, server, numbers, **fields):
    answers = hosts.post_all(server, [(n, {"name": f"host{n}", **fields}) for n in numbers])
    assert set(answers) <= {200, 201}, answers


def registered(server):
    """The numbers of the hosts whose names are there."""
    records = server.get("/a?limit=1000")["records"]
    return {int(r["name"].removeprefix("host").split(".")[0]) for r in records if r["name"].startswith("host")}


def states(server):
    return [c["state"] for name in server.get("/health")["health"] for c in name["checks"]]


def terminations(server):
    """Dry ones too."""
    metrics = server.request("GET", "/metrics")[1].decode()
    return sum(int(n) for n in re.findall(r"^betterdns_terminations_total\{.*\} (\d+)$", metrics, re.MULTILINE))


def all_available(server, count):
    bd.wait_for(lambda: states(server).count("AVAILABLE") == count, f"{count} hosts that are available")


def stays(server, hosts, seconds, meanwhile=None):
    """Nobody of them leaves within this time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert registered(server) == hosts
        if meanwhile:
            meanwhile()
        threading.Event().wait(0.5)


class Renewals:
    """Each host repeats its registration now and then, whether it gets through or not."""

    def __init__(self, hosts, server, numbers, every, **fields):
        self.each = [(n, {"name": f"host{n}", **fields}) for n in numbers]
        self.hosts, self.server, self.every, self.done = hosts, server, every, threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.done.wait(self.every):
            self.hosts.post_all(self.server, self.each)

    def stop(self):
        self.done.set()
        self.thread.join(bd.PATIENCE)


class Stalls:
    """How long, in all, this machine let somebody wait who wanted to go on: what a bound is to be exceeded by at most."""

    STEP, USUAL = 0.01, 0.005

    def __enter__(self):
        self.seconds, self.done = 0.0, threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def run(self):
        while True:
            began = time.monotonic()
            if self.done.wait(self.STEP):
                return
            over = time.monotonic() - began - self.STEP
            self.seconds += over if over > self.USUAL else 0

    def __exit__(self, *_):
        self.done.set()
        self.thread.join(bd.PATIENCE)


def scenario_our_link_is_cut():
    everybody = set(range(1, 101))
    with fleet(100) as (hosts, server):
        register(hosts, server, everybody, **CHECK)
        all_available(server, 100)
        hosts.cut()
        bd.wait_for(lambda: states(server).count("UNAVAILABLE") == 100, "all of them seem down")
        stays(server, everybody, CUT)
        assert server.get("/health")["panic"] is True
        hosts.mend()
        all_available(server, 100)
        bd.wait_for(lambda: server.get("/health")["panic"] is False, "the end of the panic")
        bd.wait_for(lambda: all(server.dig_quietly(f"host{n}.lab.example") == [netns.address(n)] for n in (1, 50, 100)), "all served again")
        stays(server, everybody, DEREGISTER + 3)
        assert terminations(server) == 0


def scenario_link_of_leases_is_cut():
    everybody = set(range(1, 101))
    with fleet(100) as (hosts, server):
        register(hosts, server, everybody, lease="10s")
        renewals = Renewals(hosts, server, everybody, 2, lease="10s")
        try:
            stays(server, everybody, 12)
            hosts.cut()
            stays(server, everybody, max(CUT, 25))
            assert server.get("/health")["panic"] is True
            hosts.mend()
            bd.wait_for(lambda: server.get("/health")["panic"] is False, "the end of the panic", 60)
            stays(server, everybody, 12)
        finally:
            renewals.stop()


def event(server, after, seconds, **wanted):
    """Waits for one, without asking again and again."""
    query = "&".join(f"{k}={v}" for k, v in wanted.items())
    found = server.get(f"/events?after={after}&wait={seconds}s&{query}")
    assert found["events"], f"not within {seconds} s: {wanted}"
    return found["events"][0]


def one_dies(count):
    """The bound holds for probes that time out, too: deregister_after begins when the last of them began."""
    everybody, bound = set(range(1, count + 1)), INTERVAL * FALL + DEREGISTER + 1
    with fleet(count) as (hosts, server):
        register(hosts, server, everybody, **CHECK)
        all_available(server, count)
        last = server.get("/events?after=0&wait=0s")["last"]
        with Stalls() as stalls:
            began = time.monotonic()
            hosts.die(2)
            bd.wait_for(lambda: server.dig("host2.lab.example") == [], "it has left DNS")
            gone = time.monotonic() - began
            assert registered(server) == everybody, "it is withdrawn, not deleted"
            event(server, last, 2 * bound, kind="unregistered", name="host2")
            removed = time.monotonic() - began
        print(f"one dead host of {count}: out of DNS after {gone:.2f} s, unregistered after {removed:.2f} s "
              f"(bound {bound} s, and {stalls.seconds:.2f} s for a busy machine)")
        assert 2 not in registered(server)
        assert DEREGISTER <= removed <= bound + stalls.seconds
        stays(server, everybody - {2}, 5)


def scenario_one_of_3():
    one_dies(3)


def scenario_one_of_100():
    one_dies(100)


def scenario_two_of_3():
    everybody = {1, 2, 3}
    with fleet(3) as (hosts, server):
        register(hosts, server, everybody, **CHECK)
        all_available(server, 3)
        hosts.die(1)
        hosts.die(2)
        bd.wait_for(lambda: states(server).count("UNAVAILABLE") == 2, "two are down")
        stays(server, everybody, DEREGISTER + 8)
        assert server.get("/health")["panic"] is True
        assert server.dig("host1.lab.example") == [] and server.dig("host3.lab.example") == [netns.address(3)]
        hosts.revive(1)
        bd.wait_for(lambda: server.dig("host1.lab.example") == [netns.address(1)], "it is back")
        bd.wait_for(lambda: registered(server) == {1, 3}, "the one that stays down leaves", 60)


def scenario_scaled_away():
    """A quarter of a fleet that never comes back: nobody is removed while it might be our own link."""
    everybody = set(range(1, 101))
    with fleet(100) as (hosts, server):
        register(hosts, server, everybody, **CHECK)
        all_available(server, 100)
        for number in range(1, 26):
            hosts.die(number)
        bd.wait_for(lambda: states(server).count("UNAVAILABLE") == 25, "a quarter is down")
        stays(server, everybody, DEREGISTER + 8)
        assert server.get("/health")["panic"] is True


def scenario_routes_are_lost():
    """Of ours, to two of many: the others vouch for the link, and whom we cannot ask is not dead."""
    everybody = set(range(1, 21))
    with fleet(20) as (hosts, server):
        register(hosts, server, everybody, **CHECK)
        all_available(server, 20)
        lost = {19: "throw", 20: "unreachable"}
        for number, kind in lost.items():
            netns.ip("route", "add", kind, f"{netns.address(number)}/32")
        last_ok = lambda number: server.get(f"/health/host{number}")["checks"][0]["last"]["ok"]
        bd.wait_for(lambda: not last_ok(19) and not last_ok(20), "they cannot be asked")
        stays(server, everybody, INTERVAL * FALL + DEREGISTER + 5)
        for number, kind in lost.items():
            check = server.get(f"/health/host{number}")["checks"][0]
            assert check["state"] == "AVAILABLE" and "not asked" in check["last"]["output"], check
            assert server.dig(f"host{number}.lab.example") == [netns.address(number)]
            netns.ip("route", "del", kind, f"{netns.address(number)}/32")
        bd.wait_for(lambda: last_ok(19) and last_ok(20), "they are asked again")
        assert terminations(server) == 0


def terminating(folder_of):
    """exec, enabled: a script that goes on when somebody has made the file, and says what it did."""
    token = folder_of / "token"
    token.write_text("0123456789abcdef0123\n")
    token.chmod(0o600)
    script = folder_of / "end"
    script.write_text('#!/bin/sh\necho "begin $1 $2 $3" >>"$0.log"\nwhile [ ! -e "$0.go" ]; do sleep 0.05; done\necho "end $1" >>"$0.log"\n')
    script.chmod(0o700)
    return token, script


class Terminator:
    """What it was told and did, and how it is let go on."""

    def __init__(self, script):
        self.log, self.released = script.with_name("end.log"), script.with_name("end.go")

    def said(self):
        return self.log.read_text().splitlines() if self.log.exists() else []

    def go(self):
        self.released.touch()


@contextlib.contextmanager
def with_terminator(count):
    own = pathlib.Path(bd.temporary_folder())
    token, script = terminating(own)
    hosts = netns.Hosts(count)
    server = netns.betterdns(own / "bd", terminate={
        "enabled": True, "kind": "exec", "argv": [str(script), "{name}", "{address}", "{id}"], "timeout": "120s"})
    (own / "bd").mkdir()
    server.config["http"].pop("auth")
    server.config["http"]["token_file"] = str(token)
    server.token = token.read_text().strip()
    plain = server.request
    server.request = lambda method, path, body=None, headers=None, connection=None: plain(
        method, path, body, {"Authorization": f"Bearer {server.token}", **(headers or {})}, connection)
    try:
        yield hosts, server.start(), Terminator(script)
    finally:
        server.close()
        hosts.close()
        shutil.rmtree(own, ignore_errors=True)


def the_second_dies(hosts, server, terminator):
    """Of three that are registered, and its terminator has begun: the number of its registration."""
    register(hosts, server, {1, 2, 3}, **CHECK)
    all_available(server, 3)
    number = server.get("/a/host2")["registrations"][0]["number"]
    hosts.die(2)
    bd.wait_for(terminator.said, "the terminator has begun", 60)
    assert terminator.said() == [f"begin host2.lab.example {netns.address(2)} host2"], terminator.said()
    return number


def ended(server, number):
    """What was told about the end of this registration: the events' "ok"."""
    events = server.get("/events?after=0&wait=0s&kind=terminated")["events"]
    return [e["ok"] for e in events if e["number"] == number]


def is_untouched(server, address, number, seconds=DEREGISTER + FALL * INTERVAL + 3):
    """That much longer than a dead host would stay."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        record = server.get("/a/host2")
        assert [r["number"] for r in record["registrations"]] == [number] and record["values"] == [address]
        assert server.dig("host2.lab.example") == [address]
        threading.Event().wait(0.5)


def scenario_comes_back_while_it_is_terminated():
    with with_terminator(3) as (hosts, server, terminator):
        number = the_second_dies(hosts, server, terminator)
        hosts.revive(2)
        assert hosts.post(server, 2, name="host2", **CHECK) == 201
        again = server.get("/a/host2")["registrations"][0]["number"]
        assert again != number, "a sign of life is a new registration"
        bd.wait_for(lambda: ended(server, number) == [False], "its terminator is ended")
        terminator.go()
        bd.wait_for(lambda: server.dig("host2.lab.example") == [netns.address(2)], "served again")
        is_untouched(server, netns.address(2), again)
        assert terminator.said() == terminator.said()[:1], "what was begun against the old number came to nothing"


def scenario_replaced_under_its_id_while_it_is_terminated():
    """The same name and id at another address: another machine."""
    with with_terminator(4) as (hosts, server, terminator):
        number = the_second_dies(hosts, server, terminator)
        assert hosts.post(server, 4, name="host2", **CHECK) == 201
        again = server.get("/a/host2")["registrations"][0]["number"]
        assert again != number
        bd.wait_for(lambda: ended(server, number) == [False], "its terminator is ended")
        terminator.go()
        bd.wait_for(lambda: server.dig("host2.lab.example") == [netns.address(4)], "the new one is served")
        is_untouched(server, netns.address(4), again)
        assert terminator.said() == terminator.said()[:1] and ended(server, again) == []


def scenario_replaced_by_another_while_it_is_terminated():
    """The same name, another id and address: the old one is ended all the same, and takes nothing of the new one along."""
    with with_terminator(4) as (hosts, server, terminator):
        number = the_second_dies(hosts, server, terminator)
        assert hosts.post(server, 4, name="host2", id="spare", **CHECK) in (200, 201)
        numbers = {r["id"]: r["number"] for r in server.get("/a/host2")["registrations"]}
        assert numbers["host2"] == number != numbers["spare"]
        bd.wait_for(lambda: server.dig("host2.lab.example") == [netns.address(4)], "the new one alone is served")
        assert len(terminator.said()) == 1
        terminator.go()
        bd.wait_for(lambda: ended(server, number) == [True], "the old one is ended")
        bd.wait_for(lambda: len(server.get("/a/host2")["registrations"]) == 1, "the old one is unregistered")
        is_untouched(server, netns.address(4), numbers["spare"])
        assert len(terminator.said()) == 2 and ended(server, numbers["spare"]) == []


def scenario_terminated_then_unregistered():
    with with_terminator(3) as (hosts, server, terminator):
        number = the_second_dies(hosts, server, terminator)
        assert registered(server) == {1, 2, 3}, "first it is terminated"
        terminator.go()
        bd.wait_for(lambda: registered(server) == {1, 3}, "then it is unregistered", 60)
        assert len(terminator.said()) == 2 and ended(server, number) == [True]
        counted = [line for line in server.request("GET", "/metrics")[1].decode().splitlines()
                   if line.startswith("betterdns_terminations_total") and not line.endswith(" 0")]
        assert counted == ['betterdns_terminations_total{result="ok",dry_run="false"} 1']


WITNESS = 50


@contextlib.contextmanager
def three_and_a_witness():
    """The witness stands where the hosts are."""
    with fleet(3, checks={"witnesses": [f"http://{netns.address(WITNESS)}:{netns.PORT}/healthz"]}) as (hosts, server):
        register(hosts, server, {1, 2, 3}, **CHECK)
        all_available(server, 3)
        hosts.revive(WITNESS)
        witnesses_answering(server, 1)
        yield hosts, server


def witnesses_answering(server, count):
    bd.wait_for(lambda: server.status()["health"]["answering"] == count, f"{count} witnesses answer", 60)


def scenario_witness_is_silent():
    """One of three is down: that is no panic, and we hear the others; but without the witness nobody is removed."""
    with three_and_a_witness() as (hosts, server):
        hosts.die(WITNESS)
        hosts.die(2)
        bd.wait_for(lambda: states(server).count("UNAVAILABLE") == 1, "one is down")
        witnesses_answering(server, 0)
        stays(server, {1, 2, 3}, DEREGISTER + 8)
        assert server.get("/health")["panic"] is False and terminations(server) == 0
        assert server.dig("host2.lab.example") == [] and server.dig("host3.lab.example") == [netns.address(3)]
        began = time.monotonic()
        hosts.revive(WITNESS)
        bd.wait_for(lambda: registered(server) == {1, 3}, "the dead one is removed", 60)
        assert time.monotonic() - began >= DEREGISTER, "its clock begins anew"
        stays(server, {1, 3}, 5)


def scenario_cut_off_from_witness_and_hosts():
    with three_and_a_witness() as (hosts, server):
        hosts.cut()
        hosts.die(2)
        bd.wait_for(lambda: states(server).count("UNAVAILABLE") == 3, "all of them seem down")
        witnesses_answering(server, 0)
        stays(server, {1, 2, 3}, DEREGISTER + 8)
        assert terminations(server) == 0
        hosts.mend()
        witnesses_answering(server, 1)
        bd.wait_for(lambda: states(server).count("AVAILABLE") == 2, "two of them are back")
        bd.wait_for(lambda: registered(server) == {1, 3}, "the dead one is removed", 60)
        stays(server, {1, 3}, DEREGISTER + 3)
        assert terminations(server) == 1


def scenario_two_of_3_while_a_witness_answers():
    """It is not we who are cut off, but two of three are more than a budget is for: an hour of panic."""
    with three_and_a_witness() as (hosts, server):
        hosts.die(1)
        hosts.die(2)
        bd.wait_for(lambda: states(server).count("UNAVAILABLE") == 2, "two are down")
        stays(server, {1, 2, 3}, DEREGISTER + 8, lambda: witnesses_answering(server, 1))
        assert server.get("/health")["panic"] is True and terminations(server) == 0
        assert server.dig("host1.lab.example") == [] and server.dig("host3.lab.example") == [netns.address(3)]
        hosts.revive(1)
        bd.wait_for(lambda: registered(server) == {1, 3}, "the one that stays down leaves", 60)
        assert server.get("/health")["panic"] is False
        stays(server, {1, 3}, 5)


def asks_for(server, source, name, check):
    """A process of the registrar's own machine registers itself from this address: status, and what was said."""
    connection = http.client.HTTPConnection(source, server.http_port, timeout=bd.PATIENCE, source_address=(source, 0))
    status, body = server.request("POST", "/a", f"name={name}&check={check}&check.interval=1s&check.timeout=500ms",
                                  {"Content-Type": "application/x-www-form-urlencoded"}, connection)
    connection.close()
    return status, body.decode()


def hears(server, name, words):
    """What its check has said last has these words."""
    bd.wait_for(lambda: words in (server.get(f"/health/{name}")["checks"][0]["last"] or {}).get("output", ""), f"{name}: {words}")


def scenario_checks_of_ourselves():
    """Our API and our DNS server listen on all addresses: a host on this machine may have its own address checked, but at no port of ours."""
    second = "10.77.0.2"
    folder = bd.temporary_folder()
    hosts = netns.Hosts(1)
    netns.ip("address", "add", f"{second}/32", "dev", "registrar")
    server = netns.betterdns(folder)
    server.config["http"]["listen"] = [f"0.0.0.0:{server.http_port}"]
    server.config["server"]["listen"] = f"0.0.0.0:{server.dns[1]}"
    server.config["checks"] = {"rules": [{"name": "ruled*.lab.example", "check": {"url": f"tcp://:{server.http_port}", "interval": "1s"}}]}
    try:
        server.start()
        for source in (netns.REGISTRAR, second):
            for kind, port in (("http", server.http_port), ("tcp", server.http_port), ("tcp", server.dns[1]), ("dns", server.dns[1])):
                status, text = asks_for(server, source, "me", f"{kind}://:{port}/lab.example" if kind == "dns" else f"{kind}://:{port}")
                assert status == 422 and "is this server itself" in text, (source, kind, port, status, text)
            # Another port of the same address is the caller's own business.
            status, text = asks_for(server, source, f"other{source[-1]}", "tcp://:9")
            assert status == 201, text
            hears(server, f"other{source[-1]}", "connection refused")
            # The operator's rule goes to hosts, and not to ourselves either.
            assert server.request("POST", "/a", f"name=ruled{source[-1]}&value={source}",
                                  {"Content-Type": "application/x-www-form-urlencoded"})[0] == 201
            hears(server, f"ruled{source[-1]}", "is this server itself")
            assert server.get(f"/health/ruled{source[-1]}")["state"] == "UNKNOWN"
    finally:
        server.close()
        hosts.close()
        shutil.rmtree(folder, ignore_errors=True)


SCENARIOS = [name.removeprefix("scenario_") for name in list(globals()) if name.startswith("scenario_")]


@pytest.mark.netns
@pytest.mark.parametrize("name", SCENARIOS)
def test_links(name):
    netns.run(__file__, f"scenario_{name}", 240 + 2 * CUT)


@pytest.mark.soak
@pytest.mark.netns
@pytest.mark.parametrize("name", ["our_link_is_cut", "link_of_leases_is_cut"])
def test_links_that_are_cut_for_minutes(name, monkeypatch):
    monkeypatch.setenv("CUT_SECONDS", "300")
    netns.run(__file__, f"scenario_{name}", 900)
