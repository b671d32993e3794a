"""The server kind "exec" alone: the operator's commands reload, stop, and the address at which it is asked."""
import os
from pathlib import Path

import pytest

import bd
from test_child import alive, server_status
from test_servers import exec_options, family, options


@pytest.fixture
def said(tmp_path):
    return tmp_path / "said"


@pytest.fixture(name="command")
def command_that_says_so(tmp_path, said):
    """A command of one's own, which writes its name down first."""
    def make(name, *words):
        path = tmp_path / name
        path.write_text(f'#!/bin/sh\necho {name} >>{said}\nexec {" ".join(words)}\n', encoding="ascii")
        path.chmod(0o755)
        return [str(path)]
    return make


@pytest.fixture
def server(make_server):
    made = exec_options(make_server(**options("exec")))
    made.config["server"]["strategy"] = "signal"
    return made


def knotc(server, what):
    return [str(Path(os.environ["SERVERS"]) / "usr/sbin/knotc"), "-s", str(server.folder / "knot.sock"), what]


def test_its_commands_are_run(server, command, said):
    server.config["server"]["reload"] = command("reload", *knotc(server, "zone-reload"))
    server.config["server"]["stop"] = command("stop", *knotc(server, "stop"))
    server.start()
    before = len(said.read_text().split()) if said.exists() else 0
    assert server.register("web", "192.0.2.7").json["served"] is True
    assert said.read_text().split()[before:] == ["reload"]
    pid = server_status(server)["pid"]
    assert server.stop() == 0
    assert said.read_text().split()[-1] == "stop" and not [p for p in family(pid) if alive(p)]


@pytest.mark.parametrize("words", [("false",), ("true",)])
def test_a_stop_that_does_not_help(server, command, words):
    """It ends all the same: by a signal."""
    server.config["server"]["stop"] = command("stop", *words)
    server.start()
    pid = server_status(server)["pid"]
    assert server.stop() == 0 and not [p for p in family(pid) if alive(p)]


def test_a_reload_that_fails_is_said(server, command):
    """With what it has printed."""
    server.config["server"]["reload"] = command("reload", "sh -c 'echo no such zone >&2; exit 3'")
    server.start()
    assert server.request("POST", "/a?name=web&value=192.0.2.7")[0] == 201
    bd.wait_for(lambda: "a command to the DNS server has failed" in server.log(), "a word about it")
    line = next(line for line in server.log().splitlines() if "a command to the DNS server has failed" in line)
    assert "code=3" in line and "no such zone" in line, line


def test_it_is_asked_where_the_operator_says(server):
    """Here that is the only address that it has."""
    probed = bd.free_address("127.0.0.1")
    script = Path(server.config["server"]["start"][0])
    listen, text = f"{server.dns[0]} {server.dns[1]}", script.read_text()
    assert listen in text
    script.write_text(text.replace(listen, f"{probed[0]} {probed[1]}"), encoding="ascii")
    server.config["server"]["probe"] = f"{probed[0]}:{probed[1]}"
    server.start()
    assert server.register("web", "192.0.2.7").json["served"] is True
    assert bd.addresses(probed, "web.lab.example") == ["192.0.2.7"]


def test_what_was_told_last_is_read_by_a_server_that_stays(server, command):
    """A command that is at work at the stop goes on, whatever it prints."""
    slow = command("reload", "sh -c 'echo begun; sleep 1; exec %s'" % " ".join(knotc(server, "zone-reload")))
    server.config["server"].update(reload=slow, on_stop="keep")
    server.start()
    assert server.register("web", "192.0.2.7", wait="committed").status == 201
    assert server.stop() == 0
    bd.wait_for(lambda: server.dig_quietly("web.lab.example") == ["192.0.2.7"], "that it is read")
