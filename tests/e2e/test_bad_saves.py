"""A bad save is never served: zone files spoiled in many ways are saved under a thousand questions a second, and each answer is one of
the states that are right at that time. BETTERDNS_BAD_SAVES: how many (1,000)."""
import collections
import os
import random
import re
import subprocess
import threading
import time

import pytest

import bd
import saves
import zonegen

SAVES = int(os.environ.get("BETTERDNS_BAD_SAVES", "1000"))
ZONES = 8  # at once, each with an editor of its own
HOSTS = 200
RATE = 1000  # questions a second
PATTERNS = (">", "> in pieces", "nano", "emacs, later", "GLib, Qt")
NAME_AT = {"TYPE2": 0, "TYPE5": 0, "TYPE15": 2}
MARKER = re.compile(rb"^; betterdns base=(\d+) [0-9a-f]+$", re.MULTILINE)
PLACE = re.compile(r"^[^\n]*?:(\d+):(\d+): error: ", re.MULTILINE)


def body(origin):
    """As lines: directives, SOA, NS, as zonegen.SPOIL wants them; the last is the one that good saves change."""
    lines = [f"$ORIGIN {origin}\n$TTL 300", "@ SOA ns1 hostmaster ( 7 3600\n  600 86400 300 )", "@ NS ns1\nns1 A 127.0.0.1"]
    for i in range(HOSTS):
        lines.append(f"host{i:03d} 60 A 198.18.{i >> 8}.{i & 255} ; rack {i // 20}")
        if i % 20 == 0:
            lines += [f"host{i:03d} TXT \"the first of a rack; {i}\"", f"alias{i:03d} CNAME host{i:03d}", f"@ MX {i} host{i:03d}"]
    return lines + ["round 60 A 198.19.255.0"]


# ---- what becomes of a text on its way to the disk: bytes to bytes ----

def flipped(rng, text):
    out = bytearray(text)
    for _ in range(rng.choice((1, 1, 2, 5, 50))):
        out[rng.randrange(len(out))] = rng.randrange(256)
    return bytes(out)


def without_lines(rng, text):
    lines = text.splitlines(keepends=True)
    at = rng.randrange(len(lines))
    del lines[at:at + rng.choice((1, 5, 19, 25, 60))]
    return b"".join(lines)


def exchanged(rng, text):
    lines = text.splitlines(keepends=True)
    a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]
    return b"".join(lines)


def with_hole(rng, text):
    at = rng.randrange(len(text))
    return text[:at] + bytes(min(512, len(text) - at)) + text[at + 512:]


def spoiled(rng, text):
    """Named ways to write a line wrong, below the comment with our marker."""
    marker, rest = text.split(b"\n", 1)
    lines = re.split(r"\n(?=\S)", rest.decode("latin-1").rstrip("\n"))
    lines[0:2] = ["\n".join(lines[0:2])]
    lines[2:4] = ["\n".join(lines[2:4])]
    zonegen.SPOIL[rng.choice(sorted(zonegen.SPOIL))](rng, lines)
    return marker + b"\n" + zonegen.text(lines)


GARBAGE = (b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>\n", b"\x7fELF\x02\x01\x01\0\0\0\0\0", b"(", b'"', b"$INCLUDE", b"\\",
           b"<<<<<<< HEAD\nhost001 60 A 198.18.9.9\n=======\nhost001 60 A 198.18.9.8\n>>>>>>> theirs\n", b"E325: ATTENTION\n", b"\x1b[200~:wq\n")
SPOIL = {
    "flipped": flipped, "without lines": without_lines, "lines exchanged": exchanged, "a hole of zeros": with_hole, "spoiled": spoiled,
    "cut": lambda rng, text: text[:rng.randrange(len(text))],
    "cut at a line": lambda rng, text: text[:text.rfind(b"\n", 0, rng.randrange(1, len(text))) + 1],
    "half of it": lambda rng, text: text[:len(text) // 2],
    "the second half": lambda rng, text: text[len(text) // 2:],
    "emptied": lambda rng, text: b"",
    "garbage after it": lambda rng, text: text + rng.choice(GARBAGE),
    "garbage before it": lambda rng, text: rng.choice(GARBAGE) + text,
    "noise after it": lambda rng, text: text + rng.randbytes(rng.randrange(1, 200)),
    "nothing but noise": lambda rng, text: rng.randbytes(rng.randrange(1, 5000)),
    "UTF-16": lambda rng, text: text.decode("latin-1").encode("utf-16"),
    "a BOM": lambda rng, text: b"\xef\xbb\xbf" + text,
    "CR alone": lambda rng, text: text.replace(b"\n", b"\r"),
    "twice": lambda rng, text: text + text,
    "words glued": lambda rng, text: text.replace(b" ", b"", rng.randrange(1, 2000)),
    "upper case": lambda rng, text: text.upper(),
    "without our comment": lambda rng, text: flipped(rng, text.split(b"\n", 1)[1]),
    "another zone": lambda rng, text: text.replace(b"example", b"exemple"),
}


class Bytes(saves.Edit):
    def __init__(self, text):
        super().__init__(append="")
        self.text = text.decode("latin-1")

    def apply(self, text):
        return self.text


# ---- what is right ----

def folded(kind, rdata):
    """Names inside rdata are the same in upper case."""
    if kind not in NAME_AT:
        return rdata
    octets = bytes.fromhex(rdata.split(" ")[-1])
    return (octets[:NAME_AT[kind]] + octets[NAME_AT[kind]:].lower()).hex()


def read_canon(origin, text, folder):
    """(records without the SOA as {(owner, type): {rdata}}, places of its errors): one of them None. Where nothing says the TTL
    the zone's of the configuration counts, which comes as one more line at the top."""
    path = folder / "judged"
    head = b"\xef\xbb\xbf" if text.startswith(b"\xef\xbb\xbf") else b""
    path.write_bytes(head + b"$TTL 30\n" + text[len(head):])
    done = subprocess.run([bd.BETTERDNS, "zone", "canon", origin, str(path)], capture_output=True, encoding="latin-1",
                          timeout=bd.PATIENCE, check=False)
    if b"\0" in text:  # no text at all: that is looked for first
        before = text[:text.index(b"\0")]
        return None, [(before.count(b"\n") + 1, len(before) - before.rfind(b"\n"))]
    if done.returncode != 0:
        return None, [(max(int(line) - 1, 1), int(column)) for line, column in PLACE.findall(done.stderr)]
    records = collections.defaultdict(set)
    for line in done.stdout.splitlines():
        owner, _, _, kind, rdata = line.split(" ", 4)
        if kind != "TYPE6":
            records[owner.lower(), kind].add(folded(kind, rdata))
    return records, None


def merged(zone, base, text):
    """What people added and removed, in the zone. Nobody else writes here."""
    out = {key: set(rdatas) for key, rdatas in zone.items()}
    for key in base.keys() | text.keys():
        now = (out.get(key, set()) - (base.get(key, set()) - text.get(key, set()))) | (text.get(key, set()) - base.get(key, set()))
        out[key] = now
    return {key: rdatas for key, rdatas in out.items() if rdatas}


def leave(before, after):
    """As rule 6 counts them: what takes a record's place makes up for it."""
    return sum(max(0, len(before[key] - after.get(key, set())) - len(after.get(key, set()) - before[key])) for key in before)


def differences(a, b):
    return [(key, a.get(key), b.get(key)) for key in sorted(a.keys() | b.keys()) if a.get(key) != b.get(key)]


def addresses(zone, name):
    """What DNS answers to an A question; a CNAME of the zone is followed once."""
    rdatas = zone.get((name, "TYPE1"))
    if not rdatas:
        return ()
    return tuple(sorted(".".join(str(b) for b in bytes.fromhex(rdata.split()[-1])) for rdata in rdatas))


class Asker(threading.Thread):
    """Asks for random names, RATE times a second; knows which answers are right now."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.stop, self.asked, self.wrong, self.lost = server, threading.Event(), 0, [], 0
        self.right = {}  # name -> tuples of addresses, each right at this time

    def allow(self, zone_before, zone_after):
        """From now on either is right."""
        for name in {name for name, _ in zone_before.keys() | zone_after.keys()} & self.right.keys():
            self.right[name] = {addresses(zone_before, name), addresses(zone_after, name)}

    def run(self):
        rng, names, start = random.Random(7), sorted(self.right), time.monotonic()
        while not self.stop.is_set():
            name = rng.choice(names)
            before = self.right[name]
            try:
                got = tuple(bd.addresses(self.server.dns, name))
            except OSError:
                self.lost += 1
                continue
            if got not in before | self.right[name]:
                self.wrong.append((name, got, before, self.right[name]))
            self.asked += 1
            self.stop.wait(start + self.asked / RATE - time.monotonic())


class Editor(threading.Thread):
    """Saves spoiled texts in a zone of its own, and a good one after each."""

    def __init__(self, server, asker, number, rounds):
        super().__init__(daemon=True)
        self.server, self.asker, self.number, self.rounds = server, asker, number, rounds
        self.origin, self.rng, self.became, self.error = f"zone{number}.example.", random.Random(number), collections.Counter(), None
        self.marker = None
        self.path = server.folder / f"zone{number}" / "zone"
        self.path.parent.mkdir()
        self.good = "\n".join(body(self.origin)) + "\n"
        self.path.write_text(self.good)
        self.zone = self.unmarked = read_canon(self.origin, self.good.encode(), self.path.parent)[0]

    def run(self):
        try:
            for i in range(self.rounds):
                self.one(i)
        except Exception as error:  # of any kind: the test shows it
            self.error = error

    def status(self):
        return self.server.status()["zones"][self.number]

    def wait(self, condition, what):
        """Every 20 ms: eight of these poll at once."""
        deadline = time.monotonic() + bd.PATIENCE
        while not condition(self.status()):
            assert time.monotonic() < deadline, f"{what() if callable(what) else what}; {self.status()}\n{self.server.log()[-2000:]}"
            threading.Event().wait(0.02)

    def there(self):
        text = self.server.curl(path=f"/?zone={self.origin}").body
        return read_canon(self.origin, text, self.path.parent)[0]

    def save(self, text):
        saves.SAVES[self.rng.choice(PATTERNS)](self.path, Bytes(text))

    def one(self, i):
        good = self.marker + b"\n" + self.good.encode()
        kind = self.rng.choice(sorted(SPOIL))
        bad = SPOIL[kind](self.rng, good)
        what = f"{self.origin} save {i}, {kind}"
        if bad != self.path.read_bytes():
            self.save_bad(bad, what)
        self.save_good(i + 2, what)

    def save_bad(self, bad, what):
        text, places = read_canon(self.origin, bad, self.path.parent)
        if text is None:
            self.save(bad)
            self.wait(lambda z: z["file_state"] == "rejected", f"{what}: rejected")
            errors = self.status()["errors"]
            assert errors and errors[0]["file"] == str(self.path), (what, errors)
            assert not bad.strip() or (errors[0]["line"], errors[0]["column"]) in places, (what, errors, places)
            self.became["rejected"] += 1
            return
        mark = MARKER.search(bad)
        is_marked = bool(mark and mark.group() == self.marker)
        after = merged(self.zone, self.zone if is_marked else self.unmarked, text)
        if leave(self.zone, after) > max(20, (1 + sum(map(len, self.zone.values()))) // 10):
            self.save(bad)
            self.wait(lambda z: z["file_state"] == "held", f"{what}: held")
            self.became["held"] += 1
            return
        self.became["merged" if after != self.zone else "the same"] += 1
        self.merge(bad, after, what)
        if not is_marked:
            self.unmarked = text

    def merge(self, text, after, what):
        """It is the zone in the end: over HTTP, in DNS, and in the file with our comment."""
        self.asker.allow(self.zone, after)
        self.save(text)
        self.wait(lambda z: self.there() == after and self.is_exported() and self.status()["file_state"] == "clean",
                  lambda: f"{what}: merged; differs in {differences(self.there(), after)}")
        self.wait(lambda z: z["served_serial"] == z["serial"], f"{what}: served")
        self.asker.allow(after, after)
        self.zone, self.marker = after, MARKER.search(self.path.read_bytes()).group()

    def is_exported(self):
        """The file's marker is of the zone's last change."""
        mark = MARKER.search(self.path.read_bytes())
        return mark and not self.server.get(f"/changes?zone={self.origin}&since={mark.group(1).decode()}")["changes"]

    def save_good(self, i, what):
        """With one address of its own: so that it can be seen, in DNS too."""
        address = f"198.19.{i >> 8}.{i & 255}"
        self.good = re.sub(r"\nround .*", f"\nround 60 A {address}", self.good)
        text = (self.marker + b"\n" if self.marker else b"") + self.good.encode()
        self.merge(text, read_canon(self.origin, text, self.path.parent)[0], f"{what}, then a good one")
        assert bd.addresses(self.server.dns, f"round.{self.origin}") == [address], what
        assert not [error for error in self.status()["errors"] if error["line"]], what


@pytest.mark.slow
def test_no_bad_save_is_ever_served(make_server):
    server = make_server()
    asker = Asker(server)
    editors = [Editor(server, asker, n, -(-SAVES // ZONES)) for n in range(ZONES)]
    server.config["zones"] = [{"name": e.origin.rstrip("."), "file": str(e.path), "ttl": 30, "ns": [f"ns1.{e.origin} {server.host}"]}
                              for e in editors]
    server.start()
    for e in editors:
        names = {name for name, kind in e.zone if kind == "TYPE1"} | {f"q.{e.origin}"}
        asker.right.update({name: {addresses(e.zone, name)} for name in names})
        e.save_good(1, e.origin)
        e.unmarked = e.zone
    asker.start()
    for e in editors:
        e.start()
    for e in editors:
        e.join(SAVES * 2 + bd.PATIENCE)
    asker.stop.set()
    asker.join(bd.PATIENCE)
    assert not asker.wrong, f"{len(asker.wrong)} of {asker.asked}: {asker.wrong[:3]}"
    assert not any(e.error for e in editors), "\n\n".join(str(e.error)[:3000] for e in editors if e.error)
    assert asker.lost == 0 and asker.asked > 10 * SAVES, (asker.lost, asker.asked)
    became = sum((e.became for e in editors), collections.Counter())
    print(f"{asker.asked} questions; {dict(became)}")
    assert sum(became.values()) >= SAVES - ZONES, "a text that stood there already is no save"
    assert became["rejected"] > SAVES // 4 and became["held"] and became["merged"], became
