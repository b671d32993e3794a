"""A zone file that one hand edits in every way there is, while programs register hosts, change and delete records over HTTP; and
what must be in the end state: every line that was saved and every write that was acknowledged, but for what the other side deleted on
purpose."""
import datetime
import itertools
import json
import random
import re
import threading
import urllib.parse
from contextlib import contextmanager

import bd
import saves

ZONE = """$ORIGIN lab.example.
$TTL 300
; the zone of the race: this comment stays
@\t\tIN SOA ns1 hostmaster ( 7 3600
\t\t\t\t600 86400 300 ) ; serial and timers in two lines
@\t\tIN NS  ns1
ns1\t\tIN A   127.0.0.1

; ---- by hand ----
"""


class Stale(saves.Edit):
    """The author reads, thinks until others have written, then saves. Only for patterns that call apply."""

    def __init__(self, edit, wait):
        super().__init__(edit.line, edit.old, edit.new)
        self.wait = wait

    def apply(self, text):
        self.wait()
        return super().apply(text)


REAL_PROGRAMS = {">>", "sed -i", "sed -i.bak", "perl -i", "ed", "vi", "vi, a backup by copy", "vi, a backup by rename", "vi, :w twice"}


class Race:
    def __init__(self, server, seed, edits):
        self.server, self.edits = server, edits
        self.rng = random.Random(seed)
        self.lock = threading.Lock()
        self.acks = 0
        self.hand = {}          # name -> address, as last saved
        self.edited = {}        # name -> the edit that did
        self.registered = {}    # name -> address, acknowledged
        self.written = {}       # name -> address or None (deleted), as last acknowledged: only over HTTP
        self.hand_deleted = set()   # registered names that the hand deleted
        self.http_deleted = set()   # the hand's names that were deleted over HTTP
        self.wrong = []
        self.done_by_hand = []
        self.done = threading.Event()

    # ---- over HTTP ----

    def ask(self, connection, method, path, **fields):
        body = urllib.parse.urlencode(fields) if fields else None
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if fields else {}
        status, answer = self.server.request(method, path, body, headers, connection)
        with self.lock:
            self.acks += 1
        return status, answer

    def expect(self, wanted, status, answer, what):
        if status not in wanted:
            with self.lock:
                self.wrong.append(f"{what}: {status} {answer[:300]!r}")
            return False
        return True

    def write(self, number):
        """Names of its own: registered, replaced, sometimes deleted, again and again."""
        rng = random.Random(f"{number} {self.edits}")
        with_server = self.server.connection()
        for i in itertools.count():
            if self.done.is_set():
                break
            name, first, second = f"w{number}-{i % 50}", f"10.{number}.{i >> 8 & 255}.{i & 255}", f"10.1{number}.{i >> 8 & 255}.{i & 255}"
            steps = [("POST", "/a", {"name": name, "value": first}, (200, 201), first),
                     ("PUT", f"/a/{name}", {"value": second}, (200,), second)]
            if rng.randrange(2) or i % 50 == 49:
                steps.append(("DELETE", f"/a/{name}", {}, (200,), None))
            if self.written.get(name):
                steps.insert(0, ("DELETE", f"/a/{name}", {}, (200,), None))
            for method, path, fields, wanted, value in steps:
                if self.expect(wanted, *self.ask(with_server, method, path, **fields), f"{method} {path}"):
                    self.written[name] = value
        with_server.close()

    def register(self):
        """Hosts, each with a name of its own."""
        with_server = self.server.connection()
        for i in itertools.count():
            if self.done.is_set():
                break
            name, value = f"reg-{i:05d}-x", f"10.99.{i >> 8 & 255}.{i & 255}"
            if self.expect((201,), *self.ask(with_server, "POST", "/a", name=name, value=value), f"register {name}"):
                with self.lock:
                    self.registered[name] = value
        with_server.close()

    def delete_by_http(self, name):
        """One of the hand's, which does not touch it any more, and whose last save was merged: so it is clear who was last."""
        with_server = self.server.connection()
        status, answer = self.ask(with_server, "GET", f"/a/{name}")
        if status != 200 or json.loads(answer)["values"] != [self.hand[name]]:
            return
        status, answer = self.ask(with_server, "DELETE", f"/a/{name}")
        with_server.close()
        if self.expect((200, 404), status, answer, f"DELETE {name}") and status == 200:
            self.http_deleted.add(name)

    # ---- by hand ----

    def others_write(self):
        """Until some more writes were acknowledged."""
        with self.lock:
            enough = self.acks + 6
        bd.wait_for(lambda: self.acks >= enough or self.done.is_set(), "others to write")

    def text(self):
        try:
            return self.server.zone_file.read_text(encoding="latin-1")
        except FileNotFoundError:  # in the middle of somebody's save
            return ""

    def save(self, pattern, edit):
        if pattern not in REAL_PROGRAMS and self.rng.randrange(3) == 0:
            edit = Stale(edit, self.others_write)
        self.done_by_hand.append(f"{datetime.datetime.now()} {pattern} {edit} {type(edit).__name__}")
        saves.save(pattern, self.server.zone_file, edit)

    def add(self, pattern, i):
        name, value = f"hand-{i:05d}-x", f"198.51.{i >> 8 & 255}.{i & 255}"
        self.save(pattern, saves.Edit(append=f"{name} A {value} ; note {i:05d}"))
        self.hand[name], self.edited[name] = value, i

    def change(self, pattern, i):
        """The address of a line that is some edits old: the file has it, unless it was lost."""
        name = self.rng.choice(self.settled(i, 10))
        old, new = self.hand[name], f"203.0.{i >> 8 & 255}.{i & 255}"
        try:
            bd.wait_for(lambda: self.is_exported(name, old), f"the line of {name} in the file")
        except AssertionError as e:
            raise AssertionError(self.story(name)) from e
        self.save(pattern, saves.Edit(old=f"{name} A {old}", new=f"{name} A {new}"))
        self.hand[name], self.edited[name] = new, i

    def is_exported(self, name, address):
        """With a marker of after it: what an author changes that he added under the same marker could be another author's, and stays
        (rule 2)."""
        text = self.text()
        marker = re.match(r"; betterdns base=(\d+) ", text)
        if not marker or f"{name} A {address}" not in text:
            return False
        changes = self.server.get(f"/changes?name={name}")["changes"]
        return bool(changes) and int(marker.group(1)) >= changes[-1]["seq"]

    def story(self, name):
        """What became of a name, for a failure."""
        lines = [line for line in self.text().split("\n") if name in line]
        changes = self.server.get(f"/changes?name={name}")["changes"]
        return "\n".join([f"{name} {self.hand.get(name)}", *self.done_by_hand, *lines, json.dumps(changes, indent=1),
                          str(self.server.status()["zones"]), self.server.log()])

    def delete_registered(self, pattern):
        """A registered name whose line the file has is made a comment."""
        owners = {line.split()[0] for line in self.text().split("\n") if line[:1].isalpha()}
        there = [n for n in list(self.registered) if n not in self.hand_deleted and n in owners]
        if there:
            name = self.rng.choice(there)
            self.save(pattern, saves.Edit(old=name, new=f"; without {name[4:9]}"))
            self.hand_deleted.add(name)

    def edit(self, i, pattern):
        kind = self.rng.randrange(8)
        if kind < 5 or i < 40:
            self.add(pattern, i)
        elif kind < 7:
            self.change(pattern, i)
        else:
            self.delete_registered(pattern)
        if i > 60 and (i % 20 == 19 or not self.http_deleted):
            self.delete_by_http(self.rng.choice(self.settled(i, 24)))

    def settled(self, i, age):
        """The hand's names, but for those that it edited lately, and those that are not its any more."""
        return [n for n in self.hand if self.edited[n] < i - age and n not in self.http_deleted]

    def run(self):
        threads = [threading.Thread(target=self.write, args=(n,)) for n in range(4)] + [threading.Thread(target=self.register)]
        for t in threads:
            t.start()
        try:
            patterns = sorted(saves.SAVES)
            for i in range(self.edits):
                self.edit(i, patterns[i % len(patterns)])
        finally:
            self.done.set()
            for t in threads:
                t.join(bd.PATIENCE)

    # ---- what must be there ----

    def expected(self):
        """Name -> address, of all but the zone's own."""
        names = {n: a for n, a in self.hand.items() if n not in self.http_deleted}
        names.update({n: a for n, a in self.registered.items() if n not in self.hand_deleted})
        names.update({n: a for n, a in self.written.items() if a})
        return names

    def zone(self):
        zones = self.server.get("/?format=json")["zones"]
        return {r["name"].removesuffix(".lab.example."): r["values"] for r in zones[0]["records"] if r["type"] == "A"}

    def lost(self):
        """What is not as it must be, in sentences."""
        found, names, text = [], self.zone(), self.text()
        expected = {"ns1": ["127.0.0.1"], **{n: [a] for n, a in self.expected().items()}}
        found += [f"{n}: {names.get(n)} and not {a}" for n, a in expected.items() if names.get(n) != a]
        found += [f"{n}: {a}, though it was deleted" for n, a in names.items() if n not in expected]
        lines = {line.split()[0]: line for line in text.split("\n") if line.strip()}
        kept = "".join(p.read_text(encoding="latin-1") for p in self.server.folder.glob(".lab.example.zone.saved*"))
        for n, a in self.hand.items():
            line = f"{n} A {a} ; note {n[5:10]}"
            # Of two saves in one moment the records are merged, and the comments of one stay beside the file.
            if n not in self.http_deleted and lines.get(n) != line and line + "\n" not in kept:
                found.append(f"the hand's line of {n} is {lines.get(n)!r}")
        found += [f"no {n} in the file" for n in expected if n not in lines]
        found += [f"{what!r} is not in the file" for what in ("; the zone of the race: this comment stays\n", "; ---- by hand ----\n",
                                                           ") ; serial and timers in two lines\n") if what not in text]
        return found

    def deletions(self):
        """Deletions that the history does not show."""
        found = []
        for names, source in ((self.http_deleted, "http"), (self.hand_deleted, "file")):
            for name in names:
                changes = self.server.get(f"/changes?name={name}")["changes"]
                if not any(c["source"] == source and any(o["after"] is None for o in c["operations"]) for c in changes):
                    found.append(f"no change by {source} deletes {name}: {json.dumps(changes)[:300]}")
        return found

    def at_rest(self):
        zone = self.server.status()["zones"][0]
        return zone["file_state"] == "clean" and zone["served_serial"] == zone["serial"]


@contextmanager
def running(server, seed, edits):
    """A race that is over, beside its server."""
    server.zone_file.write_text(ZONE)
    server.start()
    race = Race(server, seed, edits)
    race.run()
    yield race
