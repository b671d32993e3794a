"""Starts that cannot work, with each kind of server: a sentence, a hint, an exit code, and nothing is left."""
from pathlib import Path

import pytest

import netns
from test_obstacles import other_machine
from test_servers import BINARIES, exec_options, options, refused


@pytest.fixture(name="make", params=BINARIES)
def make_with_its_program(request, make_server):
    """A server of this kind, not started yet; and what puts another program into the place of its own."""
    kind = request.param
    server = make_server(**options(kind))
    own = server.config["server"]
    if kind == "exec":
        exec_options(server)

    def put(path):
        if kind == "exec":
            own["start"] = [str(path), "{zones}"]
        else:
            own["binary"] = str(path)
        return str(path)
    return kind, server, put


def test_a_program_that_is_not_there(make):
    _, server, put = make
    assert f"there is no {put('/nowhere/server')}" in refused(server, 3)


def test_a_program_that_may_not_be_executed(make):
    _, server, put = make
    plain = server.folder / "plain"
    plain.write_text("#!/bin/sh\n", encoding="ascii")
    assert f"{put(plain)} is not an executable file" in refused(server, 5)


def test_a_program_of_another_machine(make):
    _, server, put = make
    path = put(other_machine(server.folder / "other"))
    assert f"{path} is a program for " in refused(server, 7)


def test_a_program_that_ends_without_a_word(make):
    kind, server, put = make
    mute = server.folder / "mute"
    mute.write_text("#!/bin/sh\nexit 1\n", encoding="ascii")
    mute.chmod(0o755)
    put(mute)
    log = refused(server, 7)
    assert f"betterdns: {kind} (pid " in log and "ended with exit code 1; it says nothing about it" in log


@pytest.mark.netns
def test_no_right_to_port_53(make):
    """In a network of its own, without the right. Of a server of the operator's own, whose words nobody knows, those are shown."""
    kind, server, _ = make
    if kind == "exec":
        script = Path(server.config["server"]["start"][0])
        script.write_text(script.read_text().replace(f"{server.dns[0]} {server.dns[1]}", f"{server.dns[0]} 53"), encoding="ascii")
    else:
        link = server.folder / "link"
        link.symlink_to(server.config["server"]["binary"])
        server.config["server"]["binary"] = str(link)
    server.config["server"]["listen"] = f"{server.dns[0]}:53"
    server.wrapper = netns.unshare("sh", "-c", 'ip link set lo up && exec setpriv --bounding-set -net_bind_service "$@"', "sh")
    log = refused(server, 7 if kind == "exec" else 5)
    if kind == "exec":
        assert "cannot bind address" in log and "betterdns: exec does not start with " in log, log
    else:
        assert f"setcap cap_net_bind_service=+ep {link.resolve()};" in log, log  # it takes no link
