"""examples/betterdns.service: what systemd says of it, and what it does under systemd."""
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import bd
import pid1

EXPOSURE = 1.5


def analyze(*words):
    assert shutil.which("systemd-analyze"), "systemd-analyze is not installed: make deps-test"
    done = subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, timeout=bd.PATIENCE, check=False,
                          env=dict(os.environ, SYSTEMD_COLORS="0", LC_ALL="C.UTF-8"))
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def unit(tmp_path_factory):
    """The unit as it is installed: its program is there."""
    prefix = tmp_path_factory.mktemp("prefix")
    build = Path(bd.BETTERDNS).resolve().parent
    subprocess.run([bd.ROOT / ".mk/install.sh", "install", build, "", prefix], check=True, timeout=bd.PATIENCE)
    return prefix / "lib/systemd/system/betterdns.service"


def said_of(*units):
    """What systemd-analyze says of them; of others on this machine it may say what it likes."""
    _, out, err = analyze("verify", "--man=no", "--recursive-errors=no", *map(str, units))
    return [line for line in (out + err).splitlines() if any(unit.name in line for unit in units)]


def test_systemd_has_nothing_to_say_of_it(unit, tmp_path):
    assert said_of(unit, unit.with_suffix(".socket")) == []
    wrong = tmp_path / "wrong.service"
    wrong.write_text(unit.read_text().replace("WatchdogSec=", "WatchdogSecs="))
    assert "Unknown key" in said_of(wrong)[0], "systemd-analyze does not look"
    wrong.write_text(unit.read_text().replace("/bin/betterdns ", "/bin/not-there "))
    assert "not executable" in said_of(wrong)[0], "systemd-analyze does not look"
    wrong = tmp_path / "wrong.socket"
    wrong.write_text(unit.with_suffix(".socket").read_text().replace("ListenStream=127.0.0.1", "ListenStream=localhost"))
    assert said_of(wrong, unit), "systemd-analyze does not look"


def test_systemd_has_nothing_to_say_of_the_hosts_units():
    assert said_of(*(bd.ROOT / "examples" / name for name in ("here-i-am.service", "still-here.service", "still-here.timer"))) == []


def test_its_exposure(unit):
    status, out, err = analyze("security", "--offline=1", "--no-pager", "--threshold=100", str(unit))
    level = re.search(r"Overall exposure level for betterdns.service: (\d+\.\d+)", out)
    assert status == 0 and level, out + err
    assert float(level[1]) <= EXPOSURE, out


def directives(unit):
    found = {}
    for line in unit.read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


@pytest.mark.parametrize("key, value", [
    ("Type", "notify"),  # sd_notify
    ("KillMode", "process"), ("OOMPolicy", "continue"), ("RuntimeDirectoryPreserve", "yes"), ("Restart", "always"),  # DNS goes on
    ("StartLimitIntervalSec", "0"),
    ("AmbientCapabilities", "CAP_NET_BIND_SERVICE CAP_LEASE"), ("CapabilityBoundingSet", "CAP_NET_BIND_SERVICE CAP_LEASE"),
])
def test_what_it_has_to_say(unit, key, value):
    assert directives(unit)[key] == [value]


def test_its_watchdog_leaves_a_long_commit_time(unit):
    assert directives(unit)["WatchdogSec"] == ["1min"]


def test_its_folders_are_those_of_the_example(unit):
    config = (bd.ROOT / "examples/betterdns.yaml").read_text()
    said = directives(unit)
    assert re.search(rf"^data: /var/lib/{said['StateDirectory'][0]}$", config, re.MULTILINE)
    assert re.search(rf"^live: /run/{said['RuntimeDirectory'][0]}$", config, re.MULTILINE)
    assert said["ExecStart"] == [f"{unit.parents[3]}/bin/betterdns run -c /etc/betterdns/betterdns.yaml"]


# ---- under systemd ----

CONFIG = f"""
data: /var/lib/betterdns
live: /run/betterdns
zones:
  - {{name: lab.example, file: /var/lib/betterdns/lab.example.zone, ns: [ns1.lab.example. 127.0.0.1]}}
server: {{kind: coredns, listen: "127.0.0.1:53", binary: {pid1.PREFIX}/bin/coredns, on_stop: keep}}
"""


@pytest.fixture(scope="module")
def machine():
    yield from pid1.started(CONFIG, drop_in="WatchdogSec=2s\n")


def dig(machine, name):
    return machine.run("dig", "+short", "+tries=1", "+time=1", "@127.0.0.1", name)


def curl(machine, *words):
    status, said = machine.run("curl", "-sS", "--noproxy", "*", "--max-time", str(bd.PATIENCE), *words)
    assert status == 0, said
    return said


def server(machine):
    return json.loads(curl(machine, "http://127.0.0.1:8000/status"))["server"]


def wait_for_another(machine, old):
    """Another betterdns than this one answers."""
    bd.wait_for(lambda: machine.show("MainPID") not in ("0", old) and machine.show("SubState") == "running", "another betterdns")


@pytest.mark.systemd
def test_it_is_started_when_dns_answers(machine):
    assert machine.show("SubState") == "running"
    assert dig(machine, "ns1.lab.example") == (0, "127.0.0.1")
    assert re.fullmatch(r"coredns (1\.[0-9.]+ )?answers for 1 zone on 127\.0\.0\.1:53", machine.show("StatusText"))
    assert '"served":true' in curl(machine, "-d", "name=web", "-d", "value=192.0.2.7", "http://127.0.0.1:8000/a?wait=served")
    assert dig(machine, "web.lab.example") == (0, "192.0.2.7")
    pid = machine.show("MainPID")
    assert machine.run("ps", "-o", "uid=", "-p", pid)[1] == str(pid1.UID)
    bd.wait_for(lambda: "web" in machine.path("/var/lib/betterdns/lab.example.zone").read_text(), "the export")
    assert machine.path("/run/betterdns").stat().st_mode & 0o777 == 0o750
    log = machine.path("/run/betterdns.log").read_text()
    assert "not supported" not in log and "not permitted" not in log and "denied" not in log, log


@pytest.mark.systemd
def test_dns_stays_up_when_it_is_stopped(machine):
    curl(machine, "-d", "name=stays", "-d", "value=192.0.2.8", "http://127.0.0.1:8000/a?wait=served")
    child = server(machine)["pid"]
    assert machine.systemctl("stop", "betterdns.service") == (0, "")
    assert machine.show("ActiveState") == "inactive"
    assert "stays" in machine.path("/run/betterdns/lab.example.zone").read_text(), "what it reads went with the stop"
    assert dig(machine, "stays.lab.example") == (0, "192.0.2.8")
    assert machine.systemctl("start", "betterdns.service")[0] == 0
    assert server(machine)["pid"] == child and server(machine)["adopted"] is True


@pytest.mark.systemd
@pytest.mark.parametrize("how", ["KILL", "STOP"])
def test_one_that_dies_or_hangs_is_replaced_and_dns_goes_on(machine, how):
    """STOP: the watchdog finds it."""
    child, old = server(machine)["pid"], machine.show("MainPID")
    machine.kill(how, old)
    assert dig(machine, "ns1.lab.example") == (0, "127.0.0.1")
    wait_for_another(machine, old)
    assert dig(machine, "ns1.lab.example") == (0, "127.0.0.1")
    assert server(machine)["pid"] == child


@pytest.mark.systemd
def test_a_server_that_is_killed_is_started_again_by_us(machine):
    """As the kernel does it for want of memory: the service as a whole stays."""
    old = machine.show("MainPID")
    child = server(machine)["pid"]
    machine.kill("KILL", child)
    bd.wait_for(lambda: server(machine)["pid"] not in (0, child) and dig(machine, "ns1.lab.example")[1] == "127.0.0.1", "another coredns")
    assert machine.show("MainPID") == old and machine.show("SubState") == "running"


@pytest.mark.systemd
def test_a_reload_takes_a_changed_configuration_and_keeps_the_old_one_for_a_bad_one(machine):
    config = machine.folder / "etc" / "betterdns" / "betterdns.yaml"
    old, child = machine.show("MainPID"), server(machine)["pid"]
    config.write_text(CONFIG.replace("on_stop: keep", "on_stop: keep, strategy: signal"))
    assert machine.systemctl("reload", "betterdns.service") == (0, "")
    bd.wait_for(lambda: server(machine)["strategy"] == "signal", "the other strategy")
    config.write_text(CONFIG + "zone: []\n")
    assert machine.systemctl("reload", "betterdns.service") == (0, "")
    bd.wait_for(lambda: "betterdns.yaml:" in machine.show("StatusText"), "the fault in the Status line")
    config.write_text(CONFIG)
    assert machine.systemctl("reload", "betterdns.service") == (0, "")
    bd.wait_for(lambda: server(machine)["strategy"] == "auto" and "betterdns.yaml" not in machine.show("StatusText"), "the first one")
    assert (machine.show("MainPID"), server(machine)["pid"]) == (old, child)


@pytest.mark.systemd
def test_its_socket_unit_holds_the_port_while_it_is_restarted(machine):
    assert machine.systemctl("stop", "betterdns.service") == (0, "")
    assert machine.systemctl("start", "betterdns.socket") == (0, "")
    # It is this one that starts the service.
    assert '"served":true' in curl(machine, "-d", "name=held", "-d", "value=192.0.2.9", "http://127.0.0.1:8000/a?wait=served")
    bd.wait_for(lambda: machine.show("SubState") == "running", "betterdns")
    old = machine.show("MainPID")
    assert machine.systemctl("restart", "--no-block", "betterdns.service") == (0, "")
    for _ in range(20):  # before, between and after
        status, said = machine.run("curl", "-sS", "--noproxy", "*", "--max-time", str(bd.PATIENCE), "http://127.0.0.1:8000/version")
        assert status != 7, said  # refused; who was connected when it ended may have to ask again
    wait_for_another(machine, old)
    assert server(machine)["adopted"] is True
