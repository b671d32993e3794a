"""One name, a hand and a host: what each does to the other's record (design.md, "The people's file", rule 4; interface.md,
"Registering")."""
import re

import pytest

import bd
import saves


@pytest.fixture(name="fresh")
def fresh_fixture(make_server):
    server = make_server().start()
    server.register("first", "10.0.0.1")
    settled(server)
    return server


def settled(server):
    def is_so():
        status = server.status()
        zone = status["zones"][0]
        return zone["file_state"] == "clean" and zone["exported_seq"] == status["seq"] and zone["served_serial"] == zone["serial"]
    bd.wait_for(is_so, "an export of everything")


def edit(server, pattern, **what):
    saves.SAVES[pattern](server.zone_file, saves.Edit(**what))


def line_of(server, name):
    """(line, its number)"""
    lines = server.zone_file.read_text().splitlines()
    number = next(n for n, line in enumerate(lines, 1) if line.split()[:1] == [name])
    return lines[number - 1], number


def is_gone(server, name):
    return server.request("GET", f"/a/{name}")[0] == 404 and server.dig_quietly(f"{name}.lab.example") == []


@pytest.mark.parametrize("pattern", ["sed -i", "vi", ">"])
def test_a_name_deleted_by_hand_comes_back_with_its_host(fresh, pattern):
    """As a new registration: what was in flight against the old number comes to nothing."""
    old = fresh.register("web", "10.0.0.7").json["registrations"][0]
    settled(fresh)
    line, _ = line_of(fresh, "web")
    edit(fresh, pattern, old=line, new="; web was here")
    bd.wait_for(lambda: is_gone(fresh, "web"), "what the hand deleted is gone")
    settled(fresh)
    change = fresh.get("/changes?name=web")["changes"][-1]
    assert change["source"] == "file" and change["operations"][0]["after"] is None, change
    zone = fresh.status()["zones"][0]
    assert any("web.lab.example" in note["message"] and "deleted by hand" in note["message"] for note in zone["notes"]), zone
    assert zone["errors"] == [], "nobody has to do anything about it"
    answer = fresh.register("web", "10.0.0.7")  # the same line from its timer
    assert answer.status == 201 and answer.json["changed"] is True and answer.json["served"] is True, answer
    new = answer.json["registrations"][0]
    assert new["id"] == old["id"] == "web" and new["number"] > old["number"], (old, new)
    assert fresh.dig("web.lab.example") == ["10.0.0.7"]
    settled(fresh)
    text = fresh.zone_file.read_text()
    assert "10.0.0.7" in text and "; web was here" in text
    assert fresh.register("web", "10.0.0.7").json["changed"] is False


def test_a_host_of_several_is_deleted_by_hand(fresh):
    """Its line, and it alone: the others keep their numbers."""
    for n in (1, 2, 3):
        fresh.register("pool", f"10.0.1.{n}", id=f"host{n}")
    before = {r["id"]: r["number"] for r in fresh.get("/a/pool")["registrations"]}
    settled(fresh)
    edit(fresh, "ed", old="10.0.1.2", new="10.0.1.9")
    bd.wait_for(lambda: fresh.dig("pool.lab.example") and "10.0.1.9" in fresh.dig("pool.lab.example"), "the hand's address")
    assert sorted(fresh.dig("pool.lab.example")) == ["10.0.1.1", "10.0.1.3", "10.0.1.9"]
    after = {r["id"]: r["number"] for r in fresh.get("/a/pool")["registrations"]}
    assert after == {"host1": before["host1"], "host3": before["host3"]}, "the hand's address is nobody's registration"
    answer = fresh.register("pool", "10.0.1.2", id="host2")
    assert answer.status == 201, answer
    assert next(r["number"] for r in answer.json["registrations"] if r["id"] == "host2") > before["host2"]
    assert sorted(fresh.dig("pool.lab.example")) == ["10.0.1.1", "10.0.1.2", "10.0.1.3", "10.0.1.9"]


def test_a_ttl_by_hand_outlives_what_the_host_repeats(fresh):
    """A repeat is compared with what that registration last asked for, not with what the hand has made of it."""
    fresh.register("web", "10.0.0.7", ttl=20)
    settled(fresh)
    line, _ = line_of(fresh, "web")
    edit(fresh, "sed -i", old=line, new=line.replace(" 20 ", " 300 "))
    bd.wait_for(lambda: fresh.get("/a/web")["ttl"] == 300, "the hand's TTL")
    settled(fresh)
    answer = fresh.register("web", "10.0.0.7", ttl=20)
    assert answer.status == 200 and answer.json["changed"] is False and answer.json["ttl"] == 300, answer
    answer = fresh.register("web", "10.0.0.7", ttl=40)  # that is another wish
    assert answer.json["changed"] is True and answer.json["ttl"] == 40, answer


@pytest.mark.parametrize("pattern", [">>", "vi", "mv"])
def test_a_name_written_by_hand_is_not_taken_over(fresh, pattern):
    """409 with the way out, and the place as it is now: the file has been edited since, and exported."""
    edit(fresh, pattern, append="printer 60 A 10.0.0.9 ; in the cellar")
    bd.wait_for(lambda: fresh.dig("printer.lab.example") == ["10.0.0.9"], "the hand's line")
    settled(fresh)
    edit(fresh, "sed -i", old="; betterdns base", new="; a line more at the top\\n; betterdns base")
    fresh.register("another", "10.0.0.2")
    settled(fresh)
    line, number = line_of(fresh, "printer")
    assert line == "printer 60 A 10.0.0.9 ; in the cellar", "as it was written"
    seq = fresh.status()["seq"]
    answer = fresh.register("printer", "10.0.0.10")
    assert answer.status == 409 and answer.headers["content-type"] == "application/problem+json", answer
    problem = answer.json
    assert re.search(r"\bPUT\b", problem["hint"]) and f"{fresh.zone_file}:{number}" in problem["hint"], problem
    assert fresh.status()["seq"] == seq and fresh.dig("printer.lab.example") == ["10.0.0.9"]
    answer = fresh.curl("-X", "PUT", "-d", "value=10.0.0.10", path="/a/printer?wait=served")
    assert answer.status == 200, answer
    settled(fresh)
    assert line_of(fresh, "printer")[0] == "printer 60 A 10.0.0.10 ; in the cellar"


def test_a_name_that_a_hand_and_a_host_write_at_once(fresh):
    """The host was first: the hand's line joins its record, and both stay. The hand was first: 409, as above."""
    buffer = fresh.zone_file.read_text()
    number = fresh.register("both", "10.0.0.3").json["registrations"][0]["number"]
    fresh.zone_file.write_text(buffer + "both 60 A 10.0.0.4\n")
    bd.wait_for(lambda: fresh.dig_quietly("both.lab.example") and len(fresh.dig("both.lab.example")) == 2, "both addresses")
    record = fresh.get("/a/both")
    assert sorted(record["values"]) == ["10.0.0.3", "10.0.0.4"] and record["ttl"] == 60, "the hand wins on the TTL"
    assert [(r["number"], r["values"]) for r in record["registrations"]] == [(number, ["10.0.0.3"])]
    assert fresh.register("both", "10.0.0.5").status == 200, "its own registration is replaced"
    assert sorted(fresh.dig("both.lab.example")) == ["10.0.0.4", "10.0.0.5"]
    fresh.curl("-X", "DELETE", path="/a/both?id=both&wait=served", check=True)
    assert fresh.dig("both.lab.example") == ["10.0.0.4"], "the hand's stays"
    settled(fresh)
    assert "both 60 A 10.0.0.4\n" in fresh.zone_file.read_text()
