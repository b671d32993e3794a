"""A supervisor as systemd is one: what it hears of betterdns by a datagram socket, from start to stop."""
import itertools
import os
import re
import signal
import socket
import time
from pathlib import Path

import pytest

import bd

MORE_TIME = "EXTEND_TIMEOUT_USEC=30000000"


class Supervisor:
    """The socket of $NOTIFY_SOCKET: a file, or (with @) an abstract name."""

    def __init__(self, folder, abstract=False):
        self.address = f"@{folder}" if abstract else f"{folder}/notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.bind(self.address.replace("@", "\0"))
        self.heard, self.pids = [], set()

    def next(self):
        """One message; whoever sends it."""
        self.socket.settimeout(bd.PATIENCE)
        data, extra, _, _ = self.socket.recvmsg(65536, 1024)
        self.pids.add(int.from_bytes(extra[0][2][:4], "little"))
        self.heard.append(data.decode())
        return self.heard[-1]

    def expect(self, start):
        while True:
            try:
                message = self.next()
            except TimeoutError:
                raise AssertionError(f"no {start}, but {self.heard}") from None
            if message.startswith(start):
                return message


@pytest.fixture
def make_supervised(make_server, tmp_path):
    """A server, not started yet, and its supervisor."""
    made = []

    def make(abstract=False, usec=None, **options):
        made.append(Supervisor(tmp_path, abstract))
        env = {"NOTIFY_SOCKET": made[-1].address}
        if usec:
            env["WATCHDOG_USEC"] = str(usec)
        return make_server(env=env, **options), made[-1]

    yield make
    for s in made:
        s.socket.close()


@pytest.mark.sanitize
@pytest.mark.parametrize("abstract", [False, True])
def test_ready_reload_stop(make_supervised, abstract):
    server, supervisor = make_supervised(abstract)
    server.launch()
    supervisor.expect("READY=1")
    # more time from the beginning, when nothing else runs yet; and again once there is an event loop, on a slow machine more often
    asks = list(itertools.takewhile(lambda m: m == MORE_TIME, supervisor.heard))
    assert len(asks) >= 2 and supervisor.heard[len(asks)].startswith("STATUS=coredns "), supervisor.heard
    assert server.is_ready() and server.dig("lab.example", "SOA"), "READY=1 before it answers"
    assert "RELOADING" not in "".join(supervisor.heard) and "STOPPING" not in "".join(supervisor.heard)
    answers = re.compile(rf"STATUS=coredns 1\.[0-9.]+ answers for 1 zone on {server.dns[0]}:{server.dns[1]}")
    while not any(map(answers.fullmatch, supervisor.heard)):  # its version is asked for beside the start
        supervisor.expect("STATUS=coredns 1.")
    before = time.monotonic_ns() // 1000
    server.process.send_signal(signal.SIGHUP)
    at = int(re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=(\d+)", supervisor.expect("RELOADING=1"))[1])
    assert before <= at <= time.monotonic_ns() // 1000
    supervisor.expect("READY=1")
    assert server.is_ready()
    assert server.stop() == 0
    supervisor.expect("STOPPING=1")
    assert supervisor.pids == {server.process.pid}
    assert not [m for m in supervisor.heard if m.startswith("WATCHDOG")]


def test_more_time_while_the_server_loads(make_supervised, tmp_path):
    """A server that takes its time: the supervisor waits as long as its start goes on."""
    binary, go = tmp_path / "slow", tmp_path / "go"
    os.mkfifo(go)
    binary.write_text(f'#!/bin/sh\n[ "$1" = -version ] || read line <{go}\nexec {bd.COREDNS} "$@"\n')
    binary.chmod(0o755)
    server, supervisor = make_supervised(server={"binary": str(binary)})
    server.launch()
    supervisor.expect(MORE_TIME)
    supervisor.expect("STATUS=coredns is starting")
    server.process.send_signal(signal.SIGHUP)  # which does not make it ready
    bd.wait_for(lambda: "SIGHUP: " in server.log(), "a word about SIGHUP")
    supervisor.expect(MORE_TIME)
    assert "READY=1" not in supervisor.heard
    go.write_text("now\n")
    supervisor.expect("READY=1")
    assert not [m for m in supervisor.heard if m.startswith("RELOADING")]


def test_the_watchdog(make_supervised):
    server, supervisor = make_supervised(usec=200000)
    server.start()
    for _ in range(5):
        supervisor.expect("WATCHDOG=1")
    assert server.register("web", "192.0.2.7").json["served"] is True
    supervisor.expect("WATCHDOG=1")


def test_a_watchdog_of_another_process_is_not_ours(make_supervised):
    server, supervisor = make_supervised(usec=200000)
    server.env["WATCHDOG_PID"] = "1"
    server.start()
    assert server.stop() == 0
    supervisor.expect("STOPPING=1")
    assert not [m for m in supervisor.heard if m.startswith("WATCHDOG")]


def test_no_program_of_ours_is_taken_for_us(make_supervised, tmp_path):
    """Neither the DNS server nor a check's program can speak in our name."""
    program, seen = tmp_path / "check", tmp_path / "seen"
    program.write_text(f"#!/bin/sh\nenv >{seen}.new && mv {seen}.new {seen}\n")
    program.chmod(0o755)
    server, _ = make_supervised(usec=20000000, checks={"allow": ["127.0.0.0/8"], "exec": {"look": [str(program)]}})
    server.start()
    environment = Path(f"/proc/{server.status()['server']['pid']}/environ").read_bytes()
    assert b"PATH=" in environment and b"NOTIFY_SOCKET" not in environment and b"WATCHDOG_" not in environment
    assert server.curl("-d", "name=web", "-d", "value=127.0.0.1", "-d", "check=exec:look", path="/a").status == 201
    text = bd.wait_for(lambda: seen.exists() and seen.read_text(), "the check's program")
    assert "PATH=" in text and "NOTIFY_SOCKET" not in text and "WATCHDOG_" not in text


def test_a_refused_start_is_in_the_status(make_supervised):
    server, supervisor = make_supervised(server={"binary": "/nowhere/coredns"})
    server.launch()
    assert server.process.wait(bd.PATIENCE) == 3
    assert supervisor.expect("STATUS=there is no") == "STATUS=there is no /nowhere/coredns"
    supervisor.expect("STOPPING=1")
    assert "READY=1" not in supervisor.heard


def test_a_supervisor_that_has_gone_holds_nothing_up(make_supervised):
    server, supervisor = make_supervised(usec=200000)
    supervisor.socket.close()
    server.start()
    bd.wait_for(lambda: "supervisor cannot be told" in server.log(), "a word about it")
    assert server.register("web", "192.0.2.7").json["served"] is True
    assert server.stop() == 0
    assert server.log().count("supervisor cannot be told") == 1


def test_an_address_of_another_kind_is_said(make_server):
    server = make_server(env={"NOTIFY_SOCKET": "vsock:2:1234"}).start()
    assert "NOTIFY_SOCKET cannot be used" in server.log()
    assert server.stop() == 0


def test_sigusr1_says_how_it_stands(make_server):
    server = make_server().start()
    bd.wait_for(lambda: server.status()["server"].get("version"), "its version")  # which it is asked for beside its start
    server.process.send_signal(signal.SIGUSR1)
    wanted = rf'level=info msg="coredns 1\.[0-9.]+ answers for 1 zone on {server.dns[0]}:{server.dns[1]}" signal=SIGUSR1'
    bd.wait_for(lambda: re.search(wanted, server.log()), "the sentence")
    assert server.is_ready()
    assert server.stop() == 0
