"""No descriptor is left, no memory is left, for betterdns or for its server: what runs goes on answering, each query counted, and all is
well again when there is room."""
import contextlib
import http.client
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

import bd
import cgroup
from test_child import server_status
from test_kill import assert_answered
from test_outages import ADDRESS, NAME, launch, replaced
from test_strategy import FORM, write
from traffic import Traffic


def limit(server, what, value):
    """Of the process that runs; None: none."""
    value = value if value is not None else "unlimited"
    subprocess.run(["prlimit", "--pid", str(server.process.pid), f"--{what}={value}:"], check=True, timeout=bd.PATIENCE)


@contextlib.contextmanager
def crowd(server, clients):
    """So many connect, and say nothing."""
    with contextlib.ExitStack() as stack:
        for _ in range(clients):
            s = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            s.settimeout(bd.PATIENCE)
            with contextlib.suppress(OSError):
                s.connect((server.host, server.http_port))
        yield


def test_more_clients_than_descriptors(make_server):
    """They get no more of them than leaves enough for a new server."""
    server = make_server()
    server.wrapper = ["prlimit", "--nofile=150:150"]
    server.start()
    assert write(server, "steady", ADDRESS)[0] == 201
    with Traffic(server.dns, NAME, ADDRESS) as traffic:
        with crowd(server, 400):
            bd.wait_for(lambda: traffic.asked > 1000, "a second")
            lost = traffic.lost
            before = server.processes()
            os.kill(before[0], signal.SIGKILL)
            bd.wait_for(lambda: server.processes() not in ([], before), "a new server")
            bd.wait_for(lambda: server.dig_quietly(NAME) == [ADDRESS], "an answer")
        bd.wait_for(server.is_ready, "readiness")
    assert lost <= bd.dropped(server.dns) and traffic.wrong == traffic.old == 0
    assert write(server, "after", "10.0.0.1")[0] == 201


def test_no_descriptor_at_all(make_server):
    """Nothing can be opened: the server goes on; one that is killed meanwhile comes back as soon as there are some again."""
    server = launch(make_server)
    used = max(int(p.name) for p in Path(f"/proc/{server.process.pid}/fd").iterdir()) + 1
    with Traffic(server.dns, NAME, ADDRESS) as traffic:
        limit(server, "nofile", used)
        before = traffic.asked
        for i in range(20):
            with contextlib.suppress(OSError, http.client.HTTPException):
                server.request("POST", "/a", f"name=n{i}&value=10.0.0.{i + 1}", FORM)
        bd.wait_for(lambda: traffic.asked > before + 1000, "a second without")
    assert_answered(server, traffic)
    pid = server.processes()[0]
    os.kill(pid, signal.SIGKILL)
    bd.wait_for(lambda: "the DNS server has ended" in server.log(), "that it is seen")
    assert server.process.poll() is None
    limit(server, "nofile", 4096)
    bd.wait_for(lambda: server.is_ready() and server_status(server)["pid"] != pid, "a new server")
    assert write(server, "after", "10.0.0.1")[0] == 201
    assert bd.addresses(server.dns, "after.lab.example") == ["10.0.0.1"] and bd.addresses(server.dns, NAME) == [ADDRESS]


def test_no_address_space(make_server):
    """Answered in words or not at all; nobody dies, and what was acknowledged is there."""
    server = launch(make_server)
    pid, known = server_status(server)["pid"], {}
    with Traffic(server.dns, NAME, ADDRESS) as traffic:
        limit(server, "as", 1 << 20)  # what it has it keeps, and gets nothing
        refused, i = 0, 0
        while refused < 20 and i < 2000:
            i += 1
            values = "&".join(f"value=10.{i >> 8}.{i & 255}.{k}" for k in range(1, 251))
            try:
                status, _ = server.request("POST", "/a", f"name=m{i}&{values}", FORM)
            except (OSError, http.client.HTTPException):
                status = 0
            known[f"m{i}"] = status
            refused += status not in (200, 201, 202)
            assert server.process.poll() is None, server.log()[-2000:]
        limit(server, "as", None)
    assert_answered(server, traffic)
    print(f"{refused} of {i} refused for want of memory")
    assert refused
    bd.wait_for(lambda: write(server, "after", "10.0.0.1")[0] in (200, 201), "that changes are taken again")
    for name, status in known.items():
        assert status not in (200, 201, 202) or server.request("GET", f"/a/{name}")[0] == 200, name
    assert server_status(server)["pid"] == pid


@pytest.mark.cgroup
def test_a_server_that_hits_its_memory_limit(make_server):
    """The kernel kills it again and again: it is said, betterdns goes on, and the server comes back when it may have more."""
    server = make_server()
    with cgroup.Group(64 << 20) as group:
        program = server.folder / "program"
        program.write_text(f'#!/bin/sh\ncase "$1" in -version) ;; *) echo $$ > {group.path}/cgroup.procs ;; esac\nexec {bd.COREDNS} "$@"\n',
                           encoding="ascii")
        program.chmod(0o755)
        server.config["server"]["binary"] = str(program)
        server.start()
        before = server_status(server)
        text = server.zone_file.read_text(encoding="ascii")
        server.zone_file.write_text(text + "".join(f"h{i} A 10.{i >> 16}.{i >> 8 & 255}.{i & 255}\n" for i in range(200000)), encoding="ascii")
        bd.wait_for(lambda: "ended by signal 9: Killed" in server.log(), "the kill")
        bd.wait_for(lambda: server_status(server)["state"] == "backing-off", "a pause")
        status, answer = write(server, "meanwhile", "10.0.0.1", wait="served&timeout=100ms")
        assert status == 202, answer
        group.limit(1 << 30)
        bd.wait_for(lambda: replaced(server, before), "a server that stays")
        assert write(server, "after", "10.0.0.2")[0] == 201
        assert bd.addresses(server.dns, "meanwhile.lab.example") == ["10.0.0.1"]
        assert bd.addresses(server.dns, "h199999.lab.example") == ["10.3.13.63"]
        server.close()
