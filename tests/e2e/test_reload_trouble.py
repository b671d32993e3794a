"""SIGHUP and SIGTERM at a bad moment: while a program is asked something, where a start comes to nothing halfway, where there is no room."""
import contextlib
import os

import pytest

import bd
import mounts
from test_corefile import other, own, text  # noqa: F401 (own is a fixture)
from test_reload import BACK, IN_FORCE, OTHER_ZONE, STAYS, add_zone, child, hang_up, reload
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


# ---- a start that does not come to its end ----

# In the server's place: it starts, and answers nothing.
NEVER_ANSWERS = """#!/bin/sh
[ "$1" = -version ] && exec {binary} -version
echo $$ >{folder}/asleep
exec sleep 600
"""


def asleep(server):
    path = server.folder / "asleep"
    return path.exists() and path.read_text().strip()


@pytest.mark.sanitize
def test_a_stop_while_the_server_of_a_reload_does_not_answer(make_server):
    """It is not waited for, nor for the one before: both end, as configured."""
    server = make_server().start()
    server.register("web", "10.0.0.1")
    instead(server, NEVER_ANSWERS)
    server.write_config()
    hang_up(server)
    pid = int(bd.wait_for(lambda: asleep(server), "the start of the other server"))
    assert server.stop() == 0
    assert BACK not in server.log() and not server.processes() and not os.path.exists(f"/proc/{pid}")


def fill(server):
    """Whatever is free where the live copies are."""
    path = mounts.inside(server, server.live) / "fill"
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return path


SMALL = "mount -t tmpfs -o size=64k none $1/live"


@pytest.fixture(name="small")
def server_with_little_room_for_live_copies(make_server):
    server = make_server()
    server.live.mkdir()
    return mounts.mounted(server, SMALL)


@pytest.mark.mounts
@pytest.mark.sanitize
def test_no_room_for_another_server(small):
    """The configuration before is in force again, with its server; with room the new one is."""
    small.start()
    small.register("web", "10.0.0.1")
    before, full = child(small), fill(small)
    reload(small, BACK, add_zone(small))
    assert child(small) == before, small.log()
    assert small.is_ready() and small.dig("web.lab.example") == ["10.0.0.1"]
    assert "make room there" in small.log()
    full.unlink()
    reload(small)
    assert small.register(f"a.{OTHER_ZONE}.", "10.0.0.9").json["served"] is True


@pytest.mark.mounts
@pytest.mark.parametrize("mended", [True, False])
def test_a_start_that_waits_for_room(small, mended):
    """A stop ends it, and another configuration is put in force."""
    mounts.mounted(small, SMALL + "; head -c 65536 /dev/zero >$1/live/fill || true")
    small.launch()
    bd.wait_for(lambda: "make room there" in small.log(), "that there is none")
    if mended:
        small.live = small.folder / "elsewhere"
        reload(small, IN_FORCE, lambda config: config.update(live=str(small.live)))
        assert small.register("web", "10.0.0.1").json["served"] is True
    assert small.stop() == 0
    assert not small.processes()
