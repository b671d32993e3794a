"""What stands in the way of a start or of a server that runs: no right to the port, a program of another machine, a log that nobody
reads, no descriptor, no memory. In words where it is refused; where DNS runs it goes on, with each query counted."""
import os
import shutil
import signal
from pathlib import Path

import pytest

import bd
import netns
from test_child import refused, server_status
from test_outages import ADDRESS, NAME, replaced
from test_strategy import metric, write
from traffic import Traffic, assert_answered
from trouble import Log, other_machine


@pytest.mark.netns
def test_no_right_to_port_53(make_server):
    """In a network of its own, where that right is asked for as anywhere."""
    server = make_server()
    server.config["server"]["listen"] = f"{server.dns[0]}:53"
    server.wrapper = netns.unshare("sh", "-c", 'ip link set lo up && exec setpriv --bounding-set -net_bind_service "$@"', "sh")
    log = refused(server, 5)
    assert "permission denied" in log and f"cap_net_bind_service=+ep {bd.COREDNS}" in log, log


@pytest.mark.netns
def test_a_machine_without_the_loopback_network():
    netns.run(__file__, "scenario_without_the_loopback_network")


def scenario_without_the_loopback_network():
    """No server has an address of its own: it is asked at its public one, and watched, adopted and started again as ever."""
    netns.ip("link", "set", "lo", "up")
    netns.ip("address", "del", "127.0.0.1/8", "dev", "lo")
    netns.ip("address", "add", f"{netns.REGISTRAR}/32", "dev", "lo")
    server = bd.Server(bd.temporary_folder(), host=netns.REGISTRAR, http={"auth": "none"})
    try:
        server.start()
        assert server.register("web", "10.0.0.1").json["served"] is True and server.dig("web.lab.example") == ["10.0.0.1"]
        assert "127.53." not in (server.live / "Corefile").read_text(encoding="ascii")
        before = server_status(server)
        server.kill()
        server.start()
        assert server_status(server)["pid"] == before["pid"] and server_status(server)["adopted"] is True
        os.kill(before["pid"], signal.SIGSTOP)
        bd.wait_for(lambda: replaced(server, before), "a new server")
        assert server.register("web", "10.0.0.2").json["served"] is True and server.dig("web.lab.example") == ["10.0.0.2"]
    finally:
        server.close()
        shutil.rmtree(server.folder, ignore_errors=True)


def test_a_program_of_another_machine(make_server):
    server = make_server()
    server.config["server"]["binary"] = str(other_machine(server.folder / "other"))
    log = refused(server, 7)
    machine = "s390x" if os.uname().machine != "s390x" else "aarch64"
    assert f"{server.folder / 'other'} is a program for {machine}, and this machine is {os.uname().machine}" in log, log


def test_a_part_of_a_program(make_server):
    server = make_server()
    part = server.folder / "part"
    part.write_bytes(Path(bd.COREDNS).read_bytes()[:10])
    part.chmod(0o755)
    server.config["server"]["binary"] = str(part)
    assert f"{part} is no program, or a part of one" in refused(server, 7)


def test_a_bad_upgrade_of_the_program(make_server):
    """It is tried again until there is a good one."""
    server = make_server()
    program = server.folder / "program"
    program.symlink_to(bd.COREDNS)
    server.config["server"]["binary"] = str(program)
    server.start()
    assert write(server, "before", "10.0.0.1")[0] == 201
    program.unlink()
    other_machine(program)
    before = server_status(server)
    os.kill(before["pid"], signal.SIGKILL)
    bd.wait_for(lambda: (now := server_status(server))["state"] == "backing-off" and "is a program for" in now["reason"], "the reason")
    program.unlink()
    bd.wait_for(lambda: "cannot be started: No such file" in (server_status(server)["reason"] or ""), "the other reason")
    program.symlink_to(bd.COREDNS)
    bd.wait_for(lambda: replaced(server, before), "a new server")
    assert bd.addresses(server.dns, "before.lab.example") == ["10.0.0.1"]


# ---- a log that nobody reads ------------------------------------------------------------------------------------------

@pytest.fixture
def piped(make_server):
    made = []

    def make(**options):
        server = make_server(**options)
        made.append(Log(server))
        return server, made[-1]

    yield make
    for log in made:
        log.close()


@pytest.mark.parametrize("strategy", ["file", "signal"])
@pytest.mark.parametrize("end", [False, True])
def test_a_log_that_nobody_reads_any_more(piped, strategy, end):
    """CoreDNS says a line at each change: it must neither wait for a reader, nor die of one that has ended."""
    server, log = piped(server={"strategy": strategy})
    server.start()
    assert write(server, "steady", ADDRESS)[0] == 201
    pid = server_status(server)["pid"]
    with Traffic(server.dns, NAME, ADDRESS) as traffic:
        if end:
            log.close()
        else:
            log.fill()
        for i in range(30):
            status, text = write(server, "moving", f"10.7.0.{i + 1}")
            assert status in (200, 201), text
            assert bd.addresses(server.dns, "moving.lab.example") == [f"10.7.0.{i + 1}"]
    late = metric(server, "publish_escalations_total")  # by a machine that is busy; one that waits for its reader is late each time
    assert_answered(server, traffic, late)
    assert server_status(server)["pid"] == pid or late == 1


def test_a_start_with_a_log_that_nobody_reads(piped):
    server, log = piped()
    log.fill()
    server.start()
    assert write(server, "steady", ADDRESS)[0] == 201
    log.fill()
    before = server_status(server)
    os.kill(before["pid"], signal.SIGKILL)
    bd.wait_for(lambda: replaced(server, before), "a new server")
    assert bd.addresses(server.dns, NAME) == [ADDRESS]
    assert server.stop() == 0


@pytest.mark.parametrize("strategy", ["file", "signal"])
def test_the_reader_of_the_log_ends_and_betterdns_too(piped, strategy):
    """A terminal that is closed, with `betterdns run 2>&1 | tee log` in it: the server is alone, and answers."""
    server, log = piped(server={"strategy": strategy})
    server.start()
    assert write(server, "steady", ADDRESS)[0] == 201
    pid = server_status(server)["pid"]
    with Traffic(server.dns, NAME, ADDRESS) as traffic:
        log.close()
        server.kill()
        os.kill(pid, signal.SIGUSR1)  # it says that it reads its files again
        bd.wait_for(lambda: traffic.asked > 500, "questions")
        server.wrapper = []
        server.start()
        assert server_status(server)["pid"] == pid and write(server, "after", "10.0.0.1")[0] == 201
    assert_answered(server, traffic)


# ---- an address that goes away ----------------------------------------------------------------------------------------

def scenario_address_goes():
    folder = bd.temporary_folder()
    server = bd.Server(folder, host="127.0.0.1")
    server.dns = ("10.77.9.1", server.dns[1])
    server.config["server"]["listen"] = f"10.77.9.1:{server.dns[1]}"
    netns.ip("link", "set", "lo", "up")
    netns.ip("address", "add", "10.77.9.1/32", "dev", "lo")
    try:
        server.start()
        assert write(server, "before", "10.0.0.1")[0] == 201
        pid = server_status(server)["pid"]
        netns.ip("address", "del", "10.77.9.1/32", "dev", "lo")
        reason = bd.wait_for(lambda: server_status(server)["reason"], "that nobody can ask")
        assert "no address 10.77.9.1" in reason and reason in server.log(), reason
        netns.ip("address", "add", "10.77.9.1/32", "dev", "lo")
        bd.wait_for(lambda: server_status(server)["reason"] is None, "that it can be asked again")
        assert server_status(server)["pid"] == pid  # its socket is there still: nothing was to be gained by another one
        assert bd.addresses(server.dns, "before.lab.example") == ["10.0.0.1"]
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.netns
def test_an_address_that_goes_away_is_said():
    netns.run(__file__, "scenario_address_goes")
