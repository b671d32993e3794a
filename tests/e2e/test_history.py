"""The history over HTTP and on the command line: what changed, the zones as they were, and back to them; with real coredns, curl
and dig."""
import json
import os
import sqlite3
import subprocess

import pytest

import bd

SEVERAL = 3  # zones of the second server


@pytest.fixture(name="fresh")
def fresh_fixture(make_server):
    return make_server().start()


def changes(server, query=""):
    return server.get("/changes" + query)


def entries(server, query=""):
    return changes(server, query)["changes"]


def cli(server, *arguments):
    return subprocess.run([os.path.abspath(bd.BETTERDNS), *arguments, "--server", server.url], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=bd.PATIENCE, check=False)


def told(server, *arguments):
    done = cli(server, *arguments)
    assert done.returncode == 0 and done.stderr == "", done
    return done.stdout


# ---- GET /changes ----

def test_a_change_says_what_was_before_and_after(fresh):
    start = fresh.status()["seq"]
    fresh.register("web", "192.0.2.7", wait="committed")
    fresh.register("web", "192.0.2.8", wait="committed")
    fresh.register("web", "192.0.2.8", wait="committed")  # changes nothing: no change
    fresh.curl("-X", "DELETE", path="/a/web", check=True)
    got = changes(fresh, f"?since={start}")
    assert got["next"] is None and got["oldest"] == 0
    first = {"ttl": 30, "values": ["192.0.2.7"]}
    second = {"ttl": 30, "values": ["192.0.2.8"]}
    assert [entry["operations"] for entry in got["changes"]] == [
        [{"name": "web.lab.example.", "type": "A", "before": before, "after": after}]
        for before, after in ((None, first), (first, second), (second, None))]
    for i, entry in enumerate(got["changes"]):
        assert list(entry) == ["seq", "time", "zone", "serial", "source", "actor", "operations"]
        assert entry["seq"] == start + 1 + i and entry["zone"] == "lab.example."
        assert entry["source"] == "http" and entry["actor"] == "127.0.0.1"
        assert entry["time"].endswith("Z") and len(entry["time"]) == 20
    serials = [entry["serial"] for entry in got["changes"]]
    assert serials == sorted(set(serials)) and serials[-1] == fresh.get("/zones/lab.example")["serial"]


def test_a_page_after_the_other_tells_each_change_once(fresh):
    for i in range(7):
        fresh.register(f"p{i}", "192.0.2.7", wait="committed")
    everything = entries(fresh, "?limit=1000")
    got, since, pages = [], 0, 0
    while since is not None:
        page = changes(fresh, f"?since={since}&limit=3")
        assert len({entry["seq"] for entry in page["changes"]}) <= 3
        got, since, pages = got + page["changes"], page["next"], pages + 1
    assert got == everything and pages >= 3
    assert changes(fresh, f"?since={everything[-1]['seq']}") == {"oldest": 0, "changes": [], "next": None}
    assert len(entries(fresh, f"?since={everything[-3]['seq']}&limit=2")) == 2
    assert changes(fresh, f"?since={everything[-3]['seq']}&limit=2")["next"] is None  # exactly full is not more


def test_only_what_concerns_a_name(fresh):
    fresh.register("one", "192.0.2.1", wait="committed")
    fresh.register("two", "192.0.2.2", wait="committed")
    fresh.register("two", "2001:db8::2", kind="aaaa", wait="committed")
    got = entries(fresh, "?name=TWO.lab.example.")
    assert [op["type"] for entry in got for op in entry["operations"]] == ["A", "AAAA"]
    assert {op["name"] for entry in got for op in entry["operations"]} == {"two.lab.example."}
    assert entries(fresh, "?name=none") == []


@pytest.mark.parametrize("query, status, field", [
    ("?since=x", 400, "since"), ("?since=-1", 400, "since"), ("?since=99999999999999999999", 400, "since"),
    ("?limit=0", 400, "limit"), ("?limit=1001", 400, "limit"), ("?limit=", 400, "limit"),
    ("?zone=other.example", 422, "zone"), ("?zone=a..b", 422, "zone"), ("?name=a..b", 422, "name"),
    ("?sinc=1", 400, None), ("?since=1&since=2", 400, None)])
def test_wrong_questions_are_refused(server, query, status, field):
    answer = server.curl(path="/changes" + query)
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json.get("field") == field


def zones_of(folder, host):
    return [{"name": name, "file": f"{folder}/{name}.zone", "ttl": 30, "ns": [f"ns1.{name}. {host}"]}
            for name in ("lab.example", "sub.lab.example", "2.0.192.in-addr.arpa")]


def test_the_changes_of_one_zone_of_several(make_server):
    s = make_server()
    s.config["zones"] = zones_of(s.folder, s.host)
    s.start()
    imported = entries(s)
    assert {entry["zone"] for entry in imported} == {"lab.example.", "sub.lab.example.", "2.0.192.in-addr.arpa."}
    assert len(imported) == SEVERAL
    s.register("a", "192.0.2.1", wait="committed")
    s.register("a.sub.lab.example", "192.0.2.2", wait="committed")
    got = entries(s, "?zone=sub.lab.example")
    assert {entry["zone"] for entry in got} == {"sub.lab.example."}
    assert got[-1]["operations"][0]["name"] == "a.sub.lab.example."
    # A serial alone does not say of which zone.
    answer = s.curl(path="/?serial=1")
    assert answer.status == 400 and answer.json["field"] == "zone"
    serial = got[-1]["serial"]
    text = s.curl(path=f"/?serial={serial}&zone=sub.lab.example", check=True).text
    assert "a.sub.lab.example." in text and "\na.lab.example." not in text
    answer = s.curl("-d", "seq=1", path="/rollback")
    assert answer.status == 422 and answer.json["field"] == "zone"


def test_what_is_not_kept_any_more_is_said(fresh):
    for i in range(6):
        fresh.register("web", f"192.0.2.{i}", wait="committed")
    last = fresh.status()["seq"]
    fresh.stop()
    with sqlite3.connect(fresh.data / "state.db") as db:  # as pruning does it, 90 days later
        for table in ("change", "change_zone"):
            db.execute(f"DELETE FROM {table} WHERE seq <= ?", (last - 3,))
    db.close()
    fresh.start()
    got = changes(fresh, "?since=1")
    assert got["oldest"] > 1 and got["changes"][0]["seq"] == last - 2 and len(got["changes"]) == 3
    # The whole answer shows what was in between, and nothing older.
    assert fresh.curl(path=f"/?seq={got['oldest']}").status == 200
    for path in (f"/?seq={got['oldest'] - 1}", "/?serial=1"):
        answer = fresh.curl(path=path)
        assert answer.status == 404 and f"the changes {got['oldest']} to {last} is kept" in answer.json["hint"], answer
    answer = fresh.curl("-d", "seq=1", path="/rollback")
    assert answer.status == 404 and answer.json["field"] == "seq", answer


# ---- GET /?seq= and ?serial= ----

def test_the_zone_as_it_was_in_every_format(fresh):
    fresh.register("web", "192.0.2.7", wait="committed")
    then = fresh.get("/?format=json")
    text = fresh.curl(path="/", check=True).text
    hosts = fresh.curl(path="/?format=hosts", check=True).text
    seq, serial = then["seq"], then["zones"][0]["serial"]
    fresh.register("web", "192.0.2.8", wait="committed")
    fresh.register("new", "192.0.2.9", wait="committed")
    for query in (f"seq={seq}", f"serial={serial}", f"serial={serial}&zone=lab.example"):
        past = fresh.get(f"/?format=json&{query}")
        assert past["seq"] == seq
        assert past["zones"][0]["records"] == then["zones"][0]["records"]  # registrations too
        assert past["zones"][0]["soa"] == then["zones"][0]["soa"] and past["zones"][0]["served_serial"] is None
        assert fresh.curl(path=f"/?format=hosts&{query}", check=True).text == hosts
        shown = fresh.curl(path=f"/?{query}", check=True).text
        assert f"serial {serial}, as it was after change {seq}\n" in shown.splitlines(True)[0]
        assert [line for line in shown.splitlines() if line[0] != ";"] == [line for line in text.splitlines() if line[0] != ";"]
    assert "new" not in fresh.curl(path=f"/?seq={seq}&name=new", check=True).text
    now = fresh.status()["seq"]
    assert fresh.get(f"/?format=json&seq={now}")["zones"][0]["records"] == fresh.get("/?format=json")["zones"][0]["records"]


@pytest.mark.parametrize("query, status, field", [
    ("?seq=x", 400, "seq"), ("?serial=-1", 400, "serial"), ("?serial=4294967296", 400, "serial"), ("?seq=1&serial=1", 400, "serial"),
    ("?seq=1000000", 404, "seq"), ("?serial=4000000000", 404, "serial")])
def test_what_was_never_is_not_found(server, query, status, field):
    answer = server.curl(path="/" + query)
    assert answer.status == status and answer.json["field"] == field, answer
    if status == 404:
        assert "is kept" in answer.json["hint"]


# ---- POST /rollback ----

@pytest.mark.parametrize("how", ["json", "form", "query"])
def test_a_rollback_is_a_new_change_and_is_served(fresh, how):
    fresh.register("web", "192.0.2.7")
    then = fresh.status()["seq"]
    fresh.register("web", "192.0.2.8")
    fresh.register("other", "192.0.2.9")
    body = {"json": ["-H", "Content-Type: application/json", "-d", json.dumps({"zone": "lab.example", "seq": then})],
            "form": ["-d", f"zone=lab.example.&seq={then}"], "query": ["-X", "POST"]}[how]
    more = f"&zone=lab.example&seq={then}" if how == "query" else ""
    answer = fresh.curl(*body, path="/rollback?wait=served" + more, check=True).json
    assert answer["zone"] == "lab.example." and answer["changed"] and answer["served"]
    assert answer["seq"] == then + 3 == fresh.status()["seq"]
    assert fresh.dig("web.lab.example") == ["192.0.2.7"] and fresh.dig("other.lab.example") == []
    last = entries(fresh)[-1]
    assert last["source"] == "rollback" and last["actor"] == "127.0.0.1" and last["serial"] == answer["serial"]
    assert {op["name"] for op in last["operations"]} == {"web.lab.example.", "other.lab.example."}
    again = fresh.curl(*body, path="/rollback?wait=served" + more, check=True).json
    assert not again["changed"] and again["seq"] == answer["seq"] and again["served"]
    # The registration is back: the host that repeats itself changes nothing.
    assert fresh.get("/a/web")["registrations"][0]["id"] == "web"
    assert not fresh.register("web", "192.0.2.7").json["changed"]


@pytest.mark.parametrize("body, query, status, field", [
    ("", "", 422, "seq"), ("seq=x", "", 422, "seq"), ("seq=1&zone=other.example", "", 422, "zone"),
    ("seq=1&sec=2", "", 422, None), ("seq=1&seq=2", "", 422, "seq"), ("seq=1", "?zone=lab.example", 400, "zone"),
    ("seq=1", "?wait=never", 400, "wait"), ("seq=1", "?dry_run=1", 400, None), ("seq=1000000", "", 404, "seq")])
def test_a_rollback_that_means_nothing_is_refused(server, body, query, status, field):
    before = server.status()["seq"]
    answer = server.curl("-X", "POST", "-d", body, path="/rollback" + query)
    assert answer.status == status and answer.json.get("field") == field, answer
    assert server.status()["seq"] == before


def test_a_rollback_to_before_the_zone_is_not_found(server):
    answer = server.curl("-d", "seq=0", path="/rollback")
    assert answer.status == 404 and "hint" in answer.json, answer


def test_nothing_held_is_not_found(server):
    for what in ("accept", "discard"):
        answer = server.curl("-X", "POST", path=f"/zones/lab.example/{what}")
        assert answer.status == 404, answer
        assert server.curl("-X", "POST", path=f"/zones/other.example/{what}").status == 404
        assert server.curl(path=f"/zones/lab.example/{what}").status == 405
        assert cli(server, "zone", what, "lab.example").returncode == 3


def state_of(server, zone=0):
    return server.status()["zones"][zone]["file_state"]


def save(server, path, text):
    saved = server.folder / "saved"
    saved.write_text(text)
    os.replace(saved, path)


def test_one_saved_edit_is_one_change(fresh):
    fresh.register("web", "192.0.2.7")
    bd.wait_for(lambda: state_of(fresh) == "clean" and "web" in fresh.zone_file.read_text(), "an export")
    since = fresh.status()["seq"]
    save(fresh, fresh.zone_file, fresh.zone_file.read_text().replace("192.0.2.7", "192.0.2.8") + "hand A 192.0.2.9\n")
    bd.wait_for(lambda: fresh.dig_quietly("hand.lab.example") == ["192.0.2.9"], "the edit in DNS")
    entry, = entries(fresh, f"?since={since}")
    assert entry["source"] == "file" and entry["actor"] == str(fresh.zone_file)
    assert {op["name"] for op in entry["operations"]} == {"web.lab.example.", "hand.lab.example."}
    explained = fresh.get("/explain/hand")["records"][0]
    assert explained["changed"] == {key: entry[key] for key in ("seq", "time", "source", "actor")}
    lines = fresh.zone_file.read_text().splitlines()
    assert lines[explained["lines"][0]["line"] - 1].split() == ["hand", "A", "192.0.2.9"]


def test_a_held_save_is_accepted(make_server):
    s = make_server()
    s.config["zones"] = zones_of(s.folder, s.host)
    path = s.folder / "sub.lab.example.zone"
    head = "$ORIGIN sub.lab.example.\n$TTL 60\n@ SOA ns1 hm 7 3600 600 86400 10\n  NS ns1\nns1 A 192.0.2.53\n"
    path.write_text(head + "".join(f"h{i} A 10.0.0.{i}\n" for i in range(100)))
    s.start()
    for how in ("curl", "cli"):
        bd.wait_for(lambda: state_of(s, 1) == "clean" and "h99" in path.read_text(), "a file in peace")
        full, since = path.read_text(), s.status()["seq"]
        save(s, path, "".join(line for line in full.splitlines(True) if " 10.0.0." not in line.replace("\t", " ")))
        bd.wait_for(lambda: state_of(s, 1) == "held", "a save that is held")
        assert s.dig("h7.sub.lab.example") == ["10.0.0.7"] and s.status()["seq"] == since
        s.register("beside", f"192.0.2.{1 + (how == 'cli')}", wait="committed")  # another zone's change is not the answer
        if how == "curl":
            answer = s.curl("-X", "POST", path="/zones/sub.lab.example/accept?wait=served", check=True).json
            assert list(answer) == ["zone", "changed", "seq", "serial", "served", "served_in_ms"]
            assert answer["zone"] == "sub.lab.example." and answer["changed"] and answer["served"]
            assert answer["serial"] == s.get("/zones/sub.lab.example")["serial"]
        else:
            said = told(s, "zone", "accept", "sub.lab.example", "--wait", "served")
            assert said == f"sub.lab.example.: change {since + 2}, serial {s.get('/zones/sub.lab.example')['serial']}\n"
        assert s.dig("h7.sub.lab.example") == []
        entry = entries(s, f"?since={since}&zone=sub.lab.example")[0]
        assert entry["seq"] == since + 2 and entry["source"] == "file" and len(entry["operations"]) == 100
        # And back again: a rollback.
        back = s.curl("-d", f"zone=sub.lab.example&seq={since}", path="/rollback?wait=served", check=True).json
        assert back["changed"] and s.dig("h7.sub.lab.example") == ["10.0.0.7"]


def test_a_rejected_save_is_discarded(fresh):
    fresh.register("web", "192.0.2.7")
    bd.wait_for(lambda: state_of(fresh) == "clean" and "web" in fresh.zone_file.read_text(), "an export")
    good = fresh.zone_file.read_text()
    for how in ("curl", "cli"):
        save(fresh, fresh.zone_file, good + "bad A 192.0.2.300\n")
        bd.wait_for(lambda: state_of(fresh) in ("rejected", "held"), "a refusal")
        if how == "curl":
            answer = fresh.curl("-X", "POST", path="/zones/lab.example/discard?wait=served", check=True).json
            assert answer["zone"] == "lab.example." and not answer["changed"] and answer["served"]
            assert answer["seq"] == fresh.status()["seq"] and answer["serial"] == fresh.get("/zones/lab.example")["serial"]
        else:
            assert told(fresh, "zone", "discard", "lab.example").startswith("lab.example.: nothing to change, serial ")
        assert fresh.zone_file.read_text() == good and state_of(fresh) == "clean"
        assert "bad" in (fresh.folder / f".{fresh.zone_file.name}.discarded").read_text()
    assert fresh.dig("web.lab.example") == ["192.0.2.7"]


def test_a_rollback_does_not_edit_what_is_included(make_server):
    s = make_server()
    s.zone_file.write_text("$ORIGIN lab.example.\n$TTL 60\n@ SOA ns1 hm 7 3600 600 86400 10\n  NS ns1\nns1 A 192.0.2.53\n"
                           "$INCLUDE hosts.inc\n")
    (s.folder / "hosts.inc").write_text("inc A 192.0.2.1\n")
    s.start()
    then = s.status()["seq"]
    bd.wait_for(lambda: state_of(s) == "clean", "an export")
    save(s, s.folder / "hosts.inc", "inc A 192.0.2.2\n")
    bd.wait_for(lambda: s.dig_quietly("inc.lab.example") == ["192.0.2.2"], "the edit in DNS")
    seq = s.status()["seq"]
    answer = s.curl("-d", f"seq={then}", path="/rollback")
    assert answer.status == 409 and "inc.lab.example." in answer.json["detail"], answer
    assert "GET /explain/NAME" in answer.json["hint"]
    assert s.status()["seq"] == seq
    assert cli(s, "zone", "rollback", "lab.example", str(then)).returncode == 4


# ---- the command line ----

def test_the_command_line_reads_and_undoes(fresh):
    fresh.register("web", "192.0.2.7", wait="committed")
    then = fresh.status()["seq"]
    serial = fresh.get("/zones/lab.example")["serial"]
    fresh.curl("-X", "PUT", "-d", "value=192.0.2.8&ttl=60", path="/a/web", check=True)
    log = told(fresh, "zone", "log", "lab.example", "--since", str(then))
    lines = log.splitlines()
    assert lines[0].startswith(f"{then + 1}  ") and lines[0].endswith(f"  lab.example. serial {serial + 1}  http  127.0.0.1")
    assert lines[1:] == ["    - web A 192.0.2.7", "    + web A 192.0.2.8", "    ~ web A TTL 60, was 30"]
    assert json.loads(told(fresh, "zone", "log", "-o", "json")) == changes(fresh)
    assert "192.0.2.7" in told(fresh, "zone", "show", "lab.example", "--seq", str(then))
    assert "192.0.2.7" in told(fresh, "zone", "show", "lab.example", "--serial", str(serial))
    assert "192.0.2.8" in told(fresh, "zone", "show", "lab.example")
    text = told(fresh, "zone", "show", "lab.example", "--seq", str(then))
    (fresh.folder / "then.zone").write_text(text)
    check = subprocess.run([bd.BETTERDNS, "zone", "check", "lab.example", fresh.folder / "then.zone"], capture_output=True, text=True,
                           timeout=bd.PATIENCE, check=False)
    assert check.returncode == 0 and f"serial {serial}" in check.stdout, check
    said = told(fresh, "zone", "rollback", "lab.example", str(then), "--wait", "served")
    assert said == f"lab.example.: change {then + 2}, serial {serial + 2}\n"
    assert fresh.dig("web.lab.example") == ["192.0.2.7"]
    done = cli(fresh, "zone", "rollback", "lab.example", "1000000")
    assert done.returncode == 3 and "hint: " in done.stderr and done.stdout == ""
    assert cli(fresh, "zone", "show", "other.example").returncode == 7
    assert cli(fresh, "zone", "log", "--limit", "x").returncode == 7


def test_a_large_import_is_told_whole(make_server):
    s = make_server()
    bd.write_large_zone(s.zone_file, 20000)
    s.start()
    got = entries(s)
    names = [(op["name"], op["type"]) for op in got[0]["operations"]]
    assert got[0]["source"] == "import" and len(set(names)) == len(names) == 20000 + 3
    assert told(s, "zone", "log").count("\n    + host") == 20000
