"""Configuration management: a program writes the zone file from a repository that knows nothing of the hosts which register meanwhile
(design.md, "The people's file", rules 2, 3, 5 and 10). Both sides' records are right after each deployment."""
import random
import subprocess
import threading

import pytest

import bd
import saves

ROUNDS = 100
HOSTS = 3  # programs that register
HEAD = """$ORIGIN lab.example.
$TTL 300
; deployed from the repository: do not edit here
@ SOA ns1 hostmaster ( {serial} 3600 600 86400 300 )
@ NS ns1
ns1 A 127.0.0.1
"""
PATTERNS = (">", "> in pieces", "tee", "cp", "mv", "install", "rsync", "rsync --inplace", "git checkout", "GLib, Qt")


class Deploy(saves.Edit):
    """What stands there does not matter."""

    def __init__(self, text):
        super().__init__(append="")
        self.text = text

    def apply(self, text):
        return self.text


def deploy(server, text, pattern="mv"):
    saves.SAVES[pattern](server.zone_file, Deploy(text))


class Repository:
    """The lines that a team keeps: each version adds, removes and changes some records; the permanent lines stay."""

    def __init__(self, rng, head=None):
        self.rng, self.head, self.serial, self.made = rng, head, 100, 0
        self.records = {"repo": ("198.18.0.1", 300)}

    def text(self):
        lines = [f"{name} {ttl} A {address} ; kept by the team\n" for name, (address, ttl) in sorted(self.records.items())]
        return (self.head or HEAD.format(serial=self.serial)) + "".join(lines)

    def add(self):
        self.made += 1
        self.records[f"repo{self.made}"] = (f"198.18.{self.made >> 8}.{self.made & 255}", self.rng.choice((60, 300)))

    def next_version(self):
        old = sorted(self.records.keys() - {"repo"})
        for name in self.rng.sample(old, min(len(old), self.rng.randrange(3))):
            del self.records[name]
        for name in self.rng.sample(sorted(self.records.keys() - {"repo"}), min(len(self.records) - 1, self.rng.randrange(2))):
            self.made += 1
            self.records[name] = (f"198.19.{self.made >> 8}.{self.made & 255}", self.records[name][1])
        for _ in range(self.rng.randrange(1, 4)):
            self.add()
        self.serial += self.rng.randrange(2)  # some teams count, some forget


class Hosts(threading.Thread):
    """Registers and unregisters a few names of its own, once for each deployment."""

    def __init__(self, server, known, number, rng):
        super().__init__(daemon=True)
        self.server, self.known, self.number, self.rng, self.wrong = server, known, number, rng, []

    def run(self):
        try:
            connection = self.server.connection()
            for _ in range(self.rng.randrange(1, 4)):
                self.one(connection)
            connection.close()
        except OSError as error:
            self.wrong.append(repr(error))

    def one(self, connection):
        name = f"host{self.number}-{self.rng.randrange(8)}"
        if name in self.known and self.rng.randrange(3) == 0:
            status, text = self.server.request("DELETE", f"/a/{name}", None, {}, connection)
            self.known.pop(name)
        else:
            address = f"10.{self.number}.{self.rng.randrange(256)}.{self.rng.randrange(256)}"
            status, text = self.server.request("POST", "/a", f"name={name}&value={address}",
                                               {"Content-Type": "application/x-www-form-urlencoded"}, connection)
            self.known[name] = address
        if status not in (200, 201):
            self.wrong.append((name, status, text))


def zone_of(server):
    """{name: ([addresses], TTL)}"""
    records = server.get("/a?limit=10000")["records"]
    return {r["name"].removesuffix(".lab.example."): (r["values"], r["ttl"]) for r in records}


def wait_for_zone(server, repository, known, what):
    """The repository's records and the registered ones, and no others; the registered ones are there all the time."""
    wanted = {name: ([address], ttl) for name, (address, ttl) in repository.records.items()}
    hosts = {name: ([address], 30) for name, address in known.items()}
    wanted.update({"ns1": (["127.0.0.1"], 300)}, **hosts)

    def is_so():
        there = zone_of(server)
        lost = {name: (there.get(name), record) for name, record in hosts.items() if there.get(name) != record}
        assert not lost, f"{what}: lost {lost}; log:\n{server.log()[-3000:]}"
        return there == wanted
    try:
        bd.wait_for(is_so, what)
    except AssertionError as error:
        there = zone_of(server)
        differ = {n: (there.get(n), wanted.get(n)) for n in there.keys() | wanted.keys() if there.get(n) != wanted.get(n)}
        raise AssertionError(f"{what}: {differ}; {server.status()['zones']}; log:\n{server.log()[-3000:]}") from error
    return wanted


def wait_for_dns(server, wanted, gone, what):
    """One that is served past this serial shows all of it."""
    bd.wait_for(lambda: (lambda z: z["served_serial"] == z["serial"])(server.status()["zones"][0]), f"DNS, {what}")
    for name, (values, _) in wanted.items():
        assert bd.addresses(server.dns, f"{name}.lab.example") == sorted(values), (what, name)
    for name in gone:
        assert bd.addresses(server.dns, f"{name}.lab.example") == [], (what, name)


def canon(text_file):
    done = subprocess.run([bd.BETTERDNS, "zone", "canon", "lab.example.", str(text_file)], capture_output=True, text=True,
                          timeout=bd.PATIENCE, check=False)
    return sorted(done.stdout.splitlines()) if done.returncode == 0 else done.stderr


def wait_for_file(server, what):
    """It shows the zone, and says so."""
    shown = server.folder / "shown"

    def is_so():
        shown.write_bytes(server.curl(path="/").body)
        return (server.status()["zones"][0]["file_state"] == "clean" and server.zone_file.exists() and
                canon(shown) == canon(server.zone_file))
    bd.wait_for(is_so, f"the file shows the zone, {what}")


def one_round(server, repository, known, rng, what):
    """A deployment beside registrations. Returns what left the repository by it."""
    before = set(repository.records)
    repository.next_version()
    hosts = [Hosts(server, known, n, random.Random(rng.random())) for n in range(HOSTS)]
    for host in hosts:
        host.start()
    deploy(server, repository.text(), rng.choice(PATTERNS))
    for host in hosts:
        host.join(bd.PATIENCE)
        assert not host.is_alive() and not host.wrong, (what, host.wrong)
    wanted = wait_for_zone(server, repository, known, what)
    wait_for_dns(server, wanted, before - set(repository.records), what)


def campaign(server, repository, known, rng):
    serial = server.status()["zones"][0]["serial"]
    for number in range(ROUNDS):
        one_round(server, repository, known, rng, f"deployment {number}")
        last, serial = serial, server.status()["zones"][0]["serial"]
        assert 0 < (serial - last) % 2**32 < 2**31, f"deployment {number}: a serial went from {last} to {serial}"
        if number % 20 == 19:
            wait_for_file(server, f"deployment {number}")
    assert server.status()["zones"][0]["file_state"] == "clean"
    assert not list(server.folder.glob(".lab.example.zone.prev*"))


@pytest.mark.slow
def test_a_repository_without_our_comment(make_server):
    """It never reads the file: each version is compared with its version before (rule 3)."""
    rng = random.Random(20)
    server, repository = make_server(), Repository(rng)
    deploy_first(server, repository)
    campaign(server, repository, {}, rng)


def deploy_first(server, repository):
    server.zone_file.write_text(repository.text())
    server.start()


@pytest.mark.slow
def test_a_repository_with_an_old_comment_of_ours(make_server):
    """Somebody committed an exported file once, comment and registered hosts and all, and edits that copy since: all versions
    have one marker. Rule 2 finds the version before by a change that both show: here a record that the team added first and keeps,
    and so what the team removes leaves, although the marker never moves. (Where two versions share no change at all the rule has
    nothing to go by: test_versions_that_share_no_change.) The hosts of the exported file are no claim on them: they register anew,
    with other addresses, and leave."""
    rng = random.Random(21)
    server, known = make_server(), {}
    server.start()
    server.curl("-X", "PUT", "-d", "value=127.0.0.1", "-d", "ttl=300", path="/a/ns1", check=True)
    for name in ("host0-0", "host1-0", "host2-0", "host0-1"):
        known[name] = "10.9.9.9"
        server.register(name, known[name])
    wait_for_file(server, "the first export")
    exported = server.zone_file.read_text()
    assert "; betterdns base=" in exported and "10.9.9.9" in exported
    repository = Repository(rng, exported)
    deploy(server, repository.text())
    wait_for_zone(server, repository, known, "the first version")
    campaign(server, repository, known, rng)
    zone = server.status()["zones"][0]
    # With our comment in it what leaves is named, for it could be another author's.
    stays = [n for n in zone["notes"] if " go that an earlier save" not in n["message"]]
    assert not zone["errors"] and not stays, f"nothing that stays although it left the repository: {zone}"


def said(server, what):
    """The sentences of "errors", which somebody has to look after, or of "notes", which nobody has."""
    return [each["message"] for each in server.status()["zones"][0][what]]


@pytest.mark.sanitize
def test_versions_that_share_no_change(make_server):
    """Two versions with one marker that have nothing in common but the marker look as two authors who began from one export. Rule 2
    keeps the records of both, rather than let the second delete what the first has added, and names what stays; a version that
    shows the record again and then leaves it out deletes it."""
    server = make_server().start()
    wait_for_file(server, "the first export")
    marked = server.zone_file.read_text()
    deploy(server, marked + "first 60 A 198.18.0.1\n")
    bd.wait_for(lambda: "first" in zone_of(server), "the first version")
    server.register("host", "10.0.0.1")
    deploy(server, marked + "second 60 A 198.18.0.2\n")
    bd.wait_for(lambda: "second" in zone_of(server), "the second version")
    assert zone_of(server)["first"] == (["198.18.0.1"], 60) and "host" in zone_of(server)
    bd.wait_for(lambda: any("first" in message and "stay" in message for message in said(server, "notes")), "that it is named")
    assert said(server, "errors") == []
    assert "first.lab.example" in server.log()
    deploy(server, marked + "first 60 A 198.18.0.1\nsecond 60 A 198.18.0.2\nthird 60 A 198.18.0.3\n")
    bd.wait_for(lambda: "third" in zone_of(server), "the third version")
    deploy(server, marked + "second 60 A 198.18.0.2\nthird 60 A 198.18.0.3\n")
    bd.wait_for(lambda: "first" not in zone_of(server), "what both sides know has left")
    assert zone_of(server).keys() == {"ns1", "host", "second", "third"}
    wait_for_file(server, "the last version")


def test_what_is_registered_and_in_the_repository(make_server):
    """A record of both: the registration stays when the team removes it (rule 3), the team's when the host leaves."""
    rng = random.Random(22)
    server, repository = make_server(), Repository(rng)
    deploy_first(server, repository)
    server.register("both", "10.0.0.1")
    server.register("other", "10.0.0.2")
    wait_for_file(server, "the registrations")
    repository.records["both"] = ("10.0.0.1", 30)
    repository.add()
    deploy(server, repository.text())
    wait_for_zone(server, repository, {"both": "10.0.0.1", "other": "10.0.0.2"}, "both have it")
    del repository.records["both"]
    repository.add()
    deploy(server, repository.text())
    wait_for_zone(server, repository, {"both": "10.0.0.1", "other": "10.0.0.2"}, "the registration stays")
    assert server.get("/a/both")["registrations"][0]["id"] == "both"
    wait_for_file(server, "the registration stays")


def test_the_same_version_again_and_again(make_server):
    """An enforcer that knows one text is not fought: after three exports that it displaced the file is left to it for a minute and
    more (test_people_clock.c has the clock), and nothing that is served moves. A version that changes something ends it."""
    rng = random.Random(23)
    server, repository = make_server(), Repository(rng)
    deploy_first(server, repository)
    server.register("host", "10.0.0.1")
    text, seq = repository.text(), server.status()["seq"]
    for number in range(3):
        bd.wait_for(lambda: "10.0.0.1" in server.zone_file.read_text(), f"export {number}")
        deploy(server, text)
    bd.wait_for(lambda: server.status()["zones"][0]["file_state"] == "contested", "contested")
    assert any("rewrites" in message for message in said(server, "errors")), said(server, "errors")
    server.register("late", "10.0.0.2")  # is served, though the file does not show it now
    assert server.dig("late.lab.example") == ["10.0.0.2"] and server.dig("host.lab.example") == ["10.0.0.1"]
    deploy(server, text, ">")
    ticks = server.status()["seq"]
    threading.Event().wait(6)  # a regular look, and what would be a paced export
    assert server.zone_file.read_text() == text, "the file is left to its enforcer"
    assert server.status()["seq"] == ticks == seq + 1, "the same text again is no change"
    repository.add()
    deploy(server, repository.text())
    wait_for_zone(server, repository, {"host": "10.0.0.1", "late": "10.0.0.2"}, "another version")
    wait_for_file(server, "after the fight")


def cli(server, *words):
    return subprocess.run([bd.BETTERDNS, "zone", *words, "lab.example", "--server", server.url], capture_output=True, text=True,
                          timeout=bd.PATIENCE, check=False)


def stale(make_server):
    """An untouched old buffer is saved: the zone has moved on by a hand and by hosts since."""
    server = make_server().start()
    server.register("host", "10.0.0.1")
    wait_for_file(server, "the registration")
    buffer = server.zone_file.read_text()
    saves.SAVES["sed -i"](server.zone_file, saves.Edit(append="hand 60 A 198.18.0.1"))
    bd.wait_for(lambda: "hand" in zone_of(server), "the edit")
    server.register("later", "10.0.0.2")
    wait_for_file(server, "the second registration")
    before, seq = zone_of(server), server.status()["seq"]
    deploy(server, buffer, ">")
    held = server.folder / ".lab.example.zone.held"
    bd.wait_for(held.exists, "the buffer is kept")
    assert held.read_text() == buffer
    wait_for_file(server, "the export takes its place")
    assert server.status()["seq"] == seq and zone_of(server) == before, "nothing has changed"
    assert any("earlier state" in message for message in said(server, "errors")), said(server, "errors")
    return server, held, buffer, before


@pytest.mark.sanitize
def test_an_untouched_old_buffer_is_accepted(make_server):
    """The word of the operator takes back what the file's people did since; what hosts registered is not theirs."""
    server, held, _, before = stale(make_server)
    done = cli(server, "accept")
    assert done.returncode == 0, done
    del before["hand"]
    assert zone_of(server) == before and "later" in before
    assert not held.exists()
    wait_for_file(server, "after accept")
    assert server.dig("later.lab.example") == ["10.0.0.2"] and server.dig("hand.lab.example") == []
    assert cli(server, "accept").returncode == 3, "there is nothing any more"


def test_an_untouched_old_buffer_is_discarded(make_server):
    server, held, buffer, before = stale(make_server)
    seq = server.status()["seq"]
    done = cli(server, "discard")
    assert done.returncode == 0, done
    assert zone_of(server) == before and server.status()["seq"] == seq
    assert not held.exists() and (server.folder / ".lab.example.zone.discarded").read_text() == buffer
    assert not said(server, "errors") and cli(server, "discard").returncode == 3
    wait_for_file(server, "after discard")
