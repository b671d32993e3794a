"""Zones made at random, and spoiled ones, read by betterdns and by the readers of BIND, ldns and
Knot. What they disagree on is named here, with the section of an RFC that says who is right; any
other difference is a failure."""

import os
import random
import re
import subprocess

import pytest

import bd
import zonegen

ZONES = int(os.environ.get("DIFFERENTIAL_ZONES", "120"))
ROUNDS = int(os.environ.get("DIFFERENTIAL_ROUNDS", "3"))
IGNORE = "-i none -k ignore -m ignore -M ignore -n ignore -r ignore -S ignore -T ignore -W ignore"


def run(argv, text=None):
    return subprocess.run(argv, input=text, capture_output=True, timeout=20, check=False)


def canonical(text):
    """(accepted, set of canonical lines)"""
    done = run([bd.BETTERDNS, "zone", "canon", zonegen.ORIGIN, "-"], text)
    assert done.returncode in (0, 7), done.stderr
    return done.returncode == 0, set(done.stdout.splitlines())


def ours(path):
    """(accepted by the zone's rules too, records, what was said)"""
    checked = run([bd.BETTERDNS, "zone", "check", zonegen.ORIGIN, path])
    assert checked.returncode in (0, 7), checked.stderr
    with open(path, "rb") as f:
        _, records = canonical(f.read())
    return checked.returncode == 0, records, checked.stderr.decode()


def printed(done):
    if done.returncode != 0:
        return False, None
    accepted, records = canonical(done.stdout)
    assert accepted, done.stdout
    return True, records


def bind(path):
    return printed(run(["named-compilezone", "-q", *IGNORE.split(), "-s", "full", "-F", "text",
                        "-o", "-", zonegen.ORIGIN, path]))


def ldns(path):
    return printed(run(["ldns-read-zone", path]))


def knot(path):
    """Knot's checker prints no records: only the verdict."""
    return run(["kzonecheck", "-d", "off", "-o", zonegen.ORIGIN, path]).returncode == 0, None


PEERS = {"bind": bind, "ldns": ldns, "knot": knot}

# ---- what is known, and who is right ----

# Oddities of a good zone that a peer does not read.
LACKS = {
    ("knot", "class number"): "RFC 3597 section 5: CLASS1 is IN",
    ("ldns", "class number"): "RFC 3597 section 5: CLASS1 is IN",
    ("ldns", "class before TTL"): "RFC 1035 section 5.1: [class] [TTL] is as good as [TTL] [class]",
    ("ldns", "TTL 0"): "RFC 2308 section 4: a $TTL of 0 is a TTL like any other",
}

# Spoiled zones on which a checker has another verdict than we have. ldns-read-zone is no checker:
# it leaves out what it does not understand, and is asked about good zones only.
VERDICTS = {
    ("knot", "string of 256"): "RFC 1035 section 3.3: a character-string has 255 octets at most",
    ("bind", "TTL above 2^31-1"): "RFC 2181 section 8: a TTL is at most 2^31-1",
    ("knot", "TTL above 2^31-1"): "RFC 2181 section 8: a TTL is at most 2^31-1",
    ("knot", "generic of another form"): "RFC 3597 section 5: the data of a known type must be its",
    ("bind", "outside"): "RFC 1034 section 4.2.1: a zone holds the data of its own names",
    ("knot", "outside"): "RFC 1034 section 4.2.1: a zone holds the data of its own names",
    ("knot", "a second SOA"): "RFC 1035 section 5.2: exactly one SOA, at the top of the zone",
    ("knot", "SOA elsewhere"): "RFC 1035 section 5.2: exactly one SOA, at the top of the zone",
    ("knot", "octets above 127"): "RFC 2181 section 11: any octet can be in a label or string",
    ("knot", "CRLF"): "RFC 1035 section 5: text; editors of another system end its lines so",
}

# Later versions of the peer have our verdict: Knot 3.4.
NOT_BY_ALL = {("knot", "a second SOA")}

# The same where chance spoiled the zone: what then stands in our complaint, or in the spoiled line.
BY_CHANCE = (
    ("bind", "accepts", "is outside the zone", VERDICTS["bind", "outside"]),
    ("knot", "accepts", "is outside the zone", VERDICTS["knot", "outside"]),
    ("bind", "accepts", "is not an EUI-48|is not an EUI-64",
     "RFC 7043 sections 3.2 and 4.2: each octet has two digits"),
    ("knot", "refuses", r"[^ \\\t]*[$@=,()*][^ \t]*",
     "RFC 2181 section 11: any octet can be in a name"),
    ("knot", "refuses", r'"[^"]*"[^ \t]',
     "RFC 1035 section 5.1: a quoted string ends with its quote"),
    ("knot", "refuses", r"(?i)\bNS[ \t]+[^ \t]*$",
     "RFC 1034 section 4.2.1: glue that is missing makes a zone work badly, not be none"),
    ("bind", "refuses", "(?i)naptr",
     "RFC 3403 section 4.1: the expression is a string to DNS; its grammar is the client's"),
    ("knot", "accepts", "the value of type IPSECKEY ends too early",
     "RFC 4025 section 2.5: only algorithm 0 has no key"),
    ("knot", "accepts", "no-default-alpn needs alpn",
     "RFC 9460 section 7.1.1: no-default-alpn needs alpn"),
    ("knot", "accepts", "a digest of type", "RFC 4509 section 2.2, RFC 6605 section 2: its length"),
    ("knot", "accepts", "is not base64|bits that belong to no octet",
     "RFC 4648 sections 3.3 and 3.5: nothing behind the padding, no bits left over"),
)


def explained(peer, verdict, why, words):
    """The RFC that explains a difference of verdict, or None."""
    if (peer, why) in VERDICTS:
        return VERDICTS[peer, why]
    for known, says, pattern, rfc in BY_CHANCE:
        if why in zonegen.BY_CHANCE and known == peer and says == verdict and re.search(pattern,
                                                                                      words):
            return rfc
    return None


def without_ttls(records):
    """RFC 2181 section 5.2: the TTLs of an RRset are one; where a chance made them differ each
    reader takes another one."""
    return {re.sub(rb"^(\S+) \d+ ", rb"\1 ", record) for record in records}


def compare(path, why, spoiled, odd, peers):
    """What is not explained, as sentences."""
    accepted, records, said = ours(path)
    found = []
    for peer in peers:
        theirs, their_records = PEERS[peer](path)
        if any((peer, o) in LACKS for o in odd):
            continue
        if theirs != accepted:
            verdict = "accepts" if theirs else "refuses"
            if not explained(peer, verdict, why, said if theirs else spoiled):
                found.append("%s %s it; we say: %s" % (peer, verdict, said))
        elif theirs and their_records is not None:
            mine = records if not why else without_ttls(records)
            other = their_records if not why else without_ttls(their_records)
            if mine != other:
                found.append("%s reads %s" % (peer, sorted(mine ^ other)[:4]))
    return found


def check(tmp_path, seed, why, peers):
    """One zone of this seed."""
    rng = random.Random(seed)
    lines, odd = zonegen.zone(rng)
    good = list(lines)
    if why:
        zonegen.SPOIL[why](rng, lines)
    spoiled = "\n".join(line for line in lines if line not in good)
    path = tmp_path / "zone"
    path.write_bytes(zonegen.text(lines))
    found = compare(str(path), why, spoiled, odd, peers)
    assert not found, "%s\n%s\n%s" % (seed, "\n".join(found), path.read_text("latin-1"))


@pytest.mark.parametrize("batch", range(8))
def test_every_reader_finds_the_same_records(tmp_path, batch):
    for i in range(batch, ZONES, 8):
        check(tmp_path, "zone %d" % i, None, ("bind", "ldns", "knot"))


@pytest.mark.parametrize("why", sorted(zonegen.SPOIL))
def test_every_checker_has_the_same_verdict(tmp_path, why):
    for i in range(ROUNDS * (4 if why in zonegen.BY_CHANCE else 1)):
        check(tmp_path, "%s %d" % (why, i), why, ("bind", "knot"))


def test_nothing_is_explained_that_does_not_happen(tmp_path):
    """An explanation that no zone needs any more would hide the next difference."""
    for (peer, why), rfc in VERDICTS.items():
        assert rfc.startswith("RFC ")
        if (peer, why) in NOT_BY_ALL:
            continue
        differs = []
        for i in range(8):
            rng = random.Random("%s %d" % (why, i))
            lines, odd = zonegen.zone(rng)
            zonegen.SPOIL[why](rng, lines)
            path = tmp_path / "zone"
            path.write_bytes(zonegen.text(lines))
            differs.append(not odd and PEERS[peer](str(path))[0] != ours(str(path))[0])
        assert any(differs), "%s has our verdict on: %s" % (peer, why)
