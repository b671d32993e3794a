"""make bench BENCH=kinds: each kind of server: how soon a change is served, what it costs the server, and what queries at 1,000 a second
lost meanwhile."""
import os
import time
from contextlib import ExitStack
from pathlib import Path

import bd
import traffic

PROGRAMS = {"coredns": None, "bind": "usr/sbin/named", "nsd": "usr/sbin/nsd", "knot": "usr/sbin/knotd"}
ZONES, CHANGES, RECORDS, RATE = (1, 50), 40, 100, 1000
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def ticks_of_session(session):
    """CPU time of a server that may be several processes, those too that have ended."""
    ticks = 0
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(entry.name)) == session:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                ticks += sum(int(f) for f in fields[11:15])
        except OSError:
            continue
    return ticks


def write_zones(folder, zones):
    names = ["lab.example"] + [f"z{i}.example" for i in range(zones - 1)]
    for name in names:
        hosts = "".join(f"h{i} A 192.0.2.{i % 250 + 1}\n" for i in range(RECORDS))
        (folder / f"{name}.zone").write_text(f"$TTL 30\n@ SOA ns1 h 5 3600 600 86400 30\n@ NS ns1\nns1 A 127.0.0.1\n{hosts}", encoding="ascii")
    return [{"name": name, "file": str(folder / f"{name}.zone")} for name in names]


def change(server, connection, address):
    began = time.monotonic()
    status, text = server.request("POST", "/a?wait=served&timeout=30s", f"name=moving&value={address}", FORM, connection)
    assert status in (200, 201), (status, text)
    return (time.monotonic() - began) * 1e3


def measure(server, samples):
    """Changes one after the other under queries; the server's CPU time a change in ms, and what was counted."""
    connection, pid = server.connection(), server.status()["server"]["pid"]
    change(server, connection, traffic.address_of(1))
    with traffic.Traffic(server.dns, "moving.lab.example", traffic.address_of(1), RATE) as queries:
        before = ticks_of_session(pid)
        for i in range(2, CHANGES + 2):
            queries.comes(traffic.address_of(i))
            samples.append(change(server, connection, traffic.address_of(i)))
            queries.served(traffic.address_of(i))
            time.sleep(0.05)
        used = (ticks_of_session(pid) - before) * 1e3 / os.sysconf("SC_CLK_TCK") / CHANGES
    return used, queries


def run(bench, table_of, samples_of):
    table = table_of(f"{CHANGES} changes, each waited for until it is served, under {RATE} queries a second", "server", "zones", "p50 ms",
                     "spread", "slowest", "CPU ms", "asked", "lost", "old")
    for kind, program in PROGRAMS.items():
        for zones in ZONES:
            with ExitStack() as stack:
                folder = bench.folder / f"{kind}-{zones}"
                folder.mkdir()
                binary = str(Path(os.environ["SERVERS"]) / program) if program else bd.COREDNS
                server = bd.Server(folder, zones=write_zones(folder, zones), server={"kind": kind, "binary": binary}, host="127.0.0.1")
                stack.callback(server.close)
                server.start()
                samples = samples_of()
                used, queries = measure(server, samples)
                table.row(kind, str(zones), bench.note(f"kinds/{kind}/{zones}", samples), f"{samples.spread:.0%}", max(samples), used,
                          f"{queries.asked:,}", str(queries.lost), str(queries.old + queries.wrong))
