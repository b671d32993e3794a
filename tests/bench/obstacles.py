"""make bench BENCH=faults, the second part: what stands in the way of a start, and how long it takes to say so; and what stands in the
way of a server that runs, while queries are asked and each is counted."""
import http.client
import os
import signal
import socket
import subprocess
import time
from contextlib import ExitStack, suppress

import bd
import cgroup
import netns
import peers
import trouble
from faults import NAME, FIRST, STEADY, replaced
from traffic import Traffic, address_of

REFUSALS, CHANGES, KILLS = 5, 30, 5
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
FAULT = os.environ.get("BETTERDNS_FAULT", str(bd.ROOT / "build" / "tests" / "fault"))


# ---- in the way of a start: each makes the server's configuration such that it is refused ------------------------------

def port_taken(server, stack):
    udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    udp.bind(server.dns)


def no_right(server, _stack):
    server.config["server"]["listen"] = f"{server.dns[0]}:53"
    server.wrapper = netns.unshare("sh", "-c", 'ip link set lo up && exec setpriv --bounding-set -net_bind_service "$@"', "sh")


def not_found(server, _stack):
    server.config["server"]["binary"] = str(server.folder / "nothing")


def not_executable(server, _stack):
    path = server.folder / "plain"
    path.write_text("no program\n")
    server.config["server"]["binary"] = str(path)


def other_machine(server, _stack):
    server.config["server"]["binary"] = str(trouble.other_machine(server.folder / "other"))


REFUSED = (("port taken by another program", port_taken, 4), ("no right to port 53", no_right, 5), ("coredns not found", not_found, 3),
           ("coredns not executable", not_executable, 5), ("coredns of another machine", other_machine, 7))


# ---- in the way of a server that runs: each gives (how often, ms until all is well again, or None) ----------------------

def change(server, traffic, number):
    address = address_of(FIRST + number)
    traffic.comes(address)
    status, text = server.request("POST", "/a?wait=served&timeout=30s", f"name=moving&value={address}", FORM)
    assert status in (200, 201), text
    traffic.served(address)


def second(traffic):
    asked = traffic.asked
    bd.wait_for(lambda: traffic.asked > asked + STEADY, "a second")


def kill(server, pids):
    """Until there is another one, which answers."""
    before = server.status()["server"]
    began = time.monotonic()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    if server.process.pid in pids:
        server.process.wait(bd.PATIENCE)
        server.start()
    bd.wait_for(lambda: replaced(server, before), "a new server")
    return (time.monotonic() - began) * 1e3


def ends_at_once(server, _traffic, _what):
    trouble.ends_at_once(server, 5)
    return 5, kill(server, server.processes())


def both_killed(server, _traffic, _what):
    took = sorted(kill(server, [server.process.pid, *server.processes()]) for _ in range(KILLS))
    return KILLS, took[KILLS // 2]


def nobody_reads(server, traffic, log):
    log.fill()
    for number in range(CHANGES):
        change(server, traffic, number)
    return CHANGES, None


def reader_gone(server, traffic, log):
    log.close()
    for number in range(CHANGES):
        change(server, traffic, number)
    return CHANGES, None


def our_descriptors(server, traffic, _what):
    pid = server.process.pid
    trouble.limit(pid, "nofile", trouble.descriptors(pid))
    for number in range(CHANGES):
        with suppress(OSError, http.client.HTTPException):
            server.request("POST", "/a", f"name=n{number}&value=10.0.0.1", FORM)
    second(traffic)
    trouble.limit(pid, "nofile", 4096)
    began = time.monotonic()
    change(server, traffic, 1)
    return 1, (time.monotonic() - began) * 1e3


def its_descriptors(server, traffic, _what):
    pid = server.processes()[0]
    room = trouble.descriptors(pid) + 20
    trouble.limit(pid, "nofile", room)
    with trouble.crowd(server.dns, 60):
        bd.wait_for(lambda: len(os.listdir(f"/proc/{pid}/fd")) >= room, "that it has none left")
        second(traffic)
    began = time.monotonic()
    change(server, traffic, 1)
    return 1, (time.monotonic() - began) * 1e3


def our_memory(server, traffic, _what):
    trouble.limit(server.process.pid, "as", 1 << 20)
    for number in range(CHANGES):
        values = "&".join(f"value=10.{number}.1.{k}" for k in range(1, 251))
        with suppress(OSError, http.client.HTTPException):
            server.request("POST", "/a", f"name=m{number}&{values}", FORM)
    second(traffic)
    trouble.limit(server.process.pid, "as", None)
    began = time.monotonic()
    change(server, traffic, 1)
    return 1, (time.monotonic() - began) * 1e3


def its_memory(server, _traffic, memory):
    before = server.status()["server"]
    memory.limit(before["pid"], 32 << 20)
    with server.zone_file.open("a", encoding="ascii") as zone:
        zone.writelines(f"h{i} A 10.{i >> 16}.{i >> 8 & 255}.{i & 255}\n" for i in range(200000))
    bd.wait_for(lambda: memory.ends in server.log(), "its end")
    bd.wait_for(lambda: server.status()["server"]["state"] == "backing-off", "a pause")
    memory.limit(None, None)
    began = time.monotonic()
    bd.wait_for(lambda: replaced(server, before), "a server that stays")
    return 1, (time.monotonic() - began) * 1e3


def clock_jumps(server, traffic, clock):
    for number, jump in enumerate((trouble.YEAR, 0, -trouble.YEAR, trouble.YEAR, -trouble.YEAR, 0)):
        clock.set(jump)
        change(server, traffic, number)
    return 6, None


def piped(server, stack):
    log = trouble.Log(server)
    stack.callback(log.close)
    return log


def failing(server, _stack):
    trouble.instead(server, trouble.ENDS_AT_ONCE)
    trouble.ends_at_once(server, 0)


def confined(server, stack):
    return (trouble.AddressSpace if cgroup.missing() else trouble.ControlGroup)(server, stack)


# name, what is prepared before the start, what happens, is DNS to go on meanwhile?
RUNNING = (("ends at once, five times", failing, ends_at_once, False),
           ("kill -9 of both", None, both_killed, False),
           ("a log that nobody reads", piped, nobody_reads, True),
           ("the log's reader gone", piped, reader_gone, True),
           ("no descriptor: betterdns", None, our_descriptors, True),
           ("no descriptor: coredns", None, its_descriptors, True),
           ("no memory: betterdns", None, our_memory, True),
           ("memory limit: coredns", confined, its_memory, False),
           ("clock, a year both ways", lambda server, _: trouble.Clock(server, FAULT), clock_jumps, True))


class Obstacles:
    def __init__(self, bench, table, samples, aim):
        self.bench, self.table, self.samples, self.aim = bench, table, samples, aim

    def server(self, name):
        return self.bench.server(name, peers.zone_text(99, 0))

    def refuse(self, name, prepare, code):
        """ms from its start until it has said why and is gone."""
        with ExitStack() as stack:
            server = self.server(name)
            prepare(server, stack)
            began = time.monotonic()
            server.launch()
            try:
                ended = server.process.wait(bd.PATIENCE)
            except subprocess.TimeoutExpired:
                server.close()
                raise
            assert ended == code and "hint:" in server.log(), server.log()
            return (time.monotonic() - began) * 1e3

    def run_refused(self):
        table = self.table("refused at the start, ms until it is said and no process is left", "", "exit", "ms", "spread", "aim")
        for what, prepare, code in REFUSED:
            if prepare is no_right and netns.missing():
                print(f"  {what}: not applicable ({netns.missing()})")
                continue
            took = self.samples()
            for number in range(REFUSALS):
                took.append(self.refuse(f"{prepare.__name__}-{number}", prepare, code))
            median = self.bench.note(f"faults/refused/{prepare.__name__}", took)
            table.row(what, str(code), median, f"{took.spread:.0%}", self.aim(round(median), at_most=5000))

    def run_running(self):
        table = self.table(f"at {STEADY:,} queries a second, 100 records", "", "times", "well again ms", "longest gap ms", "asked", "lost",
                           "dropped", "old, wrong", "aim")
        for what, prepare, happen, goes_on in RUNNING:
            with ExitStack() as stack:
                server = self.server(happen.__name__)
                stack.callback(server.close)
                prepared = prepare(server, stack) if prepare else None
                server.start().register("moving", address_of(FIRST))
                with Traffic(server.dns, NAME, address_of(FIRST), STEADY) as traffic:
                    times, well = happen(server, traffic, prepared)
                    second(traffic)
                dropped = bd.dropped(server.dns)
            self.bench.results[f"faults/running/{happen.__name__}"] = {**traffic.counts, "gap_ms": traffic.gap_ms, "well_ms": well}
            goal = self.aim(traffic.lost - dropped, at_most=0) if goes_on else self.aim(traffic.old + traffic.wrong, at_most=0)
            table.row(what, str(times), well, traffic.gap_ms, traffic.asked, traffic.lost, dropped, traffic.old + traffic.wrong, goal)

    def run(self):
        self.run_refused()
        self.run_running()
