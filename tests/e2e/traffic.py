"""Queries at a steady rate from many ports, each of them counted, by the program load_dns (tests/bench/load_dns.c has what it counts):
`with Traffic(server.dns, NAME, ADDRESS) as t:`."""
import json
import os
import select
import socket
import struct
import subprocess

import bd

LOAD_DNS = os.environ.get("LOAD_DNS", str(bd.ROOT / "build" / "bench" / "load_dns"))
COUNTS = ("asked", "lost", "wrong", "old", "tcp_asked", "tcp_lost", "tcp_wrong", "closed")


def number_of(address):
    """10.X.Y.Z: the number that the other three octets are."""
    packed = socket.inet_aton(address)
    assert packed[0] == 10, address
    return struct.unpack(">I", b"\0" + packed[1:])[0]


def address_of(number):
    return socket.inet_ntoa(struct.pack(">I", 10 << 24 | number))


class Traffic:
    """Over UDP, and over so many TCP connections. Afterwards: asked, lost (no answer within 3 s), wrong (another answer than the
    address, or one that follows it), old (of before the address that was known as served when it was asked), gap_ms (the longest
    time between two answers), late_ms (how long the machine kept the asker from asking, at most), tcp_asked, tcp_lost, tcp_wrong, closed."""

    def __init__(self, server, name, address, rate=1000, tcp=0):
        self.command = [LOAD_DNS, server[0], str(server[1]), name, str(rate), str(tcp), str(number_of(address))]
        self.counts = dict.fromkeys(COUNTS, 0)
        self.gap_ms = self.late_ms = 0.0
        self.process = None

    def __getattr__(self, name):
        if name not in COUNTS:
            raise AttributeError(name)
        if self.process:
            self.take()
        return self.counts[name]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.line() == b"ready\n"
        return self

    def __exit__(self, kind, *_):
        process, self.process = self.process, None
        try:
            last = process.communicate(timeout=bd.PATIENCE)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        if kind is None or last:
            self.add(last)

    def line(self):
        assert select.select([self.process.stdout], [], [], bd.PATIENCE)[0], "load_dns says nothing"
        return self.process.stdout.readline()

    def tell(self, text):
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def add(self, line):
        now = json.loads(line)
        for name in COUNTS:
            self.counts[name] += now[name]
        self.gap_ms, self.late_ms = max(self.gap_ms, now["gap_ms"]), max(self.late_ms, now["late_ms"])
        return now

    def take(self):
        """What was counted since the last time, a dict."""
        self.tell("?")
        return self.add(self.line())

    def comes(self, address):
        """It is about to be registered: answers may show it."""
        self.tell(f"+{number_of(address)}")

    def served(self, address):
        """It was acknowledged as served: what is asked from now on shows it."""
        self.tell(f"={number_of(address)}")


def shown_everywhere(server, name, tries=6):
    """The answers of as many questions, each from a port of its own: all servers on the port are met."""
    return [bd.addresses(server.dns, name) for _ in range(tries)]


def assert_answered(server, traffic, swaps=0):
    """What the kernel has dropped, because nobody had come to read it, is the machine's fault; a swap may cost one."""
    excused = bd.dropped(server.dns) + swaps
    print(f"{traffic.asked} queries, {traffic.lost} lost, {excused} excused; the longest gap {traffic.gap_ms:.0f} ms")
    assert traffic.asked > 0 and traffic.wrong == traffic.old == 0 and traffic.lost <= excused, (traffic.counts, excused)
