"""SIGHUP and SIGTERM at a bad moment: while a program is asked something, where a start comes to nothing halfway, where there is no room."""
import os

import pytest

import bd
from test_corefile import other, own, text  # noqa: F401 (own is a fixture)
from test_reload import STAYS, reload
from test_servers import exec_options, options, refused
from trouble import instead

# In the server's place: one that is asked why it refuses a Corefile does not answer.
DOES_NOT_SAY_WHY = """#!/bin/sh
case "$*" in *.why*) exec sleep 60 ;; esac
exec {binary} "$@"
"""


@pytest.fixture(name="asked")
def server_that_is_asked_why(own):
    server = own()
    instead(server, DOES_NOT_SAY_WHY)
    server.start()
    server.corefile.write_text(text(server, more="nonsense on this line"))
    bd.wait_for((server.live / "Corefile.why").exists, "that it is asked why")
    return server


@pytest.mark.sanitize
def test_a_reload_while_the_server_is_asked_why_it_refuses_a_corefile(asked):
    asked.corefile.write_text(text(asked, address="192.0.2.5"))
    reload(asked)
    assert not (asked.live / "Corefile.why").exists() and len(asked.processes()) == 1
    bd.wait_for(lambda: other(asked) == ["192.0.2.5"], "the Corefile that was mended")
    assert asked.register("web", "10.0.0.1").json["served"] is True


@pytest.mark.sanitize
def test_a_stop_while_the_server_is_asked_why_it_refuses_a_corefile(asked):
    assert asked.stop() == 0
    assert not (asked.live / "Corefile.why").exists() and not asked.processes()


def threads(server):
    return len(os.listdir(f"/proc/{server.process.pid}/task"))


@pytest.mark.sanitize
@pytest.mark.parametrize("command", ["reload", "stop"])
def test_a_command_that_is_not_there(make_server, command):
    """Of the operator's, for a server of kind exec: it is seen before anything is taken down, and by a first start."""
    server = exec_options(make_server(**options("exec"))).start()
    server.register("web", "192.0.2.7")
    before, good = threads(server), server.config["server"].get(command)
    for _ in range(3):
        reload(server, STAYS, lambda config: config["server"].update({command: ["/nowhere/program", "now"]}))
    assert f"server.{command}: there is no /nowhere/program" in server.log()
    assert threads(server) == before
    assert server.register("web", "192.0.2.8").json["served"] is True
    server.stop()
    assert f"betterdns: server.{command}: there is no /nowhere/program" in refused(server, 3)
    server.config["server"].pop(command)
    if good:
        server.config["server"][command] = good
    server.start()


def test_a_reload_command_that_goes_and_comes(make_server):
    """The server goes on without; what it was not told meanwhile it reads when the command is there again."""
    server = exec_options(make_server(**options("exec")))
    server.config["server"]["strategy"] = "signal"
    program = server.folder / "knotc"
    program.symlink_to(server.config["server"]["reload"][0])
    server.config["server"]["reload"][0] = str(program)
    server.start()
    program.rename(server.folder / "away")
    answer = server.curl("-d", "name=web", "-d", "value=192.0.2.7", path="/a?wait=served&timeout=500ms")
    assert answer.status == 202, answer
    reload(server, STAYS)
    assert f"server.reload: there is no {program}" in server.log()
    (server.folder / "away").rename(program)
    bd.wait_for(lambda: server.dig_quietly("web.lab.example") == ["192.0.2.7"], "that it is told")
    reload(server)
    assert server.register("web", "192.0.2.8").json["served"] is True
