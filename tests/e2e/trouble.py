"""What goes wrong on purpose, for the tests and for `make bench BENCH=faults`: programs in the server's place, a log that nobody reads,
limits of a process, clocks that jump."""
import contextlib
import os
import socket
import struct
import subprocess
from pathlib import Path

import bd
import cgroup

EM_S390, EM_AARCH64 = 22, 183
YEAR = 366 * 86400

# In the server's place: notes when it was started, and ends at once as often as the file `fail` says.
ENDS_AT_ONCE = """#!/bin/sh
case "$1" in -version) exec {binary} "$@" ;; esac
date +%s.%N >> {folder}/starts
left=$(cat {folder}/fail)
[ "$left" -gt 0 ] || exec {binary} "$@"
echo $((left - 1)) > {folder}/fail
exit 7
"""
# Likewise: with no more memory than there is. LIMITED is what each start of it runs first.
LIMITED = """#!/bin/sh
case "$1" in -version) ;; *) {first} ;; esac
exec {binary} "$@"
"""


def instead(server, text, **words):
    """The server's program from the next start on."""
    program = server.folder / "program"
    program.write_text(text.format(binary=bd.COREDNS, folder=server.folder, **words), encoding="ascii")
    program.chmod(0o755)
    server.config["server"]["binary"] = str(program)


def ends_at_once(server, times):
    (server.folder / "fail").write_text(str(times))


def starts(server):
    """When each of those programs was started."""
    return [float(line) for line in (server.folder / "starts").read_text().split()]


def other_machine(path):
    """An executable of a machine that is not this one: the head of an ELF file, as the kernel looks at it."""
    ident = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    kind = EM_S390 if os.uname().machine != "s390x" else EM_AARCH64
    path.write_bytes(ident + struct.pack("<HHIQQQIHHHHHH", 2, kind, 1, 0x400000, 64, 0, 0, 64, 56, 0, 64, 0, 0))
    path.chmod(0o755)
    return path


class Log:
    """A pipe as betterdns' stderr. Its reader reads nothing; close(): it is gone."""

    def __init__(self, server):
        self.path = server.folder / "pipe"
        os.mkfifo(self.path)
        self.reader = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        server.wrapper = ["sh", "-c", f'exec "$@" >{self.path} 2>&1', "sh"]

    def fill(self):
        """Until not an octet more goes in."""
        writer = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
        for size in (4096, 1):
            with contextlib.suppress(BlockingIOError):
                while True:
                    os.write(writer, b"x" * size)
        os.close(writer)

    def close(self):
        if self.reader is not None:
            os.close(self.reader)
        self.reader = None


def limit(pid, what, value):
    """Of a process that runs; None: none."""
    value = value if value is not None else "unlimited"
    subprocess.run(["prlimit", "--pid", str(pid), f"--{what}={value}:"], check=True, timeout=bd.PATIENCE)


def descriptors(pid):
    """How many there are, where the kernel gives the lowest that is free."""
    return max(int(p.name) for p in Path(f"/proc/{pid}/fd").iterdir()) + 1


@contextlib.contextmanager
def crowd(address, clients):
    """So many connect, and say nothing."""
    with contextlib.ExitStack() as stack:
        for _ in range(clients):
            s = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            s.settimeout(bd.PATIENCE)
            with contextlib.suppress(OSError):
                s.connect(address)
        yield


class ControlGroup:
    """A server's memory, limited by a control group: the kernel kills it."""

    ends = "ended by signal 9: Killed"

    def __init__(self, server, stack):
        self.group = stack.enter_context(cgroup.Group(1 << 30))
        stack.callback(server.close)
        instead(server, LIMITED, first=f"echo $$ >{self.group.path}/cgroup.procs")

    def limit(self, pid, more):
        """The one that runs, and those that follow it, may have so much more than what it has; None: enough. (What pages of files
        are counted here depends on who has read them first, and they are given back: its heap is what counts.)"""
        self.group.limit(int(bd.memory_mb(pid, "RssAnon") * (1 << 20)) + more if more is not None else 1 << 30)


class AddressSpace:
    """Likewise by RLIMIT_AS, for which nobody needs a right: it ends by itself."""

    ends = "ended with exit code 2"

    def __init__(self, server, stack):
        self.limits = server.folder / "limit"
        self.limits.write_text("unlimited")
        stack.callback(server.close)
        instead(server, LIMITED, first='ulimit -v "$(cat {})"'.format(self.limits))

    def limit(self, pid, more):
        kib = int(bd.memory_mb(pid, "VmPeak") * 1024) + (more >> 10) if more is not None else None
        self.limits.write_text("unlimited" if kib is None else str(kib))
        if kib is not None:
            limit(pid, "as", kib << 10)


class Clock:
    """The wall clock of a betterdns that is started after this; set(SECONDS) makes it jump. Of its other clock, by which it waits:
    pass_by(SECONDS)."""

    def __init__(self, server, folder):
        self.path, self.passed = server.folder / "clock", 0
        self.path.write_bytes(bytes(16))
        server.env.update(LD_PRELOAD=str(Path(folder) / "preload_clock.so"), CLOCK_FILE=str(self.path))

    def write(self, at, value):
        with self.path.open("r+b") as file:
            file.seek(at)
            file.write(struct.pack("=q", value))

    def set(self, jump):
        self.write(0, jump)

    def pass_by(self, seconds):
        self.passed += seconds
        self.write(8, self.passed)
