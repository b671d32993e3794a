"""What people and hosts did around a crash: an edit made while betterdns is down is merged at its start, beside registrations of the
moment before and whatever an export that was cut has left (design.md, "The people's file", rules 5 and 8)."""
import http.client
import os
import random
import select
import threading
import time

import pytest

import bd
import saves

ROUNDS = 50
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def zone_of(server):
    return {r["name"].removesuffix(".lab.example."): r["values"] for r in server.get("/a?limit=10000")["records"]}


def state(server):
    return server.status()["zones"][0]


def wait_for_zone(server, wanted, what):
    """Exactly these addresses, each by its name; in the file and in DNS too."""
    wanted = {name: [address] for name, address in wanted.items()}

    def differs():
        there = zone_of(server)
        return {n: (there.get(n), wanted.get(n)) for n in there.keys() | wanted.keys() if there.get(n) != wanted.get(n)}
    try:
        bd.wait_for(lambda: not differs(), what)
    except AssertionError as error:
        raise AssertionError(f"{what}: {differs()}; {state(server)}\n{server.log()[-3000:]}") from error


def wait_for_export(server, what):
    def is_so():
        status = server.status()
        return status["zones"][0]["file_state"] == "clean" and status["zones"][0]["exported_seq"] == status["seq"]
    bd.wait_for(is_so, f"an export, {what}")


def wait_for_rest(server, wanted, what):
    wait_for_export(server, what)
    bd.wait_for(lambda: state(server)["served_serial"] == state(server)["serial"], f"DNS, {what}")
    text = server.zone_file.read_text()
    for name, address in wanted.items():
        assert bd.addresses(server.dns, f"{name}.lab.example") == [address], (what, name)
        assert address in text, (what, name)
    assert not state(server)["errors"], state(server)
    # But for what was set aside for its comments: a kill came between its merge and the export.
    bd.wait_for(lambda: not [p.name for p in server.folder.glob(".lab.example.zone.*") if ".saved" not in p.name],
                f"nothing is left beside, {what}")


def register(server, known, name, address):
    status, text = server.request("POST", "/a", f"name={name}&value={address}", FORM)
    assert status in (200, 201), text
    known[name] = address


@pytest.mark.slow
def test_edits_of_every_pattern_while_it_is_down(make_server):
    """Both sides have changed: a host registered right before kill -9, so that no export shows it, and the hand has a new line, and
    changes one that is there."""
    server = make_server().start()
    server.curl("-X", "PUT", "-d", "value=127.0.0.1", path="/a/ns1", check=True)
    wanted = {"ns1": "127.0.0.1"}
    register(server, wanted, "before", "10.0.0.1")
    saves.SAVES[">>"](server.zone_file, saves.Edit(append="changed 60 A 198.18.0.0"))
    wanted["changed"] = "198.18.0.0"
    wait_for_zone(server, wanted, "the first edit")
    for n, (pattern, save) in enumerate(sorted(saves.SAVES.items()), 1):
        wait_for_export(server, "the last edit has our new comment beside it")
        register(server, wanted, f"reg{n}", f"10.0.1.{n}")
        server.kill()
        save(server.zone_file, saves.Edit(append=f"hand{n} 60 A 198.18.1.{n} ; by {pattern}"))
        save(server.zone_file, saves.Edit(old=wanted["changed"], new=f"198.18.0.{n}"))
        wanted.update({f"hand{n}": f"198.18.1.{n}", "changed": f"198.18.0.{n}"})
        server.start()
        wait_for_zone(server, wanted, pattern)
    wait_for_rest(server, wanted, "after all patterns")
    text = server.zone_file.read_text()
    assert all(f"hand{n} 60 A 198.18.1.{n} ; by {p}\n" in text for n, p in enumerate(sorted(saves.SAVES), 1)), "as it was written"


class Hosts(threading.Thread):
    """Registers until it is killed; what was under way then may be there or not."""

    def __init__(self, server, known, maybe, number, count):
        super().__init__(daemon=True)
        self.server, self.known, self.maybe, self.number, self.count, self.wrong = server, known, maybe, number, count, []

    def run(self):
        connection = self.server.connection()
        for i in range(self.count, self.count + 1000):
            name, address = f"reg{self.number}-{i % 40}", f"10.{self.number}.{i >> 8 & 255}.{i & 255}"
            self.maybe[name] = address
            try:
                status, text = self.server.request("POST", "/a", f"name={name}&value={address}", FORM, connection)
            except (OSError, http.client.HTTPException):
                return
            if status in (200, 201):
                self.known[name] = address
                del self.maybe[name]
            elif status != 503:
                self.wrong.append((name, status, text))


class Crashes:
    """Edits and registrations by turns with kill -9; knows what must be there."""

    def __init__(self, server, rng):
        self.server, self.rng, self.hand, self.hosts, self.maybe = server, rng, {}, {}, {}
        self.edits, self.cut, self.recent = 0, 0, set()

    def edit(self):
        """A new line, or a new address in an old one. (Not in one that is new in this round: two saves with one comment of ours, of
        which the second has another address in the line that the first has added, and no other change of it, look as two authors;
        rule 2 keeps both addresses then, and says so.)"""
        self.edits += 1
        pattern, address = self.rng.choice(sorted(saves.SAVES)), f"198.18.{self.edits >> 8}.{self.edits & 255}"
        old = self.rng.choice(sorted(self.hand.keys() - self.recent))
        if self.rng.randrange(2) and f"{old} 60 A {self.hand[old]} " in self.text():
            saves.save(pattern, self.server.zone_file, saves.Edit(old=f"{old} 60 A {self.hand[old]} ", new=f"{old} 60 A {address} "))
            self.hand[old] = address
        else:
            name = f"hand{self.edits}"
            saves.save(pattern, self.server.zone_file, saves.Edit(append=f"{name} 60 A {address} ; by {pattern}"))
            self.hand[name] = address
            self.recent.add(name)

    def text(self):
        return self.server.zone_file.read_text() if self.server.zone_file.exists() else ""

    def beside(self):
        return [entry.name for entry in os.scandir(self.server.folder) if entry.name.startswith(".lab.example.zone.")]

    def random_moment(self):
        """Any, or in the middle of the export that follows a save: it is there when a file beside the zone file is."""
        moment = self.rng.uniform(0, 0.3)
        if self.rng.randrange(2):
            before, deadline = set(self.beside()), time.monotonic() + 0.5
            while set(self.beside()) <= before and time.monotonic() < deadline:
                select.select([], [], [], 0.0002)
            moment = self.rng.uniform(0, 0.004)
        select.select([], [], [], moment)

    def round(self, number):
        self.recent.clear()
        hosts = [Hosts(self.server, self.hosts, self.maybe, n, number * 40) for n in (1, 2)]
        for host in hosts:
            host.start()
        self.edit()
        self.random_moment()
        self.server.kill()
        for host in hosts:
            host.join(bd.PATIENCE)
            assert not host.is_alive() and not host.wrong, host.wrong
        self.cut += bool(self.beside())
        for _ in range(self.rng.randrange(3)):
            self.edit()
        self.server.start()
        self.check(f"round {number}")

    def check(self, what):
        there = {}

        def wrong():
            there.update(found=zone_of(self.server))
            found, must = there["found"], {**self.hosts, **self.hand, "ns1": self.server.host}
            bad = {n: (found.get(n), v) for n, v in must.items() if found.get(n) not in ([v], [self.maybe.get(n)])}
            bad.update({n: (v, None) for n, v in found.items() if n not in must and v != [self.maybe.get(n)]})
            return bad
        try:
            bd.wait_for(lambda: not wrong(), what)
        except AssertionError as error:
            raise AssertionError(f"{what}: {wrong()}; {state(self.server)}\n{self.server.log()[-4000:]}") from error
        self.hosts.update({n: v for n, v in self.maybe.items() if there["found"].get(n) == [v]})
        self.maybe.clear()


def campaign(server, rounds, seed):
    """A zone of some size, so that an export takes its time."""
    text = "".join(f"old{i} 60 A 198.19.{i >> 8}.{i & 255} ; old\n" for i in range(2000))
    head = f"$ORIGIN lab.example.\n$TTL 300\n@ SOA ns1 hostmaster 7 3600 600 86400 300\n@ NS ns1\nns1 A {server.host}\n"
    server.zone_file.write_text(head + text)
    server.start()
    crashes = Crashes(server, random.Random(seed))
    crashes.hand = {f"old{i}": f"198.19.{i >> 8}.{i & 255}" for i in range(2000)}
    for number in range(rounds):
        crashes.round(number)
    wait_for_rest(server, {**crashes.hosts, **crashes.hand}, "after all crashes")
    print(f"{crashes.cut} of {rounds} kills have left files beside the zone file")


@pytest.mark.slow
def test_50_crashes_between_edits(make_server):
    campaign(make_server(), ROUNDS, 11)


@pytest.mark.soak
def test_crashes_between_edits_soak(make_server):
    campaign(make_server(), int(os.environ.get("BETTERDNS_SOAK_ROUNDS", "10000")), 12)
