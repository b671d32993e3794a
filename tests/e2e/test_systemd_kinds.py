"""examples/betterdns.service with each kind of DNS server under systemd itself: what the unit takes away, none of them needs."""
import json
import os
from pathlib import Path

import pytest

import bd
import pid1
from test_servers import BINARIES, EXEC
from test_systemd import curl, dig, server, wait_for_another

CONFIG = {"data": "/var/lib/betterdns", "live": "/run/betterdns",
          "zones": [{"name": "lab.example", "file": "/var/lib/betterdns/lab.example.zone", "ns": ["ns1.lab.example. 127.0.0.1"]}]}


def options(kind):
    """The part of the configuration, and the programs that it needs."""
    folder, here = Path(os.environ["SERVERS"]) / "usr/sbin", f"{pid1.PREFIX}/bin"
    if kind == "exec":
        reload = [f"{here}/knotc", "-s", "/run/betterdns/knot.sock", "zone-reload"]
        return {"start": [f"{here}/start", "{zones}"], "reload": reload}, [folder / "knotd", folder / "knotc"]
    program = Path(bd.COREDNS) if kind == "coredns" else folder / BINARIES[kind]
    return {"binary": f"{here}/{program.name}"}, [program]


@pytest.fixture(scope="module", params=BINARIES)
def machine(request, tmp_path_factory):
    more, programs = options(request.param)
    start = tmp_path_factory.mktemp("exec") / "start"
    start.write_text(EXEC.format(folder="/run/betterdns", host="127.0.0.1", port=53, knotd=f"{pid1.PREFIX}/bin/knotd"), encoding="ascii")
    config = {**CONFIG, "server": {"kind": request.param, "listen": "127.0.0.1:53", "on_stop": "keep", **more}}
    yield from pid1.started(json.dumps(config), programs=[*programs, start])


def change(machine, name, address):
    """A change that DNS shows when curl returns."""
    assert '"served":true' in curl(machine, "-d", f"name={name}", "-d", f"value={address}", "http://127.0.0.1:8000/a?wait=served"), log(machine)
    assert dig(machine, f"{name}.lab.example") == (0, address)


def log(machine):
    return machine.path("/run/betterdns.log").read_text()


@pytest.mark.systemd
@pytest.mark.parametrize("strategy", ["signal", "restart"])
def test_changes(machine, strategy):
    """Three, by each way of telling it."""
    curl(machine, "-X", "PUT", "-d", f"strategy={strategy}", "http://127.0.0.1:8000/controller/strategy")
    for i in range(3):
        change(machine, strategy, f"192.0.2.{i + 1}")
    assert server(machine)["strategy"] == strategy


@pytest.mark.systemd
def test_an_edit_by_hand(machine):
    with open(machine.path("/var/lib/betterdns/lab.example.zone"), "a", encoding="ascii") as file:
        file.write("byhand 60 A 192.0.2.8\n")
    bd.wait_for(lambda: dig(machine, "byhand.lab.example") == (0, "192.0.2.8"), "the edit")


@pytest.mark.systemd
def test_it_is_adopted_and_replaced(machine):
    child, old = server(machine)["pid"], machine.show("MainPID")
    machine.kill("KILL", old)
    wait_for_another(machine, old)
    assert server(machine)["pid"] == child and server(machine)["adopted"] is True
    machine.kill("KILL", child)
    bd.wait_for(lambda: server(machine)["pid"] not in (0, child) and dig(machine, "ns1.lab.example")[1] == "127.0.0.1", "another server")
    change(machine, "after", "192.0.2.9")


@pytest.mark.systemd
def test_nothing_was_denied(machine):
    """To whoever writes into this log."""
    change(machine, "once", "192.0.2.10")
    assert machine.show("SubState") == "running" and machine.show("NRestarts") in ("0", "1")
    said = [line for line in log(machine).splitlines() if any(word in line.lower() for word in ("not permitted", "denied", "not supported"))]
    assert said == []
