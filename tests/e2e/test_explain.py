"""GET /explain/NAME: where a name's records come from and what DNS makes of them, with real coredns, curl and dig."""
import os
import signal
import subprocess

import pytest

import bd

pytestmark = pytest.mark.sanitize


@pytest.fixture(name="fresh")
def fresh_fixture(make_server):
    return make_server().start()


def explain(server, name):
    return server.get("/explain/" + name)


def cli(server, *arguments):
    return subprocess.run([os.path.abspath(bd.BETTERDNS), *arguments, "--server", server.url], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=bd.PATIENCE, check=False)


def exported(server):
    """The people's file shows everything that there is."""
    bd.wait_for(lambda: server.status()["zones"][0]["exported_seq"] == server.status()["seq"], "an export")


def test_a_registered_name(server):
    first = server.register("web", "192.0.2.7").json["seq"]
    server.register("web", "192.0.2.8", id="second")
    server.register("web", "\"hello\"", kind="txt")
    exported(server)
    got = explain(server, "web")
    status = server.status()
    assert got["name"] == "web.lab.example." and got["zone"] == "lab.example." and got["seq"] == status["seq"]
    assert got["serial"] == got["served_serial"] == status["zones"][0]["serial"]
    assert got["unanswered"] is None
    a, txt = got["records"]
    record = server.get("/a/web")
    assert [r.pop("seq") for r in a["registrations"]] == [first, first + 1]
    assert {key: a[key] for key in record} == record
    assert [r["id"] for r in a["registrations"]] == ["web", "second"]
    assert list(a["changed"]) == ["seq", "time", "source", "actor"]
    history = server.get("/changes?name=web")["changes"]
    assert [entry["seq"] for entry in history][-2:] == [a["changed"]["seq"], txt["changed"]["seq"]]
    assert a["changed"]["source"] == "http" and a["changed"]["actor"] == "127.0.0.1"
    lines = server.zone_file.read_text().splitlines()
    assert [line["file"] for line in a["lines"]] == [str(server.zone_file)] * 2
    assert [lines[line["line"] - 1].split()[-1] for line in a["lines"]] == ["192.0.2.7", "192.0.2.8"]
    assert "hello" in lines[txt["lines"][0]["line"] - 1]
    assert a["served"] == {"ttl": 30, "values": sorted(server.dig("web.lab.example"))}
    assert txt["served"] == {"ttl": 30, "values": ["\"hello\""]}


def test_a_record_written_by_hand_and_names_inside(make_server):
    s = make_server()
    s.zone_file.write_text("$ORIGIN lab.example.\n$TTL 60\n@ SOA ns1 hm 7 3600 600 86400 10\n  NS ns1\nns1 A 192.0.2.53\n\n"
                           "; mail\n@ 5m MX 10 mail\n     MX 20 mail2.lab.example.\nmail A 192.0.2.25\nmail2 A 192.0.2.26\n")
    s.start()
    bd.wait_for(lambda: s.status()["zones"][0]["file_state"] == "clean", "an export")
    got = explain(s, "lab.example.")
    mx = next(r for r in got["records"] if r["type"] == "MX")
    assert mx["registrations"] == [] and mx["changed"]["source"] == "import"
    lines = s.zone_file.read_text().splitlines()
    assert ["MX" in lines[line["line"] - 1] for line in mx["lines"]] == [True, True]
    # The server compresses the names inside; they come whole.
    assert mx["served"] == {"ttl": 300, "values": ["10 mail.lab.example.", "20 mail2.lab.example."]}
    soa = next(r for r in got["records"] if r["type"] == "SOA")
    assert soa["served"]["values"] == soa["values"]
    table = cli(s, "explain", "@").stdout
    place = mx["lines"][0]
    assert f"    written in  {place['file']}:{place['line']}\n" in table
    assert "    served      300 10 mail.lab.example. 20 mail2.lab.example.\n" in table


def test_what_an_included_file_says_is_edited_there(make_server):
    s = make_server()
    s.zone_file.write_text("$ORIGIN lab.example.\n$TTL 60\n@ SOA ns1 hm 7 3600 600 86400 10\n  NS ns1\nns1 A 192.0.2.53\n"
                           "$INCLUDE hosts.inc\nmixed A 192.0.2.3\nown A 192.0.2.4\n")
    included = s.folder / "hosts.inc"
    included.write_text("; hosts\ninc A 192.0.2.1\nmixed A 192.0.2.2\n")
    s.start()
    bd.wait_for(lambda: s.status()["zones"][0]["file_state"] == "clean", "an export")
    lines = s.zone_file.read_text().splitlines()
    record = explain(s, "inc")["records"][0]
    assert [line["line"] for line in record["lines"]] == [2]
    assert os.path.join(s.folder, record["lines"][0]["file"]) == str(included)
    mixed = explain(s, "mixed")["records"][0]
    assert [line["line"] for line in mixed["lines"]] == [3, 1 + lines.index("mixed A 192.0.2.3")]
    assert record["served"] == {"ttl": 60, "values": ["192.0.2.1"]}
    before = s.status()["seq"]
    for path, options in (("/a/inc", ["-X", "PUT", "-d", "value=192.0.2.9"]), ("/a/inc", ["-X", "DELETE"]),
                          ("/a/mixed", ["-X", "DELETE"]), ("/a", ["-d", "name=inc", "-d", "value=192.0.2.9"])):
        answer = s.curl(*options, path=path)
        assert answer.status == 409 and answer.json["field"] == "name", answer
        line = 3 if "mixed" in path else 2
        assert answer.json["hint"].startswith("edit ") and f"hosts.inc:{line}, which the zone file includes" in answer.json["hint"]
    assert s.status()["seq"] == before
    assert f"{s.zone_file}:{1 + lines.index('own A 192.0.2.4')}" in s.curl("-d", "name=own", "-d", "value=192.0.2.9", path="/a").json["hint"]


def test_an_answer_that_no_datagram_holds(fresh):
    values = sorted(f"192.0.2.{i}" for i in range(1, 255))
    fresh.curl(*(x for v in values for x in ("-d", f"value={v}")), "-d", "name=big", path="/a?wait=served", check=True)
    served = explain(fresh, "big")["records"][0]["served"]
    assert sorted(served["values"]) == values


def test_a_name_that_is_gone_says_how(fresh):
    fresh.register("web", "192.0.2.7")
    fresh.register("web", "x", kind="txt")
    fresh.curl("-X", "DELETE", path="/txt/web", check=True)
    seq = fresh.curl("-X", "DELETE", path="/a/web", check=True).json["seq"]
    answer = fresh.curl(path="/explain/web")
    assert answer.status == 404 and answer.headers["content-type"] == "application/problem+json"
    assert f"of type A, was deleted in change {seq}, " in answer.json["detail"]
    assert answer.json["detail"].endswith(", by http 127.0.0.1")
    assert f"/?seq={seq - 1} " in answer.json["hint"]
    done = cli(fresh, "explain", "web")
    assert done.returncode == 3 and done.stdout == "" and f"deleted in change {seq}" in done.stderr
    fresh.register("web", "192.0.2.7")
    assert fresh.curl(path="/explain/web").status == 200


def test_a_wildcard_answers_for_names_that_are_not_there(fresh):
    fresh.register("*.apps", "192.0.2.7")
    fresh.register("there.apps", "192.0.2.8")
    fresh.register("a.empty.apps", "192.0.2.9")
    for name, wild in (("x.apps", True), ("x.y.apps", True), ("x.there.apps", False), ("empty.apps", False), ("x", False)):
        answer = fresh.curl(path=f"/explain/{name}")
        assert answer.status == 404
        assert ("by the wildcard *.apps.lab.example." in answer.json.get("hint", "")) == wild, (name, answer)
        if wild:  # coredns 1.15.0 answers more often than RFC 4592 has it
            assert fresh.dig(f"{name}.lab.example") == ["192.0.2.7"]
    assert fresh.curl(path="/explain/*.apps").status == 200


@pytest.mark.parametrize("name, status", [("never", 404), ("a..b", 422), ("x.other.example.", 422), ("web?x=1", 400)])
def test_names_that_are_not_there(server, name, status):
    answer = server.curl(path="/explain/" + name)
    assert answer.status == status, answer
    assert "deleted" not in answer.json["detail"]


def test_a_server_that_does_not_answer_is_said(fresh):
    fresh.register("web", "192.0.2.7")
    fresh.register("web", "x", kind="txt")
    pid = fresh.status()["server"]["pid"]
    os.kill(pid, signal.SIGSTOP)  # it hangs: killed and started anew after a while
    try:
        got = explain(fresh, "web")
    finally:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass
    if got["records"][0]["served"] is None:  # else it was back in time
        assert got["unanswered"].startswith("coredns is ")
        assert [r["served"] for r in got["records"]] == [None, None]
    assert [r["values"] for r in got["records"]] == [["192.0.2.7"], ["\"x\""]]


def test_what_dns_does_not_show_yet(make_server):
    """The copy for the server cannot be written: what it shows stays behind what there is."""
    s = make_server()
    s.start()
    s.register("web", "192.0.2.7")
    os.chmod(s.live, 0o500)
    if os.geteuid() == 0:  # for whom modes are no hindrance
        live = next(s.live.glob("*.zone"))
        os.rename(live, str(live) + ".kept")
        os.mkdir(live)
        (live / "full").write_text("")
    s.register("web", "192.0.2.8", wait="committed")
    got = explain(s, "web")
    assert got["records"][0]["values"] == ["192.0.2.8"] and got["served_serial"] == got["serial"] - 1
    assert got["records"][0]["served"] == {"ttl": 30, "values": ["192.0.2.7"]}
    os.chmod(s.live, 0o750)
