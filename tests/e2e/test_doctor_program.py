"""betterdns doctor: the DNS server's program and its own configuration, or what is said of them where something is wrong with them."""
import subprocess
import sys
from pathlib import Path

import pytest

import bd
import doctored
from doctored import NOBODY, do, program, write_block


@pytest.fixture(name="machine")
def machine_fixture():
    yield from doctored.machine()


@pytest.mark.parametrize("kind, says, old", [
    ("coredns", "CoreDNS-{}", ["1.11.4", "1.12.0"]), ("bind", "BIND {}-1-Debian (Extended Support Version) <id:>", ["9.16.50", "9.18.1"]),
    ("nsd", "NSD version {}", ["4.3.9", "4.6.1"]), ("knot", "knotd (Knot DNS), version {}", ["3.1.9", "3.2.6"])])
def test_a_server_that_is_too_old(machine, kind, says, old):
    machine.config["server"]["kind"] = kind
    path = program(machine, "server", f"#!/bin/sh\necho '{says.format(old[0])}'\n")
    level, check, what, mend = machine.only()
    assert (level, check) == ("error", "program") and f"{path} is version {old[0]}" in what and "server.binary" in mend
    program(machine, "server", f"#!/bin/sh\necho '{says.format(old[1])}'\n")
    machine.healthy()


@pytest.mark.parametrize("kind, name, package", [("coredns", "coredns", "github.com/coredns/coredns/releases"), ("bind", "named", "apt-get install bind9"),
                                                 ("nsd", "nsd", "apt-get install nsd"), ("knot", "knotd", "apt-get install knot")])
def test_no_program(machine, kind, name, package):
    machine.config["server"] = {"listen": machine.config["server"]["listen"], "kind": kind, "binary": f"/nowhere/{name}"}
    level, check, what, mend = machine.only()
    assert (level, check, what) == ("error", "program", f"there is no /nowhere/{name}") and package in mend


def test_a_program_that_cannot_be_executed(machine):
    path = program(machine, "coredns", "#!/bin/sh\necho CoreDNS-1.15.0\n", 0o644)
    level, check, what, mend = machine.only()
    assert (level, check, what) == ("error", "program", f"{path} is not an executable file")
    do(mend)
    machine.healthy()
    path.write_bytes(b"\0\1\2\3")
    level, check, what, mend = machine.only()
    assert (level, check) == ("error", "program") and f"{path} is no program" in what
    elf = bytearray(Path(bd.BETTERDNS).read_bytes()[:4096])
    elf[18:20] = (243).to_bytes(2, sys.byteorder)  # e_machine: RISC-V
    path.write_bytes(elf)
    assert f"{path} is a program for riscv" in machine.only()[2]
    program(machine, "coredns", "#!/bin/sh\necho hello\n")
    level, check, what, mend = machine.only()
    assert (level, check) == ("warning", "program") and "does not say its version" in what


def test_a_corefile_that_is_not_there(machine):
    machine.config["server"]["corefile"] = str(machine.folder / "Corefile")
    level, check, what, mend = machine.only()
    assert (level, check) == ("error", "program") and "does not find " + str(machine.folder / "Corefile") in what and "server.corefile" in mend
    (machine.folder / "Corefile").write_text("import us.conf\n")
    level, check, what, mend = machine.only()
    assert (level, check) == ("error", "program") and "has no block for lab.example." in what and str(machine.live) in mend
    write_block(machine, machine.folder / "us.conf")
    machine.healthy()


@pytest.mark.root
def test_a_closed_folder_in_path_hides_nothing(machine):
    """As for a shell: what may not be looked into holds no program."""
    closed = machine.folder / "closed"
    closed.mkdir(0o700)
    machine.config["server"]["binary"] = "no-such-server"
    subprocess.run(["chown", f"{NOBODY}:{NOBODY}", machine.folder, machine.data, machine.live, machine.zone], check=True)
    level, check, what, _ = machine.only("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
                                         env={"PATH": f"{closed}:/usr/bin:/bin"})
    assert (level, check, what) == ("error", "program", "there is no no-such-server in PATH")


def test_a_command_of_the_operator_is_looked_for(machine):
    machine.config["server"].update(kind="exec", binary=None, start=["/nowhere/server", "{zones}"])
    level, check, what, _ = machine.only()
    assert (level, check, what) == ("error", "program", "there is no /nowhere/server")
    machine.config["server"]["start"] = ["sh"]
    machine.healthy()
    machine.config["server"]["stop"] = ["no-such-command", "now"]
    level, check, what, _ = machine.only()
    assert (level, check, what) == ("error", "program", "server.stop: there is no no-such-command")
    machine.config["server"].update(stop=["true"], reload=[str(machine.zone)])
    level, check, what, _ = machine.only()
    assert (level, check, what) == ("error", "program", f"server.reload: {machine.zone} is not an executable file")
