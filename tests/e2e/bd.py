"""A betterdns of the test's own: temporary folder, free address and ports, real coredns, curl and dig; ended by pid."""
import http.client
import json
import os
import random
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BETTERDNS = os.environ.get("BETTERDNS", str(ROOT / "build" / "betterdns"))
COREDNS = os.environ.get("COREDNS") or shutil.which("coredns")
# Sanitizers and busy machines are slower; deadlines are for what never comes, not a measurement.
PATIENCE = float(os.environ.get("PATIENCE", "30"))
# A start reads all there is and waits for a server that does the same; one that has failed ends, and is not waited for.
START_PATIENCE = 6 * PATIENCE


def wait_for(condition, what, seconds=PATIENCE):
    """The first true value of condition(), looked at every 5 ms; fails loudly at the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        select.select([], [], [], 0.005)


handed_out = set()  # ports: none is given twice, and one program's two are never the same
reservations = []  # sockets in the kernel's abstract namespace: they go with this process


def reserve(host, port):
    """False if another test process has been given this port of an address that they share."""
    mark = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        mark.bind(f"\0betterdns-test/{host}/{port}")
    except OSError:
        mark.close()
        return False
    reservations.append(mark)
    return True


def free_address(wanted=None):
    """A loopback address of one's own (or the wanted one) and a port that nobody has, on UDP and TCP; below the range that the
    kernel gives to clients."""
    rng = random.SystemRandom()
    for _ in range(1000):
        host = wanted or f"127.{rng.randint(60, 250)}.{rng.randint(0, 255)}.{rng.randint(1, 254)}"
        port = rng.randint(10000, 30000)
        if port in handed_out:
            continue
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, \
             socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind((host, port))
                udp.bind((host, port))
            except OSError:
                continue
        if wanted and not reserve(host, port):
            continue
        handed_out.add(port)
        return host, port
    raise AssertionError("no free port")


class Answer:
    """What curl printed: status, headers (names in lower case), body."""

    def __init__(self, raw):
        head, _, self.body = raw.partition(b"\r\n\r\n")
        while head.startswith(b"HTTP/1.1 100"):
            head, _, self.body = self.body.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1])
        self.headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:400]!r}>"


class Server:
    """One betterdns with its folder. Options of the configuration by keyword: zones=, http= and server= (dicts merged into the defaults),
    checks=, terminate=, maintenance= (as they are). host=: its address, for servers that know the machine's own alone."""

    def __init__(self, folder, zones=None, http=None, server=None, env=None, program=None, host=None,
                 **sections):
        self.folder = Path(folder)
        self.program = program or BETTERDNS
        self.host, self.http_port = free_address(host)
        self.dns = (self.host, free_address(host)[1])
        self.url = f"http://{self.host}:{self.http_port}"
        self.data, self.live = self.folder / "data", self.folder / "live"
        self.zone_file = self.folder / "lab.example.zone"
        self.config_file = self.folder / "betterdns.yaml"
        self.log_file = self.folder / "log"
        self.env = dict(os.environ, **(env or {}))
        zones = zones if zones is not None else [
            {"name": "lab.example", "file": str(self.zone_file), "ttl": 30, "ns": [f"ns1.lab.example. {self.host}"]}]
        self.config = {
            "data": str(self.data), "live": str(self.live),
            "http": {"listen": [f"{self.host}:{self.http_port}"], **(http or {})},
            "zones": zones,
            "server": {"kind": "coredns", "listen": f"{self.dns[0]}:{self.dns[1]}", "binary": COREDNS, **(server or {})},
            **sections}
        self.process = None
        self.wrapper = []  # a command that ends in an exec of what follows it
        self.given = ()  # descriptors that it inherits
        self.children = set()

    def write_config(self):
        self.config_file.write_text(json.dumps(self.config, indent=1))  # JSON is YAML

    def launch(self):
        """Starts the program without waiting for it."""
        self.write_config()
        log = open(self.log_file, "ab")
        self.process = subprocess.Popen([*self.wrapper, self.program, "run", "-c", str(self.config_file)], stdin=subprocess.DEVNULL,
                                        stdout=log, stderr=log, env=self.env, cwd=self.folder, pass_fds=self.given)
        log.close()
        return self

    def start(self):
        self.launch()
        try:
            wait_for(lambda: self.process.poll() is not None or self.is_ready(), "readiness", START_PATIENCE)
        except AssertionError as error:
            raise AssertionError(f"{error}; log:\n{self.log()[-6000:]}") from None
        if self.process.poll() is not None:
            raise AssertionError(f"betterdns ended with {self.process.returncode}:\n{self.log()}")
        self.note_child()
        return self

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def is_ready(self):
        try:
            return self.request("GET", "/readyz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def note_child(self):
        """Children outlive betterdns: their pids come from their locks, and are checked by what they run."""
        for lock in self.data.glob("child.*.lock"):
            try:
                pid = int(re.search(r"pid[= ](\d+)", lock.read_text()).group(1))
                if str(self.folder).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                    self.children.add(pid)
            except (OSError, AttributeError, ValueError):
                continue
        return self.children

    def processes(self):
        """All DNS servers of this one, whoever has started them: by what they run."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if f"{self.live}/".encode() in path.read_bytes():
                    found.append(int(path.parent.name))
            except OSError:
                continue
        return sorted(found)

    def kill(self):
        """As a crash does it: the child stays."""
        self.note_child()
        self.process.kill()
        self.process.wait(PATIENCE)

    def stop(self):
        """SIGTERM, the orderly way; the exit code."""
        self.note_child()
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(PATIENCE)
                raise AssertionError(f"does not stop at SIGTERM:\n{self.log()[-4000:]}") from None
        return self.process.returncode if self.process else None

    def close(self):
        try:
            self.stop()
        finally:
            for pid in self.note_child():
                try:
                    if str(self.folder).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                        os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass

    # -- HTTP ---------------------------------------------------------------------------------------------------------
    def curl(self, *args, path="", check=False):
        """Real curl: server.curl("-d", "name=web", path="/a"). The answer with its headers."""
        command = ["curl", "-sS", "--noproxy", "*", "--max-time", str(PATIENCE), "-D", "-", *args, self.url + path]
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE + 5, check=False)
        assert done.returncode == 0, (command, done.stderr.decode(), self.log()[-3000:])
        answer = Answer(done.stdout)
        if check:
            assert answer.status < 300, answer
        return answer

    def register(self, name, *values, kind="a", wait="served", **fields):
        args = ["-d", f"name={name}"] + [x for v in values for x in ("--data-urlencode", f"value={v}")]
        args += [x for k, v in fields.items() for x in ("--data-urlencode", f"{k}={v}")]
        return self.curl(*args, path=f"/{kind}?wait={wait}")

    def request(self, method, path, body=None, headers=None, connection=None):
        """Python's client, for what is done thousands of times. (status, body)."""
        c = connection or http.client.HTTPConnection(self.host, self.http_port, timeout=PATIENCE)
        try:
            c.request(method, path, body, headers or {})
            r = c.getresponse()
            return r.status, r.read()
        finally:
            if not connection:
                c.close()

    def connection(self):
        return http.client.HTTPConnection(self.host, self.http_port, timeout=PATIENCE)

    def get(self, path):
        status, body = self.request("GET", path)
        assert status == 200, (status, body)
        return json.loads(body)

    def status(self):
        return self.get("/status")

    # -- DNS ----------------------------------------------------------------------------------------------------------
    def dig(self, name, kind="A", *options):
        """Real dig: the lines of +short."""
        done = subprocess.run(["dig", "+short", "+tries=1", "+time=3", *options, f"@{self.dns[0]}", "-p", str(self.dns[1]),
                               name, kind], capture_output=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, (done.stdout, done.stderr)
        return done.stdout.decode().split("\n")[:-1]

    def dig_quietly(self, name, kind="A"):
        """As dig, but no answer at all is an empty list: for waiting."""
        try:
            return self.dig(name, kind, "+time=1")
        except AssertionError:
            return []

    def query(self, name, kind=1, timeout=3.0):
        """One UDP query from this process: (rcode, answers). For what is asked thousands of times, or at once."""
        return query(self.dns, name, kind, timeout)


def query(server, name, kind=1, timeout=3.0):
    ident = random.getrandbits(16)
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.rstrip(".").split(".")) + b"\0"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(timeout)
        s.connect(server)
        s.send(struct.pack(">HHHHHH", ident, 0x0100, 1, 0, 0, 0) + labels + struct.pack(">HH", kind, 1))
        while True:
            answer = s.recv(65535)
            got, flags, _, count = struct.unpack(">HHHH", answer[:8])
            if got == ident:
                return flags & 15, count


def addresses(server, name, tcp=False, timeout=3.0):
    """The A records that one question brings, sorted; over UDP without a second try."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.rstrip(".").split(".")) + b"\0"
    ident = random.getrandbits(16)
    message = struct.pack(">HHHHHH", ident, 0x0100, 1, 0, 0, 0) + labels + struct.pack(">HH", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as s:
        s.settimeout(timeout)
        s.connect(server)
        s.sendall((struct.pack(">H", len(message)) if tcp else b"") + message)
        if tcp:
            stream = s.makefile("rb")
            head = stream.read(2)
            answer = stream.read(struct.unpack(">H", head)[0]) if len(head) == 2 else b""
        else:
            answer = s.recv(65535)
    if len(answer) < 12 or struct.unpack(">H", answer[:2])[0] != ident:
        raise OSError("no answer to this question")
    at, found = len(message), []
    for _ in range(struct.unpack(">H", answer[6:8])[0]):
        while 0 < answer[at] < 192:
            at += 1 + answer[at]
        at += 1 if answer[at] == 0 else 2
        kind, _, _, size = struct.unpack(">HHIH", answer[at:at + 10])
        at += 10 + size
        found += [socket.inet_ntoa(answer[at - size:at])] if kind == 1 else []
    return sorted(found)


def dropped(server):
    """Datagrams for this address that the kernel threw away: who reads the socket came too late for more."""
    at = f"{int.from_bytes(socket.inet_aton(server[0]), 'little'):08X}:{server[1]:04X}"
    lines = Path("/proc/net/udp").read_text(encoding="ascii").splitlines()[1:]
    return sum(int(line.split()[-1]) for line in lines if line.split()[1] == at)


def shared_server(prepare=None, **options):
    """For a fixture of one file: `yield from` it. prepare(server) before its start."""
    folder = temporary_folder()
    s = Server(folder, **options)
    if prepare:
        prepare(s)
    try:
        yield s.start()
    finally:
        s.close()
        shutil.rmtree(folder, ignore_errors=True)


def temporary_folder():
    return tempfile.mkdtemp(prefix="betterdns-test.")


def write_large_zone(path, records):
    """As many A records, each with an owner of its own."""
    with open(path, "w", encoding="ascii") as zone:
        zone.write("$ORIGIN lab.example.\n$TTL 300\n@ SOA ns1 hostmaster 7 3600 600 86400 300\n@ NS ns1\nns1 A 127.0.0.1\n")
        for i in range(records):
            zone.write(f"host{i:06d} A 10.{i >> 16}.{i >> 8 & 255}.{i & 255}\n")


def processor_seconds(pid):
    """What the threads of a process that still run have used of a processor, and how long they have waited for one (0 where the system
    does not count it): work, and what a busy machine adds to it."""
    used = waited = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            run, delay = (task / "schedstat").read_text(encoding="ascii").split()[:2]
        except (OSError, ValueError):
            continue
        used, waited = used + int(run), waited + int(delay)
    return used / 1e9, waited / 1e9


def memory_mb(pid, field="VmRSS"):
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(field + r":\s+(\d+) kB", status).group(1)) / 1024
