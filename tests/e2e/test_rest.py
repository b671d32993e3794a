"""Export, watch, merge, export comes to rest: when nobody edits and nobody registers, nothing moves, nothing is written, nothing is
said, and no CPU is used (design.md, "The people's file", rule 10)."""
import os
import threading
import time
from pathlib import Path

import pytest

import bd
import saves

HEAD = "$ORIGIN {origin}.\n$TTL 300\n@ SOA ns1 hostmaster ( 7 3600 600 86400 300 )\n@ NS ns1\nns1 A 127.0.0.1\n"
LINES = "".join(f"host{i:03d} 60 A 198.18.0.{i}\n" for i in range(200))
REST, MORE = 60, int(os.environ.get("BETTERDNS_SOAK_ROUNDS", "10000"))  # seconds


def make_zones(server):
    """In each stands another kind of file in the end: clean; clean with an included file; rejected; held; a source only."""
    zones = []
    for name in ("edited", "included", "rejected", "held", "source"):
        path = server.folder / name / "zone"
        path.parent.mkdir()
        include = "$INCLUDE hosts.inc\n" if name == "included" else ""
        path.write_text(HEAD.format(origin=f"{name}.example") + LINES + include)
        if include:
            (path.parent / "hosts.inc").write_text("inc0 60 A 198.18.1.0\n")
        zones.append({"name": f"{name}.example", "file": str(path), "ttl": 30, "write": name != "source",
                      "ns": [f"ns1.{name}.example. {server.host}"]})
    server.config["zones"] = zones
    return {z["name"].split(".")[0]: server.folder / z["name"].split(".")[0] / "zone" for z in zones}


def register(server, zone, number):
    for i in range(40):
        status, text = server.request("POST", "/a", f"name=reg{number}-{i % 25}.{zone}.example.&value=10.{number}.0.{i}",
                                      {"Content-Type": "application/x-www-form-urlencoded"})
        assert status in (200, 201), text


def burst(server, files):
    """All patterns in two zones, registrations in all of them meanwhile."""
    threads = [threading.Thread(target=register, args=(server, zone, n)) for n, zone in enumerate(files)]
    for thread in threads:
        thread.start()
    for n, pattern in enumerate(sorted(saves.SAVES)):
        saves.save(pattern, files[("edited", "included")[n % 2]], saves.Edit(append=f"hand{n} 60 A 198.19.0.{n} ; by {pattern}"))
    with open(files["included"].parent / "hosts.inc", "a", encoding="ascii") as included:
        included.write("inc1 60 A 198.18.1.1\n")
    with open(files["source"], "a", encoding="ascii") as source:
        source.write("hand 60 A 198.19.0.1\n")
    for thread in threads:
        thread.join(bd.PATIENCE)
        assert not thread.is_alive()


def spoil(files):
    text = files["rejected"].read_text()
    files["rejected"].write_text(text + "bad 60 AAA 198.19.0.1\n")
    text = files["held"].read_text()
    files["held"].write_text(text[:text.index("host100")])


def zones_of(server):
    return {z["name"].split(".")[0]: z for z in server.status()["zones"]}


def names(server, zone):
    return {r["name"].split(".")[0] for r in server.get(f"/a?limit=10000&zone={zone}.example")["records"]}


def settled(server, files):
    """Everything that was saved and registered is in the zones, in DNS, and in the files that are clean."""
    states = {"edited": "clean", "included": "clean", "rejected": "rejected", "held": "held", "source": "read-only"}
    hands = {"edited": {f"hand{n}" for n in range(0, len(saves.SAVES), 2)},
             "included": {f"hand{n}" for n in range(1, len(saves.SAVES), 2)} | {"inc0", "inc1"}, "source": {"hand"}}

    def is_so():
        zones = zones_of(server)
        return ({name: z["file_state"] for name, z in zones.items()} == states and
                all(z["served_serial"] == z["serial"] for z in zones.values()) and
                all(hands[zone] <= names(server, zone) for zone in hands) and
                all(f"reg{n}-24" in files[zone].read_text() for n, zone in enumerate(("edited", "included"))) and
                not any(list(path.parent.glob(".zone.prev*")) for path in files.values()))
    bd.wait_for(is_so, f"the burst is over: {server.status()}\n{server.log()[-2000:]}", 60)


def cpu(server):
    """Seconds of all its threads."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def everything(server, files):
    """Whatever would show that something moved."""
    kept = {p: (p.stat().st_ino, p.stat().st_mtime_ns, p.stat().st_ctime_ns)
            for folder in (*{f.parent for f in files.values()}, server.live) for p in sorted(folder.iterdir())}
    return {"seq": server.status()["seq"], "zones": zones_of(server), "files": kept, "log": server.log()}


def stays_at_rest(server, files, seconds):
    settled(server, files)
    # Displaced files are looked after for ten seconds where leases do not work, and the last export is read once more.
    bd.wait_for(lambda: everything(server, files) == (threading.Event().wait(1), everything(server, files))[1], "the first quiet second")
    before, used, start = everything(server, files), cpu(server), time.monotonic()
    while time.monotonic() - start < seconds:
        threading.Event().wait(min(5, seconds))
        now = everything(server, files)
        moved = [key for key in before if before[key] != now[key]]
        assert not moved, (moved, [(before[key], now[key]) for key in moved if key != "log"], now["log"][len(before["log"]):])
    share = (cpu(server) - used) / (time.monotonic() - start)
    assert share < 0.02, f"{share:.1%} of a core at rest"


def at_rest(make_server, seconds):
    server = make_server()
    files = make_zones(server)
    server.start()
    burst(server, files)
    spoil(files)
    stays_at_rest(server, files, seconds)
    # It was asleep, not dead.
    saves.SAVES[">>"](files["edited"], saves.Edit(append="awake 60 A 198.19.1.1"))
    bd.wait_for(lambda: server.dig_quietly("awake.edited.example") == ["198.19.1.1"], "an edit after the rest")


@pytest.mark.slow
def test_a_minute_of_rest(make_server):
    at_rest(make_server, REST)


@pytest.mark.soak
def test_hours_of_rest_soak(make_server):
    at_rest(make_server, MORE)
