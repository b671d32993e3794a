"""Knot and BIND beside us: each on a loopback address and port of its own, with its folder, in the foreground, ended by pid."""
import os
import re
import shutil
import subprocess
from pathlib import Path

import bd

KEY = ("hmac-sha256", "bench", "YmV0dGVyZG5zIGJlbmNoIGtleSwgb2Ygbm8gdXNlLi4=")
ZONE = "lab.example"
SOA = 6

KNOT = """
server:
    rundir: "{folder}"
    listen: {host}@{port}
database:
    storage: "{folder}"
    journal-db-mode: {journal}
key:
  - id: {key[1]}
    algorithm: {key[0]}
    secret: {key[2]}
acl:
  - id: update
    key: {key[1]}
    action: update
zone:
  - domain: {zone}
    storage: "{folder}"
    file: zone
    zonefile-sync: {sync}
    acl: update
log:
  - target: stderr
    any: warning
"""

BIND = """
options {{
    directory "{folder}";
    pid-file "{folder}/pid";
    {lock}
    session-keyfile "{folder}/session.key";
    listen-on port {port} {{ {host}; }};
    listen-on-v6 {{ none; }};
    recursion no;
    dnssec-validation no;
    notify no;
}};
logging {{ category default {{ default_stderr; }}; category update {{ null; }};
    category update-security {{ null; }}; category security {{ null; }}; }};
controls {{ }};
key {key[1]} {{ algorithm {key[0]}; secret "{key[2]}"; }};
zone {zone} {{ type primary; file "zone"; allow-update {{ key {key[1]}; }}; }};
"""


def zone_text(records, fleet):
    """A zone of that many A records in all: of a fleet, f0 to f(fleet - 1), and the rest of others' making."""
    lines = [f"$ORIGIN {ZONE}.\n$TTL 30\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 10\n@ NS ns1\nns1 A 127.0.0.1\n"]
    lines += [f"f{i} A 10.0.{i >> 8 & 255}.{i & 255}\n" for i in range(fleet)]
    lines += [f"host{i} A 10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}\n" for i in range(records - fleet)]
    return "".join(lines)


class Peer:
    """A name server that takes updates. The settings that say how durable it is are its name's explanation."""

    def __init__(self, name, root, folder, program, config, arguments, settings=None):
        self.name, self.root, self.folder = name, Path(root), Path(folder)
        self.program, self.config, self.arguments, self.settings = program, config, arguments, settings or {}
        self.dns = bd.free_address("127.0.0.1")  # the one that BIND finds by itself
        self.process = None
        self.turn = 0

    def start(self, text):
        self.folder.mkdir()
        (self.folder / "zone").write_text(text)
        (self.folder / "conf").write_text(self.config.format(
            folder=self.folder, host=self.dns[0], port=self.dns[1], key=KEY, zone=ZONE, **self.settings))
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen([self.root / "usr/sbin" / self.program, *self.arguments, self.folder / "conf"],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder)
        bd.wait_for(lambda: self.process.poll() is not None or self.serves(), f"{self.name} serves", 120)
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended:\n{(self.folder / 'log').read_text()}")
        return self

    def serves(self):
        try:
            return bd.query(self.dns, ZONE, SOA, 1.0)[1] == 1
        except OSError:
            return False

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def updates(self, clients, seconds, fleet, count):
        """Updates a second that were answered: each replaces the address of one name of the fleet, as a registration does."""
        self.turn += 1
        updates = self.folder / "updates"
        with open(updates, "w", encoding="ascii") as f:
            for i in range(count):
                name, address = i * 7919 % fleet, self.turn * count + i
                f.write(f"{ZONE}\ndelete f{name} A\n"
                        f"add f{name} 30 A 10.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}\nsend\n")
        command = ["dnsperf", "-u", "-y", ":".join(KEY), "-s", self.dns[0], "-p", str(self.dns[1]), "-d", str(updates),
                   "-c", str(clients), "-q", str(clients), "-l", str(seconds), "-t", "30"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 90, check=True)
        rcodes = re.search(r"Response codes:\s+(.*)", done.stdout).group(1)
        if not re.fullmatch(r"NOERROR \d+ \(100\.00%\)\s*", rcodes):
            raise AssertionError(f"{self.name} answers {rcodes}\n{done.stdout}")
        return float(re.search(r"Updates per second:\s+([\d.]+)", done.stdout).group(1))


def cpu_seconds(pid):
    """User and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def bind_lock():
    """BIND 9.18 takes a lock file of the system unless it is told not to; a release that refuses the option is not told."""
    program = shutil.which("named-checkconf")
    known = program and subprocess.run([program, "/dev/stdin"], input=b"options { lock-file none; };", capture_output=True,
                                       check=False).returncode == 0
    return "lock-file none;" if known else ""


def available(root):
    """The peers' makers, by name; the first two are durable as betterdns is, the others are there for comparison."""
    if not shutil.which("dnsperf") or not (Path(root) / "usr/sbin/knotd").exists():
        return {}

    def knot(name, journal, sync):
        return lambda folder: Peer(name, root, folder, "knotd", KNOT, ["-c"], {"journal": journal, "sync": sync})

    return {"knot": knot("knot", "robust", -1),
            "bind": lambda folder: Peer("bind", root, folder, "named", BIND, ["-f", "-c"], {"lock": bind_lock()}),
            "knot, zone file at each update": knot("knot-file", "robust", 0),
            "knot, journal not synced": knot("knot-async", "asynchronous", -1)}
