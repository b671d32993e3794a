"""Names and values made to break out of a zone file, a JSON answer, a header, a log line: what a client sends is served octet by
octet and nothing else is, or it is refused. The seed is in the output: BETTERDNS_SEED=N runs the same again."""
import json
import os
import random
import re
import subprocess
import urllib.parse

import pytest

import bd
import dnswire

ZONE = (b"lab", b"example")
VALUES, BATCH = 500, 50
KINDS = ["txt", "txt", "txt", "mx", "srv", "cname", "ptr"]
# What ends a token, a line, a string or a record, and what looks like the beginning of another.
SOUP = [b"\n", b"\r\n", b"\r", b"\t", b" ", b";", b'"', b"'", b"(", b")", b"@", b"\\", b"\\\\", b"\\0", b"\\256", b"\\10", b"\0",
        b"\x7f", b"\x80", b"\xff", b".", b"..", b"*", b"$INCLUDE /etc/passwd", b"$ORIGIN evil.test.", b"$TTL 1", b"$GENERATE 1-9 g$ A 192.0.2.$",
        b"\nevil 30 IN A 192.0.2.66\n", b"; betterdns base=1 0123456789abcdef0123456789abcdef", b"\r\nSet-Cookie: evil=1", b"\r\n\r\n<html>",
        b'","evil":"1', b"\ntime=2026-11-24T12:00:00Z level=error msg=evil", "bücher".encode(), "\u2028\u202e".encode(), b"xn--bcher-kva",
        b"%0a", b"%00", b"{{", b"${x}", b"A", b"IN", b"3600", b"\\# 4 01020304", b"-", b"_", b"web", b"WEB"]


def soup(rng, most):
    out = b"".join(rng.choice(SOUP) if rng.random() < 0.7 else rng.randbytes(rng.randrange(4)) for _ in range(rng.randrange(1, 8)))
    return (out or b"x")[:most]


def ddd(octet):
    return "\\%03d" % octet


def spell_label(rng, label):
    """One label in one of its many spellings. A raw octet above 0x7e, a blank or a control character would be refused."""
    out = ""
    for octet in label:
        if octet <= 0x20 or octet >= 0x7f or rng.random() < 0.2:
            out += ddd(octet)
        elif chr(octet) in '.\\"();' or (not chr(octet).isdigit() and rng.random() < 0.1):
            out += "\\" + chr(octet)
        else:
            out += chr(octet)
    return out


def spell_name(rng, labels):
    text = ".".join(spell_label(rng, label) for label in labels)
    return text + "." if labels[-2:] != ZONE or rng.random() < 0.5 else text


def spell_string(rng, string):
    out = ""
    for octet in string:
        if octet < 0x20 or octet >= 0x7f or rng.random() < 0.2:
            out += ddd(octet)
        elif octet in b'"\\' or (not chr(octet).isdigit() and rng.random() < 0.1):
            out += "\\" + chr(octet)
        else:
            out += chr(octet)
    return f'"{out}"'


def random_labels(rng, first, most):
    """Hostile labels, the first one of this test's own, in at most that many octets."""
    labels = [first] + [soup(rng, rng.choice((4, 20, 63))) for _ in range(rng.randrange(3))]
    if rng.random() < 0.1:
        labels += [bytes([rng.randrange(256)]) * 63 for _ in range(3)]
    while len(dnswire.pack_name(labels)) > most:
        labels = labels[:-1] if len(labels[-1]) < 2 else labels[:-1] + [labels[-1][:-1]]
    return tuple(labels)


def random_value(rng, kind):
    """(presentation form, wire form)"""
    if kind == "txt":
        strings = [rng.choice((soup(rng, 255), b"", bytes([rng.randrange(256)]) * 255, soup(rng, 255)))
                   for _ in range(rng.randrange(1, 4))]
        return " ".join(spell_string(rng, s) for s in strings), b"".join(bytes([len(s)]) + s for s in strings)
    name = random_labels(rng, soup(rng, 63), 255 - len(dnswire.pack_name(ZONE)))
    name += ZONE if rng.random() < 0.5 else ()
    numbers = [rng.randrange(65536) for _ in range(dnswire.NAME_AT[dnswire.TYPES[kind.upper()]] // 2)]
    wire = b"".join(n.to_bytes(2, "big") for n in numbers) + dnswire.pack_name(name).lower()
    return " ".join([*map(str, numbers), spell_name(rng, name)]), wire


def send(server, rng, kind, fields):
    """As JSON, as a form, in the query. Not UTF-8 in JSON: as the bytes that they are. (status, headers, body)"""
    raw = {k: v.encode("utf-8", "surrogateescape") for k, v in fields.items()}
    way = rng.randrange(3)
    path, body, headers = f"/{kind}", None, {}
    if way == 0:
        body = json.dumps(fields, ensure_ascii=False).encode("utf-8", "surrogateescape")
        headers = {"Content-Type": "application/json"}
    elif way == 1:
        body = urllib.parse.urlencode(raw).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
    else:
        path += "?" + urllib.parse.urlencode(raw)
    connection = server.connection()
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.getheaders(), answer.read()
    finally:
        connection.close()


HEADERS = {"content-type", "content-length", "connection", "date", "etag", "location", "cache-control", "vary", "keep-alive",
           "x-content-type-options", "retry-after"}


def check_headers(headers):
    names = [k.lower() for k, _ in headers]
    assert set(names) <= HEADERS and len(names) == len(set(names)), headers
    for _, value in headers:
        assert re.fullmatch(r"[ -~]*", value), headers


def refused(status, headers, body):
    problem = json.loads(body)
    assert 400 <= status < 500 and ("Content-Type", "application/problem+json") in headers, (status, headers, body)
    assert problem["status"] == status and problem["detail"], problem
    return problem


def served_now(server, number):
    answer = server.register(f"batch{number}", "192.0.2.1")
    assert answer.status == 201 and answer.json["served"] is True, answer


def check_record(server, owner, kind, wires):
    """GET and DNS give these octets, and no more of them."""
    code = dnswire.TYPES[kind.upper()]
    path = urllib.parse.quote_from_bytes("".join("".join(map(ddd, label)) + "." for label in owner).encode(), safe="")
    record = server.get(f"/{kind}/{path}")
    assert dnswire.name_of(record["name"]) == owner, record
    assert {dnswire.rdata_of(code, value) for value in record["values"]} == wires, record
    rcode, answers = dnswire.ask(server.dns, owner, code, bd.PATIENCE)
    assert rcode == 0 and {a[:2] for a in answers} == {(owner, code)}, (owner, kind, rcode, answers)
    assert sorted(a[3] for a in answers) == sorted(wires), (owner, kind, answers, wires)


def zone_of(server):
    """All records of the live copy, as betterdns reads it back: (owner, type, rdata)."""
    copies = list(server.live.glob("*.zone"))
    assert len(copies) == 1
    done = subprocess.run([bd.BETTERDNS, "zone", "canon", "lab.example", str(copies[0])], capture_output=True, timeout=bd.PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.decode("ascii").split("\n")[:-1]
    assert len(lines) == sum(not line.startswith(b";") for line in copies[0].read_bytes().splitlines())
    fields = [re.fullmatch(r"(\S+) \d+ CLASS1 TYPE(\d+) \\# \d+ ?([0-9A-F]*)", line).groups() for line in lines]
    return {(dnswire.name_of(owner), int(kind), bytes.fromhex(rdata)) for owner, kind, rdata in fields}


def folded(zone):
    return {(o, k, r[:dnswire.NAME_AT[k]] + r[dnswire.NAME_AT[k]:].lower() if k in dnswire.NAME_AT else r) for o, k, r in zone}


def check_views(server):
    """One line a record, whatever is in it."""
    counts = {}
    for view in ("zone", "hosts", "json", "prometheus"):
        status, body = server.request("GET", f"/?format={view}")
        assert status == 200
        counts[view] = body.decode("utf-8")
    records = [r for z in json.loads(counts["json"])["zones"] for r in z["records"]]
    lines = [line for line in counts["zone"].split("\n")[:-1] if not line.startswith("; ")]
    assert len(lines) == 1 + sum(len(r["values"]) for r in records)
    assert all(re.fullmatch(r"[!-~]+ \d+ IN [A-Z]+ [ -~]+", line) for line in lines)
    assert all(re.fullmatch(r"[0-9a-f.:]+\t[a-z0-9._-]+( [a-z0-9._-]+)?", line) for line in counts["hosts"].split("\n")[:-1])
    assert len(json.loads(counts["prometheus"])) == sum(r["type"] in ("A", "AAAA", "SRV") for r in records)
    status, body = server.request("GET", "/metrics")
    assert status == 200
    for line in body.decode("ascii").split("\n")[:-1]:
        assert re.fullmatch(r"# (HELP|TYPE) betterdns_\w+ .*|betterdns_\w+(\{(\w+=\"[\w.+-]*\",?)*\})? [0-9.]+", line), line


def check_log(server, start):
    """Since then: whole lines of ours, and what the server says about its zone."""
    for line in server.log()[start:].split("\n")[:-1]:
        assert re.fullmatch(r'time=[0-9TZ:-]+ level=(info|warning) msg="[a-z ]+"( [a-z_]+=([\w./:+-]+|"([^"\\]|\\.)*"))*|'
                            r'\[INFO\] plugin/file: Successfully reloaded zone "lab\.example\." in "[\w./-]+" with \d+ SOA serial', line), line


@pytest.fixture
def rng():
    seed = int(os.environ.get("BETTERDNS_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"BETTERDNS_SEED={seed}")
    return random.Random(seed)


@pytest.mark.slow
def test_what_is_served_is_what_was_sent(make_server, rng):
    server = make_server().start()
    log = len(server.log())
    base = folded(zone_of(server))
    expected, batch = {}, []
    for number in range(VALUES):
        kind = rng.choice(KINDS)
        owner = random_labels(rng, b"v%d" % number, 255 - len(dnswire.pack_name(ZONE))) + ZONE
        if rng.random() < 0.5:  # the hostile label in front
            owner = (soup(rng, 255 - len(dnswire.pack_name(owner)))[:63 - len(owner[0])] + owner[0],) + owner[1:]
        owner = tuple(label.lower() for label in owner)
        text, wire = random_value(rng, kind)
        sent = {"name": spell_name(rng, owner), "value": text, "id": rng.choice(("x", "\\", '"', "a;b\"c", "é\u2028", "$INCLUDE"))}
        status, headers, body = send(server, rng, kind, sent)
        assert status == 201, (sent, body)
        check_headers(headers)
        assert json.loads(body)["registrations"][0]["id"] == sent["id"]
        location = urllib.parse.unquote_to_bytes(dict(headers)["Location"]).decode("ascii")
        assert dnswire.name_of(location.split("/", 2)[2]) == owner and location.split("/")[1] == kind
        batch.append((owner, kind))
        expected.setdefault((owner, kind), set()).add(wire)
        if len(batch) == BATCH:
            served_now(server, number)
            for key in batch:
                check_record(server, *key, expected[key])
            batch = []
    batches = {((b"batch%d" % n,) + ZONE, 1, bytes([192, 0, 2, 1])) for n in range(BATCH - 1, VALUES, BATCH)}
    sent = {(owner, dnswire.TYPES[kind.upper()], wire) for (owner, kind), wires in expected.items() for wire in wires}
    live = {r for r in folded(zone_of(server)) if r[1] != 6}
    assert live == {r for r in base if r[1] != 6} | batches | sent
    check_views(server)
    check_log(server, log)
    # The same from the people's file: state.db goes, the zone is imported again.
    assert server.stop() == 0
    server.data.joinpath("state.db").unlink()
    server.start()
    assert {r for r in folded(zone_of(server)) if r[1] != 6} == live
    assert len(re.findall("^; betterdns base=", server.zone_file.read_text("ascii"), re.MULTILINE)) == 1


@pytest.mark.sanitize
def test_soup_is_refused_or_harmless(make_server, rng):
    """Raw octets as name, value and id: mostly nonsense. What is taken is one record, of the name that the answer tells."""
    server = make_server().start()
    log = len(server.log())
    before = len(zone_of(server))
    taken, count = 0, 0
    for number in range(VALUES // 2):
        kind = rng.choice([*KINDS, "a", "aaaa", "a"])
        fields = {"name": soup(rng, 300), "value": soup(rng, 600), "id": soup(rng, 300)}
        if rng.random() < 0.5:
            fields["name"] = b"s%d" % number
        if rng.random() < 0.5:
            fields["value"] = b"192.0.2.7" if kind == "a" else b"2001:db8::7" if kind == "aaaa" else b'"' + fields["value"] + b'"'
        if rng.random() < 0.7:
            del fields["id"]
        sent = {k: v.decode("utf-8", "surrogateescape") for k, v in fields.items()}
        status, headers, body = send(server, rng, kind, sent)
        check_headers(headers)
        if status >= 300:
            problem = refused(status, headers, body)
            assert problem.get("field") in ("name", "value", "id") or status == 400, (sent, problem)
            continue
        answer = json.loads(body)
        assert status in (200, 201) and server.get(f"/{kind}/" + urllib.parse.quote(answer["name"], safe=""))["values"] == answer["values"]
        taken += 1
        count += answer["changed"]
    assert taken > VALUES // 50, "too few were taken to mean anything"
    served_now(server, 0)
    records = sum(len(r["values"]) for z in server.get("/?format=json")["zones"] for r in z["records"]) + 1
    assert len(zone_of(server)) == records and before < records <= before + count + 1
    check_views(server)
    check_log(server, log)
