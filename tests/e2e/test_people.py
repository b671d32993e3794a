"""Promise 2: the zone file stays its people's. What they save is merged and served, and what they wrote stays as they wrote it."""
import os
import re
import subprocess

import pytest

import bd


def zone_status(server):
    return server.status()["zones"][0]


def exported(server, text):
    return bd.wait_for(lambda: server.zone_file.exists() and text in server.zone_file.read_text(), f"{text!r} in the zone file")


def state(server, name):
    return bd.wait_for(lambda: zone_status(server)["file_state"] == name, f"file_state {name}, is {zone_status(server)}")


def test_a_registration_arrives_in_the_file(make_server):
    server = make_server().start()
    server.register("web", "192.0.2.7")
    exported(server, "192.0.2.7")
    text = server.zone_file.read_text()
    marker = re.search(r"^; betterdns base=(\d+) [0-9a-f]+$", text, re.MULTILINE)
    assert marker, text
    state(server, "clean")
    assert zone_status(server)["exported_seq"] == int(marker.group(1)) == server.status()["seq"]


def test_the_file_is_a_zone_that_others_read(make_server):
    server = make_server().start()
    server.register("web", "192.0.2.7")
    server.register("text", '"a; b" "c\\"d"', kind="txt")
    server.register("mail", "10 mail.lab.example.", kind="mx")
    exported(server, "mail")
    done = subprocess.run([bd.BETTERDNS, "zone", "check", "lab.example", str(server.zone_file)], capture_output=True,
                          timeout=bd.PATIENCE, check=False)
    assert done.returncode == 0, done


def edit(server, change):
    """As an editor that writes in place."""
    server.zone_file.write_text(change(server.zone_file.read_text()))


def test_a_hand_edit_is_served_and_stays_as_it_was_written(make_server):
    server = make_server().start()
    server.register("web", "192.0.2.7")
    exported(server, "192.0.2.7")
    line = "; a comment of mine\nhand   60 IN A   192.0.2.99 ; and another\n"
    edit(server, lambda text: text + line)
    bd.wait_for(lambda: server.dig("hand.lab.example") == ["192.0.2.99"], "the line of the hand")
    server.register("after", "192.0.2.8")
    exported(server, "192.0.2.8")
    assert line in server.zone_file.read_text()
    state(server, "clean")
    assert server.stop() == 0
    server.start()
    assert server.dig("hand.lab.example") == ["192.0.2.99"] and server.dig("web.lab.example") == ["192.0.2.7"]


def test_an_old_buffer_does_not_cost_a_registration(make_server):
    """vi has been open since before the registration."""
    server = make_server().start()
    server.register("web", "192.0.2.7")
    exported(server, "192.0.2.7")
    buffer = server.zone_file.read_text()
    server.register("meanwhile", "192.0.2.8")
    exported(server, "192.0.2.8")
    other = server.folder / "new"
    other.write_text(buffer.replace("192.0.2.7", "192.0.2.70"))
    os.rename(other, server.zone_file)
    bd.wait_for(lambda: server.dig("web.lab.example") == ["192.0.2.70"], "the edit")
    assert server.dig("meanwhile.lab.example") == ["192.0.2.8"]
    exported(server, "192.0.2.8")


def test_a_bad_save_changes_nothing_until_a_good_one(make_server):
    server = make_server().start()
    server.register("web", "192.0.2.7")
    exported(server, "192.0.2.7")
    good = server.zone_file.read_text()
    bad = good.replace("192.0.2.7", "192.0.2.777") + "x IN AAA 192.0.2.1\n"
    server.zone_file.write_text(bad)
    state(server, "rejected")
    errors = zone_status(server)["errors"]
    assert [error["file"] for error in errors] == [str(server.zone_file)] * 2, errors
    assert all(bad.splitlines()[error["line"] - 1][error["column"] - 1:].startswith(word)
               for error, word in zip(errors, ("192.0.2.777", "AAA"))), errors
    assert re.search(re.escape(str(server.zone_file)) + r":\d+:\d+", server.log())
    assert server.register("after", "192.0.2.8").json["served"] is True
    assert server.dig("web.lab.example") == ["192.0.2.7"]
    assert server.zone_file.read_text() == bad
    server.zone_file.write_text(good.replace("192.0.2.7", "192.0.2.77"))
    bd.wait_for(lambda: server.dig("web.lab.example") == ["192.0.2.77"], "the good one")
    exported(server, "192.0.2.8")
    state(server, "clean")
    assert not [error for error in zone_status(server)["errors"] if error["line"]]


def test_rest(make_server):
    """What is merged and exported stays at rest: no serial moves, and the file is not written."""
    server = make_server().start()
    server.register("web", "192.0.2.7")
    edit(server, lambda text: text + "hand 60 IN A 192.0.2.99\n")
    bd.wait_for(lambda: server.dig("hand.lab.example") == ["192.0.2.99"], "the edit")
    exported(server, "192.0.2.7")
    state(server, "clean")
    seq, inode = server.status()["seq"], server.zone_file.stat().st_ino
    edit(server, lambda text: text + "; a comment\n")
    looks = server.register("web", "192.0.2.7")  # changes nothing
    assert looks.json["changed"] is False
    bd.wait_for(lambda: zone_status(server)["file_state"] == "clean", "rest")
    assert server.stop() == 0 and server.start()
    state(server, "clean")
    assert server.status()["seq"] == seq and server.zone_file.stat().st_ino == inode
    assert not [p.name for p in server.folder.glob(".lab.example.zone.*")]


def test_a_vanished_file_is_written_again(make_server):
    server = make_server().start()
    server.register("web", "192.0.2.7")
    exported(server, "192.0.2.7")
    server.zone_file.unlink()
    exported(server, "192.0.2.7")


def test_a_crash_while_exporting_is_not_an_edit(make_server):
    """Our own hash is durable before the rename: whatever a crash leaves is known as ours."""
    server = make_server().start()
    for i in range(6):
        server.register(f"n{i}", f"192.0.2.{i + 1}")
        bd.wait_for(lambda: zone_status(server)["file_state"] in ("pending", "clean"), "an export")
        server.kill()
        server.start()
        assert zone_status(server)["file_state"] in ("pending", "clean")
    exported(server, "192.0.2.6")


ZONE = """$ORIGIN lab.example.
$TTL 1h
; the office
@   IN SOA ns1 hostmaster ( 41 1h 10m 2w 10s )
    IN NS ns1
ns1 IN A 192.0.2.53
web 30 IN A 192.0.2.1 ; the old web
"""


def test_a_file_that_is_there_is_imported_and_its_comments_are_kept_aside(make_server):
    server = make_server()
    server.zone_file.write_text(ZONE)
    server.start()
    assert server.dig("web.lab.example") == ["192.0.2.1"]
    assert zone_status(server)["serial"] == 42  # one past the file's
    server.register("new", "192.0.2.2")
    exported(server, "192.0.2.2")
    assert (server.folder / "lab.example.zone.orig").read_text() == ZONE
    answer = server.register("web", "192.0.2.3")
    assert answer.status == 409, answer
    assert "PUT" in answer.text and "lab.example.zone:" in answer.text, answer
    assert server.dig("web.lab.example") == ["192.0.2.1"]


@pytest.mark.parametrize("line, word", [("web IN AAA 192.0.2.1", "AAAA"), ("web IN A 192.0.2.300", "192.0.2.300"),
                                        ("$INCLUDE other", "cannot be included"), ("$GENERATE 250-256 h$ A 192.0.2.$", "192.0.2.256"),
                                        ("web IN CNAME ns1\nweb IN A 192.0.2.1", "CNAME"), ('t IN TXT "open', "quote")])
def test_a_bad_file_refuses_the_start_with_its_place(make_server, line, word):
    server = make_server()
    text = ZONE.replace("web 30 IN A 192.0.2.1 ; the old web", line)
    server.zone_file.write_text(text)
    server.launch()
    assert server.process.wait(bd.PATIENCE) == 7, server.log()
    assert re.search(re.escape(str(server.zone_file)) + r":\d+:\d+: ", server.log()), server.log()
    assert word in server.log()
    assert server.zone_file.read_text() == text
    assert not list(server.data.glob("child.*.lock")), "no child is left"


def test_write_false_is_a_source_only(make_server):
    server = make_server()
    server.config["zones"][0]["write"] = False
    server.zone_file.write_text(ZONE)
    server.start()
    server.register("new", "192.0.2.2")
    assert zone_status(server)["file_state"] == "read-only"
    changed = ZONE.replace("192.0.2.1 ", "192.0.2.11 ")
    server.zone_file.write_text(changed)
    bd.wait_for(lambda: server.dig("web.lab.example") == ["192.0.2.11"], "the source's change")
    assert server.dig("new.lab.example") == ["192.0.2.2"]
    assert server.stop() == 0
    assert server.zone_file.read_text() == changed


def test_a_crash_at_any_moment_loses_no_line(make_server):
    """Appends and kill -9 by turns: each line that was written is there in the end."""
    server = make_server().start()
    for i in range(1, 9):
        server.register(f"n{i}", f"192.0.2.{i}")
        with open(server.zone_file, "a", encoding="ascii") as file:
            file.write(f"hand{i} 60 IN A 192.0.2.{100 + i}\n")
        server.kill()
        server.start()
    for i in range(1, 9):
        bd.wait_for(lambda i=i: server.dig(f"hand{i}.lab.example") == [f"192.0.2.{100 + i}"], f"hand{i}")
        assert server.dig(f"n{i}.lab.example") == [f"192.0.2.{i}"]
    state(server, "clean")
    text = server.zone_file.read_text()
    assert all(f"hand{i} 60 IN A 192.0.2.{100 + i}\n" in text and f"192.0.2.{i}" in text for i in range(1, 9))


def test_a_refusal_names_the_included_file(make_server):
    server = make_server()
    server.config["zones"][0]["write"] = False
    server.zone_file.write_text(ZONE + "$INCLUDE hosts.inc east\n$GENERATE 1-2 g$ A 192.0.2.$\n")
    (server.folder / "hosts.inc").write_text("; the hosts\n\nmail A 192.0.2.7\n")
    server.start()
    assert server.dig("mail.east.lab.example") == ["192.0.2.7"]
    assert server.dig("g2.lab.example") == ["192.0.2.2"]
    answer = server.register("mail.east", "192.0.2.3")
    assert answer.status == 409 and f"{server.folder}/hosts.inc:3" in answer.text, answer
    answer = server.register("g2", "192.0.2.3")
    assert answer.status == 409 and f"{server.zone_file}:9" in answer.text, answer
