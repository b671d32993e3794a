"""make bench BENCH=faults: what each fault costs, in queries and in time, while queries are asked and each is counted."""
import os
import re
import signal
import subprocess
import threading
import time
from contextlib import ExitStack

import bd
import peers
from traffic import Traffic, address_of

KILLED_SIZES, KILLS, HANGS, OUR_KILLS = (100, 10_000, 100_000), 5, 5, 20
CHANGES, SWAPS, FAST, STEADY = 1000, 50, 5000, 1000
NAME, FIRST = f"moving.{peers.ZONE}", 10 << 16


def replaced(server, before):
    now = server.status()["server"]
    return now["generation"] > before["generation"] and now["state"] == "ready" and server.is_ready()


class Faults:
    def __init__(self, bench, table, samples, aim):
        self.bench, self.table, self.samples, self.aim = bench, table, samples, aim

    def server(self, stack, name, records, strategy="file"):
        server = self.bench.server(name, peers.zone_text(records - 1, 0), strategy)
        server.config["server"]["on_stop"] = "keep"
        stack.callback(server.close)
        server.start().register("moving", address_of(FIRST))
        return server

    def start_again(self, server):
        """The server stays: a betterdns that knows of no failure, and has done what there is to do after a start."""
        server.kill()
        server.start()
        self.bench.settle(server)
        idle = peers.cpu_seconds(server.process.pid)
        for _ in range(120):  # a minute at most
            time.sleep(0.5)
            before, idle = idle, peers.cpu_seconds(server.process.pid)
            if idle - before < 0.05:
                return
        raise AssertionError("betterdns does not come to rest after its start")

    # ---- the server dies --------------------------------------------------------------------------------------------
    @staticmethod
    def answers(address):
        try:
            return bd.query(address, NAME, timeout=0.05) == (0, 1)
        except OSError:
            return False

    def load(self, server):
        """Of the server alone, with the same files: killed, started again by hand at once, until its first answer, ms."""
        other, corefile = (bd.free_address()[0], server.dns[1]), server.folder / "Corefile"
        text = max(server.live.glob("Corefile*"), key=os.path.getmtime).read_text()
        corefile.write_text(re.sub(r"127\.53\.", "127.54.", text).replace(server.dns[0], other[0]))
        started = []

        def start():
            started.append(subprocess.Popen([bd.COREDNS, "-conf", corefile], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

        def end():
            started[-1].kill()
            started[-1].wait()

        start()
        try:
            with Traffic(other, NAME, address_of(FIRST), STEADY) as traffic:
                bd.wait_for(lambda: self.answers(other), "an answer")
                traffic.take()
                end()
                start()
                bd.wait_for(lambda: self.answers(other), "an answer")
                bd.wait_for(lambda: traffic.take()["asked"] > 0, "an answer")
                return traffic.gap_ms
        finally:
            end()

    def kill_once(self, server):
        self.start_again(server)
        before = server.status()["server"]
        with Traffic(server.dns, NAME, address_of(FIRST), STEADY) as traffic:
            os.kill(before["pid"], signal.SIGKILL)
            bd.wait_for(lambda: replaced(server, before), "a new server")
            counts = traffic.take()
        return counts["gap_ms"], traffic.lost

    def run_killed(self):
        table = self.table(f"kill -9 of coredns at {STEADY:,} queries a second, ms", "records", "load", "outage", "spread", "ours", "lost",
                           "aim")
        for records in KILLED_SIZES:
            with ExitStack() as stack:
                server = self.server(stack, f"killed-{records}", records)
                outages, lost, loads = (self.samples() for _ in range(3))
                for _ in range(KILLS):
                    gap, missing = self.kill_once(server)
                    outages.append(gap)
                    lost.append(missing)
                    loads.append(self.load(server))
            outage = self.bench.note(f"faults/killed/{records}/outage", outages)
            load = self.bench.note(f"faults/killed/{records}/load", loads)
            self.bench.note(f"faults/killed/{records}/lost", lost)
            table.row(f"{records:,}", load, outage, f"{outages.spread:.0%}", outage - load, lost.median,
                      self.aim(round(outage - load), at_most=50))

    # ---- it hangs ---------------------------------------------------------------------------------------------------
    def hang_once(self, server):
        self.start_again(server)
        before = server.status()["server"]
        with Traffic(server.dns, NAME, address_of(FIRST), STEADY) as traffic:
            threading.Event().wait(0.1 * (before["generation"] % 5))  # anywhere between two probes
            began = time.monotonic()
            os.kill(before["pid"], signal.SIGSTOP)
            bd.wait_for(lambda: before["pid"] not in server.processes(), "its end")
            found = time.monotonic() - began
            bd.wait_for(lambda: replaced(server, before), "a new server")
            return found * 1e3, traffic.take()["gap_ms"]

    def run_hung(self):
        table = self.table("SIGSTOP of coredns, 100 records, ms", "", "found", "slowest", "outage", "aim")
        with ExitStack() as stack:
            server = self.server(stack, "hung", 100)
            found, outages = self.samples(), self.samples()
            for _ in range(HANGS):
                for samples, value in zip((found, outages), self.hang_once(server)):
                    samples.append(value)
        median = self.bench.note("faults/hung/found", found)
        table.row("hung", median, max(found), self.bench.note("faults/hung/outage", outages), self.aim(round(median), at_most=2000))

    # ---- betterdns dies ---------------------------------------------------------------------------------------------
    def run_ours(self):
        table = self.table(f"kill -9 of betterdns at {STEADY:,} queries a second, {OUR_KILLS} times, 1,000 records", "", "ready ms", "spread",
                           "asked", "lost", "dropped", "aim")
        with ExitStack() as stack:
            server = self.server(stack, "ours", 1000)
            pid, ready = server.status()["server"]["pid"], self.samples()
            with Traffic(server.dns, NAME, address_of(FIRST), STEADY) as traffic:
                for _ in range(OUR_KILLS):
                    server.kill()
                    began = time.monotonic()
                    server.start()
                    ready.append((time.monotonic() - began) * 1e3)
                    assert server.status()["server"]["pid"] == pid
            dropped = bd.dropped(server.dns)
        self.bench.results["faults/ours/lost"] = traffic.lost
        table.row("betterdns", self.bench.note("faults/ours/ready", ready), f"{ready.spread:.0%}", traffic.asked, traffic.lost, dropped,
                  self.aim(traffic.lost - dropped, at_most=0))

    # ---- changes ----------------------------------------------------------------------------------------------------
    @staticmethod
    def change(server, traffic, connection, numbers):
        for number in numbers:
            address = address_of(FIRST + number)
            traffic.comes(address)
            status, text = server.request("POST", "/a?wait=served&timeout=30s", f"name=moving&value={address}",
                                          {"Content-Type": "application/x-www-form-urlencoded"}, connection)
            assert status in (200, 201), text
            traffic.served(address)

    def changes(self, strategy, count):
        """Traffic, swaps, what the kernel dropped, and how much both have grown since the first tenth, MB."""
        def memory():
            return [bd.memory_mb(pid) for pid in (server.process.pid, server.status()["server"]["pid"])]

        with ExitStack() as stack:
            server = self.server(stack, f"changes-{strategy}", 100, strategy)
            first, connection = server.status()["server"]["generation"], server.connection()
            with Traffic(server.dns, NAME, address_of(FIRST), FAST, tcp=4) as traffic:
                self.change(server, traffic, connection, range(1, count // 10))
                before = memory()
                self.change(server, traffic, connection, range(count // 10, count + 1))
                grown = [a - b for a, b in zip(memory(), before)]
            return traffic, server.status()["server"]["generation"] - first, bd.dropped(server.dns), grown

    def run_changes(self):
        table = self.table(f"changes at {FAST:,} queries a second, 100 records, one wait=served after the other", "strategy", "changes", "asked",
                           "lost", "dropped", "a swap", "old", "wrong", "TCP closed", "ours +MB", "child +MB", "aim")
        for strategy, count in (("file", CHANGES), ("signal", CHANGES), ("restart", SWAPS)):
            traffic, swaps, dropped, grown = self.changes(strategy, count)
            wrong = traffic.wrong + traffic.tcp_wrong
            self.bench.results[f"faults/changes/{strategy}"] = {**traffic.counts, "dropped": dropped, "swaps": swaps, "grown": grown}
            each = traffic.lost / swaps if swaps else None
            goal = self.aim(round(each, 2), at_most=1) if swaps else self.aim(traffic.lost - dropped, at_most=0)
            table.row(strategy, f"{count:,}", traffic.asked, traffic.lost, dropped, each, traffic.old, wrong, traffic.closed, *grown, goal)
            assert wrong == traffic.old == 0, traffic.counts
        print("  dropped: by the kernel, because nobody had come to read the server's socket; of a server that was replaced it is not known")

    def run(self):
        self.run_killed()
        self.run_hung()
        self.run_ours()
        self.run_changes()
