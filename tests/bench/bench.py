#!/usr/bin/env python3
"""make bench: medians, beside the peers in the same run. bench.py --build DIR [--only NAME]; writes nothing outside DIR/bench.

Ours and the peers take turns, so that what else the machine does hits all of them. CPU time a request moves least.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

ROUNDS = 5
CLIENTS = (1, 16, 64)
SECONDS = 1.2
SIZES = (1000, 100_000)
HAND_EDITS, BY_HAND = 10, (">", "sed -i", "mv", "vi")
PEOPLE_COSTS = (10_000, 100_000, 1_000_000)
WATCHERS, WATCH_RATES, WATCH_SECONDS, WATCH_ROUNDS = 500, (20, 100), 4, 7
CHECKED, CHECKED_SECONDS = (1000, 10_000), 5
SERVED = ((100, 200), (10_000, 100), (100_000, 20))  # records, requests
SERVED_LESS = {"auto": 2, "file": 1, "signal": 1, "restart": 4}  # by strategy: so many times fewer requests
SERVED_PEER_SECONDS = 0.5


class Samples(list):
    """The values of one measurement."""

    @property
    def median(self):
        return statistics.median(self)

    @property
    def spread(self):
        """How far the middle half of the values lies apart, as a part of the median."""
        q = statistics.quantiles(self, n=4, method="inclusive")
        return (q[2] - q[0]) / self.median if self.median else 0.0


class Table:
    """Rows of text under headings, columns as wide as they need to be; a row is out at once."""

    def __init__(self, title, *headings):
        self.widths = [max(len(h), 9) for h in headings]
        print(f"\n{title}")
        self.row(*headings)

    def row(self, *cells):
        cells = [c if isinstance(c, str) else "-" if c is None else f"{c:,.0f}" if abs(c) >= 100 else f"{c:.2f}" for c in cells]
        print("  " + "  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(cells, self.widths))),
              flush=True)


def aim(value, at_least=None, at_most=None):
    met = value >= at_least if at_least is not None else value <= at_most
    return f"{'>=' if at_least is not None else '<='} {at_least if at_least is not None else at_most:,}: " + ("yes" if met else "NO")


class Bench:
    def __init__(self, build, folder):
        self.build, self.folder = Path(build), Path(folder)
        self.spreads = Samples()
        self.results = {}

    def program(self, name, *arguments, **options):
        done = subprocess.run([self.build / "bench" / name, *map(str, arguments)], stdout=subprocess.PIPE, text=True, check=True,
                              timeout=600, **options)
        return done.stdout

    def note(self, key, samples):
        """Keeps a measurement for the summary of noise and for results.json; its median."""
        self.results[key] = {"median": samples.median, "spread": samples.spread, "values": list(samples)}
        self.spreads.append(samples.spread)
        return samples.median

    # ---- registrations ----------------------------------------------------------------------------------------------
    def server(self, name, text, strategy="file", **sections):
        folder = self.folder / name
        folder.mkdir()
        server = bd.Server(folder, server={"strategy": strategy}, **sections)
        server.zone_file.write_text(text)
        return server

    def load(self, server, clients, seconds, path, fleet, *limit):
        answer = json.loads(self.program("load_http", server.host, server.http_port, clients, seconds, path, fleet, *limit))
        assert answer["refused"] == 0 and answer["unchanged"] <= answer["answered"] // 1000, answer
        return answer

    def settle(self, server, patience=60):
        """Until what was registered is served and exported: the peers' turn is not to bear it."""
        def done():
            zone = server.status()["zones"][0]
            return zone["served_serial"] == zone["serial"] and zone["file_state"] == "clean"
        bd.wait_for(done, "the server has caught up", patience)

    def disk(self, size):
        return float(self.program("load_sync", self.folder / "sync", 0.4, size))

    def turn(self, server, others, fleet, samples):
        """One turn of ours and of each peer; (name, clients): values."""
        def add(key, value):
            samples.setdefault(key, Samples()).append(value)

        for size in (200, 4096):
            add(("fdatasync", size), self.disk(size))
        child = next(iter(server.note_child()))
        for clients in CLIENTS:
            before = [peers.cpu_seconds(pid) for pid in (server.process.pid, child)]
            answer = self.load(server, clients, SECONDS, "/a", fleet)
            used = [peers.cpu_seconds(pid) - b for pid, b in zip((server.process.pid, child), before)]
            add(("ours", clients), answer["rate"])
            add(("p50", clients), answer["p50_us"] / 1e3)
            add(("p99", clients), answer["p99_us"] / 1e3)
            add(("cpu", clients), used[0] * 1e6 / answer["answered"])
            add(("child", clients), used[1] / answer["seconds"])
        self.settle(server)
        for i, (name, peer) in enumerate(others.items()):
            # The first two are the peers proper; a further setting of one is measured where it counts.
            for clients in CLIENTS if i < 2 else CLIENTS[-1:]:
                add((name, clients), peer.updates(clients, SECONDS, fleet, 40_000))

    def rates_at(self, records):
        fleet = records // 2
        with ExitStack() as stack:
            server = self.server(f"ours-{records}", peers.zone_text(records - fleet, 0))
            stack.callback(server.close)
            server.start()
            self.load(server, CLIENTS[-1], 120, "/a", fleet, fleet)
            self.settle(server)
            others, samples = {}, {}
            for i, (name, make) in enumerate(peers.available(os.environ["SERVERS"]).items()):
                others[name] = make(self.folder / f"peer-{records}-{i}")
                stack.callback(others[name].stop)
                others[name].start(peers.zone_text(records, fleet))
            for _ in range(ROUNDS):
                self.turn(server, others, fleet, samples)
        return samples

    def run_rates(self):
        for records in SIZES:
            samples = self.rates_at(records)
            m = {key: self.note(f"rates/{records}/{key[0]}/{key[1]}", values) for key, values in samples.items()}
            table = Table(f"durable registrations a second, {records:,} records, coredns running", "clients", "betterdns", "spread",
                          "p50 ms", "p99 ms", "CPU us", "child CPU", "knot", "x knot", "bind", "x bind", "x fdatasync")
            for c in CLIENTS:
                ours, knot, bind = m["ours", c], m.get(("knot", c)), m.get(("bind", c))
                table.row(str(c), ours, f"{samples['ours', c].spread:.0%}", m["p50", c], m["p99", c], m["cpu", c],
                          f"{m['child', c]:.0%}", knot, knot and ours / knot, bind, bind and ours / bind,
                          ours / m["fdatasync", 200])
            for (name, c), rate in m.items():
                if name.startswith("knot,"):
                    print(f"  {name}: {rate:,.0f}, ratio {m['ours', c] / rate:.2f}")
            print(f"  raw fdatasync a second: {m['fdatasync', 200]:,.0f} of 200 bytes, {m['fdatasync', 4096]:,.0f} of 4 KiB")
            if records == SIZES[-1]:
                print(f"  aims: 64 clients {aim(m['ours', 64], at_least=8000)}")
                if ("knot", 64) in m:
                    print(f"        x knot {aim(m['ours', 64] / m['knot', 64], at_least=4)}")
        print("  a registration replaces its address: one POST, one TSIG-signed update of dnsperf (delete, add) at a peer.\n"
              "  knot: journal-db-mode robust (its default: synced before the answer), zonefile-sync -1. bind: syncs its .jnl for\n"
              "  each update before the answer (no setting). CPU us: of betterdns, a registration.")

    # ---- served -----------------------------------------------------------------------------------------------------
    def knows(self, strategy):
        server = self.server(f"probe-{strategy}", peers.zone_text(10, 0), strategy)
        server.write_config()
        done = subprocess.run([bd.BETTERDNS, "check", "-c", server.config_file], capture_output=True, timeout=30, check=False)
        return done.returncode == 0

    def served_at(self, records, requests, strategy, knot):
        """Our p50 and p99 and what the peer needs for an update, in ms: after its answer it serves it."""
        fleet, samples = records // 2, (Samples(), Samples(), Samples())
        with ExitStack() as stack:
            server = self.server(f"served-{strategy}-{records}", peers.zone_text(records - fleet, 0), strategy)
            stack.callback(server.close)
            server.start()
            self.load(server, CLIENTS[-1], 120, "/a", fleet, fleet)
            self.settle(server)
            for _ in range(ROUNDS):
                answer = self.load(server, 1, 60, "/a?wait=served&timeout=30s", fleet, requests // ROUNDS)
                samples[0].append(answer["p50_us"] / 1e3)
                samples[1].append(answer["p99_us"] / 1e3)
                if knot:
                    samples[2].append(1e3 / knot.updates(1, SERVED_PEER_SECONDS, fleet, 2000))
        return samples

    def served_row(self, table, records, requests, strategy, knot):
        aims = {("file", 100): 12, ("auto", 100): 12, ("signal", 100): 4}
        p50, p99, peer = self.served_at(records, requests, strategy, knot)
        median, goal = self.note(f"served/{strategy}/{records}/p50", p50), aims.get((strategy, records))
        self.note(f"served/{strategy}/{records}/p99", p99)
        if peer:
            self.note(f"served/{strategy}/{records}/knot", peer)
        table.row(strategy, f"{records:,}", median, f"{p50.spread:.0%}", p99.median, peer.median if peer else None,
                  median / peer.median if peer else None, goal and aim(median, at_most=goal))

    def run_served(self):
        table = Table("wait=served, ms, one client", "strategy", "records", "p50", "spread", "p99", "knot", "x knot", "aim")
        known = [strategy for strategy in SERVED_LESS if self.knows(strategy)]
        for records, requests in SERVED:
            with ExitStack() as stack:
                make = peers.available(os.environ["SERVERS"]).get("knot")
                knot = make and make(self.folder / f"served-peer-{records}")
                if knot:
                    stack.callback(knot.stop)
                    knot.start(peers.zone_text(records, records // 2))
                for strategy in known:
                    self.served_row(table, records, requests // SERVED_LESS[strategy], strategy, knot)
        print("  knot: one TSIG-signed update after the other, each synced and served when it is answered. restart: a new server a change.")

    # ---- watching ---------------------------------------------------------------------------------------------------
    def readers(self, server):
        text = server.request("GET", "/metrics")[1].decode()
        return int(next(line.split()[1] for line in text.splitlines() if line.startswith("betterdns_event_readers ")))

    def watched(self, server, how, rate):
        """Registrations at a rate while so many watch; what load_http says, and the CPU of betterdns."""
        watchers = None
        if how != "nobody":
            # Real ones run elsewhere: what they need of this machine is not to count.
            watchers = subprocess.Popen([self.build / "bench" / "load_events", server.host, str(server.http_port), str(WATCHERS), how],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: os.nice(10))
            assert watchers.stdout.readline() == "ready\n"
            bd.wait_for(lambda: self.readers(server) == WATCHERS, "all of them wait")
        try:
            before = peers.cpu_seconds(server.process.pid)
            answer = self.load(server, 16, WATCH_SECONDS, "/a", 1000, 10**9, rate)
            used = (peers.cpu_seconds(server.process.pid) - before) / WATCH_SECONDS
        finally:
            if watchers:
                heard = json.loads(watchers.communicate(timeout=60)[0])
        assert not watchers or heard["events"] >= WATCHERS * answer["answered"], heard
        bd.wait_for(lambda: self.readers(server) == 0, "nobody waits")
        return answer, used

    def run_watch(self):
        table = Table(f"{WATCHERS} clients that watch everything, and one registration after the other at a rate", "watching", "rate",
                      "p50 ms", "p99 ms", "x nobody", "CPU", "aim")
        with ExitStack() as stack:
            server = self.server("watch", peers.zone_text(1000, 0))
            stack.callback(server.close)
            server.start()
            self.load(server, 16, 1, "/a", 1000)
            for rate in WATCH_RATES:
                samples = {}
                for _ in range(WATCH_ROUNDS):
                    for how in ("nobody", "stream", "poll"):
                        answer, used = self.watched(server, how, rate)
                        for key, value in (("p50", answer["p50_us"] / 1e3), ("p99", answer["p99_us"] / 1e3), ("cpu", used)):
                            samples.setdefault((how, key), Samples()).append(value)
                m = {key: self.note(f"watch/{rate}/{key[0]}/{key[1]}", values) for key, values in samples.items()}
                for how in ("nobody", "stream", "poll"):
                    ratio = m[how, "p99"] / m["nobody", "p99"]
                    table.row(how, str(rate), m[how, "p50"], m[how, "p99"], ratio, f"{m[how, 'cpu']:.0%}",
                              "" if how == "nobody" else aim(round(ratio, 2), at_most=1.5))

    # ---- hand edits -------------------------------------------------------------------------------------------------
    def edit_once(self, server, save, old, new):
        """From the end of a save to the first answer with the new address, ms; long after what was before."""
        time.sleep(1)
        saves.SAVES[save](server.zone_file, saves.Edit(old=f"edited A {old}", new=f"edited A {new}"))
        began = time.monotonic()
        bd.wait_for(lambda: bd.addresses(server.dns, f"edited.{peers.ZONE}") == [new], "the edit is served")
        took = (time.monotonic() - began) * 1e3
        self.settle(server)
        return took

    def run_people(self):
        table = Table("from the end of a save of the zone file by hand to the first DNS answer, ms", "saved by", "records", "median",
                      "spread", "slowest", "aim")
        for records, times, saved_by in ((100, HAND_EDITS, BY_HAND), (10_000, HAND_EDITS, BY_HAND), (100_000, 3, BY_HAND[-2:-1])):
            with ExitStack() as stack:
                text = peers.zone_text(records - 1, 0) + "edited A 192.0.2.0\n"
                server = self.server(f"people-{records}", text)
                stack.callback(server.close)
                server.start()
                self.settle(server)
                turns = [(save, i) for i in range(times) for save in saved_by]
                took, old = {}, "192.0.2.0"
                for number, (save, _) in enumerate(turns, 1):
                    new = f"192.0.{2 + number // 250}.{number % 250}"
                    took.setdefault(save, Samples()).append(self.edit_once(server, save, old, new))
                    old = new
            for save, values in took.items():
                median = self.note(f"people/{save}/{records}", values)
                table.row(save, f"{records:,}", median, f"{values.spread:.0%}", max(values),
                          aim(median, at_most=1000) if records <= 10_000 else "")
        self.run_people_costs()

    def cost(self, server, work):
        """CPU seconds of betterdns and its peak, MB, from before the work until the server has caught up."""
        pid = server.process.pid
        Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")  # the peak begins anew
        before = peers.cpu_seconds(pid)
        work()
        self.settle(server, 240)
        return peers.cpu_seconds(pid) - before, bd.memory_mb(pid, "VmHWM")

    def run_people_costs(self):
        """What a save of one line, and the export of one registration, take of betterdns; each with its publish."""
        table = Table("one change in a large zone: CPU s, and the peak of memory in MB", "records", "at rest MB", "import MB",
                      "save CPU", "save MB", "export CPU", "export MB")
        for records in PEOPLE_COSTS:
            with ExitStack() as stack:
                server = self.server(f"people-cost-{records}", peers.zone_text(records - 1, 0) + "edited A 192.0.2.0\n")
                stack.callback(server.close)
                server.launch()
                bd.wait_for(lambda: server.process.poll() is not None or server.is_ready(), "the import", 120)
                self.settle(server, 240)
                at_import, rest = (bd.memory_mb(server.process.pid, field) for field in ("VmHWM", "VmRSS"))
                edit = saves.Edit(old="edited A 192.0.2.0", new="edited A 192.0.2.1")

                def save():
                    serial = server.status()["zones"][0]["serial"]
                    saves.SAVES["mv"](server.zone_file, edit)
                    bd.wait_for(lambda: server.status()["zones"][0]["serial"] != serial, "the save is merged", 60)

                costs = *self.cost(server, save), *self.cost(server, lambda: server.register("web", "192.0.2.7", wait="committed"))
            for name, value in zip(("save/cpu", "save/peak", "export/cpu", "export/peak"), costs):
                self.results[f"people/{name}/{records}"] = value
            self.results[f"people/import/peak/{records}"], self.results[f"people/rest/{records}"] = at_import, rest
            table.row(f"{records:,}", rest, at_import, *costs)

    # ---- text -------------------------------------------------------------------------------------------------------
    def run_zonefile(self):
        lines = [json.loads(line) for line in self.program("bench_zonefile").splitlines()]
        table = Table("zone text, MB/s of CPU time, 500,000 records", "zone", "work", "betterdns", "spread", "ns/record", "knot",
                      "ratio", "aim")
        for line in lines:
            peer, goal = line["peer_mb_s"], {"parse": 300, "write": 200}.get(line["work"])
            self.results[f"zonefile/{line['zone']}/{line['work']}"] = line
            table.row(line["zone"], line["work"], line["mb_s"], f"{line['spread']:.0%}", line["ns_record"], peer,
                      peer and line["mb_s"] / peer, goal and aim(line["mb_s"], at_least=goal))
        if all(line["peer_mb_s"] is None for line in lines):
            print("  Debian's libknot-dev is not installed: no peer")
        print("  knot: libzscanner reads (records to a callback, as ours), libknot's knot_rrset_txt_dump writes")

    # ---- programs that print by themselves -------------------------------------------------------------------------
    def run_program(self, name):
        print(f"\n{name}")
        lines = self.program(f"bench_{name}", env={**os.environ, "BENCH_DIR": str(self.folder)}).splitlines()
        print("\n".join(f"  {line}" for line in lines), flush=True)

    # ---- checks -----------------------------------------------------------------------------------------------------
    @staticmethod
    def metrics(server):
        text = server.request("GET", "/metrics")[1].decode()
        return {name[10:]: float(value) for name, value in (line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")}

    def checked(self, server, rounds):
        """Of the whole program while it checks: checks a second, and what part of a core."""
        def count():
            values = self.metrics(server)
            return [values[f'health_checks_total{{result="{r}"}}'] for r in ("success", "failure")]

        samples = Samples(), Samples()
        for _ in range(rounds):
            began, cpu, before = time.monotonic(), peers.cpu_seconds(server.process.pid), count()
            time.sleep(CHECKED_SECONDS)
            took, cpu = time.monotonic() - began, peers.cpu_seconds(server.process.pid) - cpu
            after = count()
            assert after[1] == before[1], "checks have failed"
            samples[0].append((after[0] - before[0]) / took)
            samples[1].append(100 * cpu / took)
        return samples

    def run_checks(self):
        self.run_program("checks")
        table = Table("the whole program, records by hand with a rule, http every 10 s", "hosts", "checks/s", "% of a core",
                      "spread", "aim")
        for hosts in CHECKED:
            with ExitStack() as stack:
                lender = stack.enter_context(subprocess.Popen([self.build / "bench" / "bench_checks", "hosts"], text=True,
                                                              stdin=subprocess.PIPE, stdout=subprocess.PIPE))
                stack.callback(lender.stdin.close)
                rule = {"name": "checked*", "check": f"http://:{int(lender.stdout.readline())}/healthz", "handwritten": True}
                text = peers.zone_text(1, 0) + "".join(f"checked{i} A 127.1.{i >> 8}.{i & 255}\n" for i in range(hosts))
                server = self.server(f"checks-{hosts}", text, checks={"allow": ["127.0.0.0/8"], "rules": [rule]})
                stack.callback(server.close)
                server.start()
                available = 'health_targets{state="AVAILABLE"}'
                bd.wait_for(lambda: self.metrics(server)[available] == hosts, "each host was checked", 60)
                rate, part = self.checked(server, ROUNDS)
            median = self.note(f"checks/cpu/{hosts}", part)
            table.row(f"{hosts:,}", rate.median, median, f"{part.spread:.0%}",
                      aim(median, at_most=10) if hosts == CHECKED[-1] else "")

    def run_start(self):
        script = HERE / "start_1m.py"
        if script.exists():
            print("\nstart and memory at a million records", flush=True)
            subprocess.run([sys.executable, script], check=True, timeout=900, cwd=self.folder,
                           env={**os.environ, "TMPDIR": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"})

    def parts(self):
        return {"zonefile": self.run_zonefile, "rates": self.run_rates, "served": self.run_served, "watch": self.run_watch,
                "people": self.run_people, "start": self.run_start, "checks": self.run_checks,
                "faults": lambda: [part(self, Table, Samples, aim).run() for part in (faults.Faults, obstacles.Obstacles)],
                "kinds": lambda: kinds.run(self, Table, Samples),
                **{name: lambda name=name: self.run_program(name) for name in ("registry", "http", "snapshot")}}


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo", encoding="ascii", errors="replace")
                  if line.startswith("model name")), "unknown")
    return f"{os.cpu_count()} cores ({model}), Linux {os.uname().release}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    build = Path(options.build).resolve()
    folder = Path(tempfile.mkdtemp(prefix="run.", dir=build / "bench"))
    bench = Bench(build, folder)
    parts = bench.parts()
    if options.only and options.only not in parts:
        sys.exit(f"error: no benchmark '{options.only}'\nhint: BENCH is one of {', '.join(parts)}")
    began, load = time.monotonic(), os.getloadavg()
    print(f"{machine()}; load {load[0]:.2f} at the start; medians of {ROUNDS} rounds in turns")
    try:
        for name, part in parts.items():
            if options.only in ("", name):
                part()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    (build / "bench" / "results.json").write_text(json.dumps(bench.results, indent=1))
    print(f"\n{time.monotonic() - began:.0f} s; load {os.getloadavg()[0]:.2f} at the end", end="")
    if bench.spreads:
        print(f"; the middle half of repeats lies {bench.spreads.median:.0%} apart in the median, {max(bench.spreads):.0%} at most")
    else:
        print()


if __name__ == "__main__":
    import bd
    import faults
    import kinds
    import obstacles
    import peers
    import saves
    main()
