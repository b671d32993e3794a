"""Every way of saving the zone file: DNS answers what was saved, a registration made meanwhile stays, and the file at rest is what the
hand has written, byte for byte, but for our marker, the serial and the registered records."""
import os
import re

import pytest

import bd
import saves

ZONE = """; the zone of the lab \xe4: ask before you change it
$ORIGIN lab.example.
$TTL 1h

@   IN SOA ns1 hostmaster (
            41       ; serial
            1h 10m   ; refresh, retry
            2w 10s ) ; expire, negative answers
    IN NS ns1
ns1 IN A 192.0.2.53

; ---- hosts ----
web      30 IN A     192.0.2.1     ; the old web
         30 IN A     192.0.2.2
mail        IN MX 10 web
text        IN TXT   "a; b" "tab\there"
; the end
"""


def zone_status(server):
    return server.status()["zones"][0]


def bare(text):
    """Without the marker, and with the serial left open."""
    text = re.sub(r"^; betterdns base=.*\n", "", text, flags=re.MULTILINE)
    return re.sub(r"\d+( +; serial)", r"N\1", text)


def content(server):
    return server.zone_file.read_bytes().decode("latin-1")


def rest(server):
    """The file shows the newest change, and so does DNS."""
    def at_rest():
        zone = zone_status(server)
        serial = re.search(r"(\d+) +; serial", content(server))
        return zone["file_state"] == "clean" and zone["served_serial"] == zone["serial"] == int(serial.group(1))
    bd.wait_for(at_rest, "rest")
    return content(server)


def wait_for_address(server, name, *addresses):
    def found():
        try:
            return bd.addresses(server.dns, f"{name}.lab.example", timeout=1) == sorted(addresses)
        except OSError:
            return False
    try:
        bd.wait_for(found, f"{name} at {addresses}")
    except AssertionError:
        print(zone_status(server), server.log()[-3000:])
        raise


@pytest.fixture(scope="module")
def edited():
    folder = bd.temporary_folder()
    server = bd.Server(folder)
    zones = server.folder / "zones"
    zones.mkdir()
    server.zone_file = zones / "lab.example.zone"
    server.config["zones"][0]["file"] = str(server.zone_file)
    server.zone_file.write_bytes(ZONE.encode("latin-1"))
    try:
        yield server.start()
    finally:
        server.close()
        saves.run("rm", "-rf", str(folder))


@pytest.mark.parametrize("number, name", list(enumerate(saves.SAVES)), ids=list(saves.SAVES))
def test_a_save(edited, number, name):
    server, save = edited, saves.SAVES[name]
    server.register(f"reg{number}", f"192.0.2.{100 + number}")
    before = rest(server)
    assert f"192.0.2.{100 + number}" in before and "; the old web" in before and before.endswith("\n")
    added = saves.Edit(append=f"hand{number} 60 IN A 198.51.100.{number + 1} ; by {number} | \"$x\"")
    save(server.zone_file, added)
    wait_for_address(server, f"hand{number}", f"198.51.100.{number + 1}")
    between = rest(server)
    assert bare(between) == bare(added.apply(before))
    changed = saves.Edit(old=re.search(r"web +30 IN A +(\S+)", between).group(1) + " ", new=f"203.0.113.{number + 1} ")
    save(server.zone_file, changed)
    wait_for_address(server, "web", f"203.0.113.{number + 1}", "192.0.2.2")
    assert bare(rest(server)) == bare(changed.apply(between))
    wait_for_address(server, f"reg{number}", f"192.0.2.{100 + number}")
    assert zone_status(server)["errors"] == []


@pytest.mark.parametrize("write", [False, True])
def test_a_config_map(make_server, write):
    """The whole file is another one each time, without our marker; what was registered is never deleted by that."""
    server = make_server()
    volume = server.folder / "volume"
    volume.mkdir()
    server.config["zones"][0].update(file=str(volume / "zone"), write=write)
    text = ZONE
    mounted = saves.ConfigMap(volume, "zone", text)
    server.start()
    server.register("reg", "192.0.2.200")
    for number in range(3):
        edit = saves.Edit(append=f"map{number} 60 IN A 198.51.100.{number + 1}")
        text = edit.apply(text)
        mounted.publish(text)
        wait_for_address(server, f"map{number}", f"198.51.100.{number + 1}")
        wait_for_address(server, "reg", "192.0.2.200")
    text = text.replace("map1 60 IN A 198.51.100.2\n", "")
    mounted.publish(text)
    wait_for_address(server, "map1")
    wait_for_address(server, "map2", "198.51.100.3")
    wait_for_address(server, "reg", "192.0.2.200")
    if not write:
        assert (volume / "zone").read_bytes().decode("latin-1") == text


def test_included_files(make_server):
    """Each is watched; one that cannot be read is a fault of the save, and is read when it comes back."""
    server = make_server()
    folder = server.folder / "hosts"
    folder.mkdir()
    (folder / "printers").write_text("printer A 192.0.2.31\n$INCLUDE hosts/more\n", encoding="ascii")
    (folder / "more").write_text("scanner A 192.0.2.32\n", encoding="ascii")
    server.zone_file.write_bytes(ZONE.replace("; the end", "$INCLUDE hosts/printers ; below").encode("latin-1"))
    server.start()
    server.register("reg", "192.0.2.200")
    wait_for_address(server, "scanner", "192.0.2.32")
    before = rest(server)
    saves.sed(folder / "printers", saves.Edit(old="192.0.2.31", new="192.0.2.41"))
    wait_for_address(server, "printer", "192.0.2.41")
    saves.mv(folder / "more", saves.Edit(append="fax A 192.0.2.43"))
    wait_for_address(server, "fax", "192.0.2.43")
    os.rename(folder / "more", folder / "gone")
    bd.wait_for(lambda: zone_status(server)["file_state"] == "rejected", "a file that is missing")
    assert "more" in zone_status(server)["errors"][0]["message"]
    wait_for_address(server, "fax", "192.0.2.43")
    os.rename(folder / "gone", folder / "more")
    bd.wait_for(lambda: zone_status(server)["file_state"] == "clean", "it is back")
    wait_for_address(server, "reg", "192.0.2.200")
    assert bare(rest(server)) == bare(before)
    assert (folder / "more").read_text(encoding="ascii") == "scanner A 192.0.2.32\nfax A 192.0.2.43\n"


def test_an_edit_while_we_are_down(make_server):
    server = make_server()
    server.zone_file.write_bytes(ZONE.encode("latin-1"))
    server.start()
    server.register("reg", "192.0.2.200")
    rest(server)
    assert server.stop() == 0
    edit = saves.Edit(append="night 60 IN A 198.51.100.1 ; made at night")
    before = content(server)
    saves.sed(server.zone_file, edit)
    server.start()
    wait_for_address(server, "night", "198.51.100.1")
    wait_for_address(server, "reg", "192.0.2.200")
    assert bare(rest(server)) == bare(edit.apply(before))
