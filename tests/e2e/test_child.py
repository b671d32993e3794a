"""The DNS server as a child: it outlives us, it is adopted, replaced, restarted; starts that cannot work are refused in words."""
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import bd


def server_status(server):
    return server.status()["server"]


def alive(pid):
    """Not there, or a zombie: not alive."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_stop_ends_the_child(make_server):
    server = make_server().start()
    pid = server_status(server)["pid"]
    assert server.stop() == 0
    assert not alive(pid)


def test_a_child_that_does_not_end_at_term_is_killed(make_server):
    server = make_server().start()
    pid = server_status(server)["pid"]
    os.kill(pid, signal.SIGSTOP)  # it cannot take a TERM
    assert server.stop() == 0
    assert not alive(pid)


def test_a_stop_answers_those_who_wait_for_served(make_server):
    """The change is durable, the server does not show it: 202 at the stop, long before the client's own time-out."""
    server = make_server().start()
    os.kill(server_status(server)["pid"], signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(server.register, "web", "192.0.2.7", wait="served&timeout=25s")
        bd.wait_for(lambda: server.request("GET", "/a/web")[0] == 200, "the change is durable")
        began = time.monotonic()
        server.process.terminate()
        answer = asked.result(bd.PATIENCE)
        waited = time.monotonic() - began
    assert answer.status == 202, answer
    assert "stopping" in answer.json["reason"], answer
    assert waited < 15, waited
    assert server.process.wait(bd.PATIENCE) == 0


def test_on_stop_keep_leaves_it_and_the_next_start_adopts_it(make_server):
    server = make_server(server={"on_stop": "keep"}).start()
    server.register("stays", "10.0.0.1")
    pid = server_status(server)["pid"]
    assert server.stop() == 0
    assert alive(pid) and server.dig("stays.lab.example") == ["10.0.0.1"]
    server.start()
    assert server_status(server)["pid"] == pid and server_status(server)["adopted"] is True
    assert server.register("after", "10.0.0.2").json["served"] is True
    assert server.dig("after.lab.example") == ["10.0.0.2"]


@pytest.mark.sanitize
def test_a_killed_child_is_started_again(make_server):
    server = make_server().start()
    server.register("before", "10.0.0.1")
    old = server_status(server)["pid"]
    os.kill(old, signal.SIGKILL)
    bd.wait_for(lambda: server_status(server)["pid"] not in (0, None, old) and server.is_ready(), "a new child")
    assert server_status(server)["generation"] > 1
    assert server.dig("before.lab.example") == ["10.0.0.1"]
    assert server.register("behind", "10.0.0.2").json["served"] is True


def test_a_hung_child_is_replaced(make_server):
    server = make_server().start()
    old = server_status(server)["pid"]
    os.kill(old, signal.SIGSTOP)
    bd.wait_for(lambda: not alive(old), "the end of the hung child")
    bd.wait_for(server.is_ready, "a new child")
    assert server.register("anew", "10.0.0.1").json["served"] is True


def test_a_hung_child_is_not_adopted_for_long(make_server):
    """It has its port, and does not answer: that shows after three questions, not at the deadline of a start (10 s)."""
    server = make_server(server={"on_stop": "keep"}).start()
    server.register("stays", "10.0.0.1")
    old = server_status(server)["pid"]
    server.stop()
    os.kill(old, signal.SIGSTOP)
    server.start()
    assert not alive(old) and "left three questions unanswered" in server.log()
    assert server.dig("stays.lab.example") == ["10.0.0.1"]


def test_another_configuration_starts_a_new_generation_beside_the_old(make_server):
    server = make_server(server={"on_stop": "keep"}).start()
    server.register("both", "10.0.0.1")
    old = server_status(server)["pid"]
    server.stop()
    server.config["zones"].append({"name": "second.example", "file": str(server.folder / "second.zone")})
    server.start()
    now = server_status(server)
    assert now["pid"] != old and now["adopted"] is False
    bd.wait_for(lambda: not alive(old), "the end of the old generation")
    assert server.register("web.second.example", "10.0.0.2").json["served"] is True
    assert server.dig("web.second.example") == ["10.0.0.2"]
    assert server.dig("both.lab.example") == ["10.0.0.1"]


def test_another_program_starts_a_new_generation_beside_the_old(make_server):
    """The same name, and the same text in it: an upgrade."""
    server = make_server(server={"on_stop": "keep"})
    program, new = server.folder / "coredns", server.folder / "new"
    shutil.copy(bd.COREDNS, program)
    server.config["server"]["binary"] = str(program)
    server.start()
    server.register("both", "10.0.0.1")
    old = server_status(server)["pid"]
    server.stop()
    server.start()
    assert server_status(server)["pid"] == old and server_status(server)["adopted"] is True
    server.stop()
    shutil.copy(program, new)
    new.rename(program)
    server.start()
    now = server_status(server)
    assert now["pid"] != old and now["adopted"] is False
    bd.wait_for(lambda: not alive(old), "the end of the old generation")
    assert server.dig("both.lab.example") == ["10.0.0.1"]


def test_the_child_has_a_session_of_its_own(make_server):
    server = make_server().start()
    pid = server_status(server)["pid"]
    assert os.getsid(pid) == pid != os.getsid(server.process.pid)


def test_a_second_betterdns_on_the_same_data_exits_4(make_server):
    server = make_server().start()
    done = subprocess.run([bd.BETTERDNS, "run", "-c", str(server.config_file)], capture_output=True, timeout=bd.PATIENCE, check=False)
    assert done.returncode == 4, done
    assert str(server.data) in done.stderr.decode() and "hint:" in done.stderr.decode()
    assert server.register("still", "10.0.0.1").json["served"] is True


def refused(server, code):
    """A start that ends by itself with this code, and leaves no child."""
    server.launch()
    assert server.process.wait(bd.PATIENCE) == code, server.log()
    left = [p for p in Path("/proc").glob("[0-9]*/cmdline") if str(server.live).encode() in read(p)]
    assert left == [], left
    assert "hint:" in server.log(), server.log()
    return server.log()


def read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_taken_dns_port_names_who_has_it(make_server):
    server = make_server()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(server.dns)
        log = refused(server, 4)
    assert str(server.dns[1]) in log and str(os.getpid()) in log, log


def test_a_taken_http_port_names_who_has_it(make_server):
    server = make_server()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
        tcp.bind((server.host, server.http_port))
        tcp.listen()
        log = refused(server, 4)
    assert str(server.http_port) in log and str(os.getpid()) in log, log


def test_a_foreign_coredns_on_the_port_is_not_joined(make_server):
    """CoreDNS sets SO_REUSEPORT: a second one would silently take half of the queries."""
    first = make_server().start()
    second = make_server()
    second.config["server"]["listen"] = f"{first.dns[0]}:{first.dns[1]}"
    log = refused(second, 4)
    assert str(first.dns[1]) in log
    assert first.register("alone", "10.0.0.1").json["served"] is True


def test_a_binary_that_is_not_there(make_server):
    server = make_server(server={"binary": "/nonexistent/coredns"})
    assert "/nonexistent/coredns" in refused(server, 3)


def test_a_binary_that_cannot_be_executed(make_server):
    server = make_server()
    plain = server.folder / "plain"
    plain.write_text("no program\n")
    server.config["server"]["binary"] = str(plain)
    assert str(plain) in refused(server, 5)


@pytest.mark.parametrize("text", ["exit 0", "echo what is -conf >&2; exit 1"])
def test_a_binary_that_is_another_program(make_server, text):
    server = make_server()
    other = server.folder / "other"
    other.write_text(f"#!/bin/sh\n{text}\n")
    other.chmod(0o755)
    server.config["server"]["binary"] = str(other)
    log = refused(server, 7)
    assert f"hint: is {other} the right program? `betterdns doctor` looks at it" in log, log


def test_what_cannot_be_read_or_made(make_server):
    """Each with what to do about it, which refused() asks for."""
    server = make_server()
    plain = server.folder / "plain"
    plain.write_text("no folder\n")
    server.config["live"] = str(plain / "live")
    assert f"the directory of the live copies, {plain}/live: Not a directory" in refused(server, 1)
    server = make_server()
    server.config["http"]["token_file"] = str(server.folder / "none")
    assert f"hint: (umask 077; openssl rand -hex 32 >{server.folder}/none)" in refused(server, 3)


@pytest.mark.root
@pytest.mark.parametrize("what", ["zone", "token"])
def test_a_file_that_is_closed(make_server, what):
    server = make_server()
    path = server.zone_file if what == "zone" else server.folder / "token"
    path.write_text("0123456789abcdef\n")
    path.chmod(0)
    if what == "token":
        server.config["http"]["token_file"] = str(path)
    server.wrapper = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    log = refused(server, 5)
    assert str(path) in log and "readable for the user that runs betterdns" in log, log


def test_two_instances_never_share_a_private_address(make_server):
    servers = [make_server().start() for _ in range(4)]
    addresses = []
    for s in servers:
        corefile = "".join(p.read_text() for p in s.live.glob("*orefile*"))
        addresses += set(re.findall(r"127\.53\.\d+\.\d+", corefile))
    assert len(addresses) == len(set(addresses)) == 4, addresses


def test_many_records_change_the_polling_and_back(make_server):
    server = make_server().start()
    connection = server.connection()
    values = [f"10.{i // 250}.{i % 250}.1" for i in range(2000)]
    for n in range(11):
        body = "&".join([f"name=big{n}"] + [f"value={v}" for v in values])
        status, text = server.request("POST", "/a?wait=served", body, {"Content-Type": "application/x-www-form-urlencoded"}, connection)
        assert status == 201, text
    bd.wait_for(lambda: "100ms" in corefile(server), "the slower polling of a large zone")
    assert server.register("after-more", "10.0.0.1").json["served"] is True
    for n in range(11):  # so few are left that a slow machine does not count
        status, text = server.request("DELETE", f"/a/big{n}?wait=served", None, {}, connection)
        assert status == 200, text
    bd.wait_for(lambda: "100ms" not in corefile(server), "the quicker polling of a small zone")
    pid = server_status(server)["pid"]
    assert server.register("after-less", "10.0.0.2").json["served"] is True
    assert server_status(server)["pid"] == pid and server.dig("after-less.lab.example") == ["10.0.0.2"]


def corefile(server):
    return "".join(p.read_text() for p in server.live.glob("*orefile*"))


def test_modes_of_what_is_on_disk(make_server):
    server = make_server().start()
    server.register("modes", "10.0.0.1")
    assert server.data.stat().st_mode & 0o777 == 0o750
    for path in server.data.iterdir():
        assert path.stat().st_mode & 0o137 == 0, path


def test_a_lost_state_db_is_imported_again(make_server):
    """After a stop that reported every file clean, state.db may be deleted."""
    server = make_server().start()
    server.register("kept", "10.0.0.1")
    serial = server.status()["zones"][0]["serial"]
    assert server.stop() == 0
    for path in server.data.glob("state.db*"):
        path.unlink()
    server.start()
    assert server.dig("kept.lab.example") == ["10.0.0.1"]
    assert server.status()["zones"][0]["serial"] > serial
    assert "leases and history are lost" in server.log()
    # unclaimed: the first registration of the name takes it over
    answer = server.register("kept", "10.0.0.9")
    assert answer.status == 201 and answer.json["values"] == ["10.0.0.9"], answer


def test_a_living_child_is_asked_when_all_else_is_lost(make_server):
    """state.db and live copies lost, an old zone file, and a child that shows a later serial: an import goes past that."""
    server = make_server(server={"on_stop": "keep"}).start()
    old = server.zone_file.read_text()
    for i in range(30):
        server.register(f"seen{i}", "10.0.0.1")
    pid, serial = server_status(server)["pid"], server.status()["zones"][0]["serial"]
    server.stop()
    for path in [*server.data.glob("state.db*"), *server.live.iterdir()]:
        path.unlink()
    server.zone_file.write_text(old)
    server.start()
    assert server.status()["zones"][0]["serial"] > serial
    assert server_status(server)["pid"] == pid
    assert server.register("anew", "10.0.0.2").json["served"] is True
    assert server.dig("anew.lab.example") == ["10.0.0.2"] and server.dig("seen1.lab.example") == []


def test_live_copies_that_were_removed_are_written_again(make_server):
    server = make_server().start()
    server.register("stays", "10.0.0.1")
    copy = server.live / "lab.example.zone"
    copy.unlink()
    bd.wait_for(copy.exists, "the live copy again")
    shutil.rmtree(server.live)
    os.kill(server_status(server)["pid"], signal.SIGKILL)
    bd.wait_for(lambda: server_status(server)["generation"] > 1 and server.is_ready(), "a new child")
    assert server.dig("stays.lab.example") == ["10.0.0.1"]
    assert server.register("after", "10.0.0.2").json["served"] is True
    assert server.dig("after.lab.example") == ["10.0.0.2"]


def test_nobody_shares_the_port_with_a_child_that_starts_again(make_server):
    server = make_server().start()
    pid = server_status(server)["pid"]
    os.kill(pid, signal.SIGSTOP)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        thief.bind(server.dns)
        os.kill(pid, signal.SIGKILL)
        bd.wait_for(lambda: f"pid {os.getpid()}" in (server_status(server)["reason"] or ""), "the name of who has the port")
        answer = server.register("web", "10.0.0.1", wait="served&timeout=100ms")
        assert answer.status == 202 and answer.json["served"] is False
    bd.wait_for(server.is_ready, "a new child")
    assert server.register("web", "10.0.0.1").json["served"] is True
    assert server.dig("web.lab.example") == ["10.0.0.1"]


def test_a_stranger_who_joins_the_port_is_named(make_server):
    """SO_REUSEPORT: nobody is asked, and each gets half of the questions."""
    server = make_server().start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        stranger.bind(server.dns)
        reason = bd.wait_for(lambda: server_status(server)["reason"], "the stranger's name")
        assert f"pid {os.getpid()}" in reason and str(server.dns[1]) in reason
        assert reason in server.log()
        assert server_status(server)["state"] == "ready"
    bd.wait_for(lambda: server_status(server)["reason"] is None, "the stranger's end")


def test_two_do_not_share_live_copies(make_server):
    server, other = make_server().start(), make_server()
    other.config["live"] = server.config["live"]
    other.launch()
    assert other.process.wait(bd.PATIENCE) == 4, other.log()
    assert str(server.live) in other.log() and "hint:" in other.log()
    server.register("web", "10.0.0.1")
    assert server.dig("web.lab.example") == ["10.0.0.1"]


def test_the_journal_is_told_of_levels(make_server):
    """Where stderr is the journal's: it takes the level from the line, and has a clock of its own."""
    server = make_server()
    server.log_file.touch()
    there = server.log_file.stat()
    server.env["JOURNAL_STREAM"] = f"{there.st_dev}:{there.st_ino}"
    server.start()
    server.stop()
    lines = [line for line in server.log().splitlines() if "msg=" in line]
    assert lines and all(re.match(r"<[3-7]>(?!time=)", line) for line in lines), lines
