"""betterdns doctor: each thing that can be in the way is put there, is found, and is gone when it has been mended."""
import json
import os
import resource
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

import bd
import doctored
import mounts
from doctored import NOBODY, ZONE, Machine, do, program, write_block


@pytest.fixture(name="machine")
def machine_fixture():
    yield from doctored.machine()


def listening(address, kind=socket.SOCK_STREAM):
    s = socket.socket(socket.AF_INET, kind)
    s.bind(address)
    if kind == socket.SOCK_STREAM:
        s.listen()
    return s


def tree(folder):
    return {str(p): (p.stat().st_mode, p.stat().st_mtime_ns, p.stat().st_size) for p in sorted(folder.rglob("*")) if p.name != "c.yaml"}


def test_nothing_is_in_the_way_and_nothing_is_changed(machine):
    before = tree(machine.folder)
    machine.healthy()
    assert tree(machine.folder) == before
    shutil.rmtree(machine.data)
    machine.live.rmdir()
    machine.zone.unlink()
    machine.healthy()  # a first start makes them
    assert tree(machine.folder) == {}


def test_as_json(machine):
    machine.data.chmod(0o777)
    with listening(machine.http):
        found = machine.doctor()
        config = machine.folder / "c.yaml"
        for form in ("json", "jsonl"):
            done = subprocess.run([bd.BETTERDNS, "doctor", "-c", str(config), "-o", form], capture_output=True, text=True, timeout=bd.PATIENCE,
                                  check=False)
            assert done.returncode == 1, done
            items = json.loads(done.stdout)["findings"] if form == "json" else [json.loads(line) for line in done.stdout.splitlines()]
            assert [(i["level"], i["check"], i["detail"]) for i in items] == [f[:3] for f in found]
            assert [i["command"] for i in items if i["check"] == "data"] == [f"chmod go-w {machine.data}"]
            assert [i["other"] for i in items if i["check"] == "http"] == ["another http.listen"]


def test_a_lock_that_nobody_holds(machine):
    """Left by one that was killed; its number is another process' now, which has other files open there."""
    lock = machine.data / "state.lock"
    lock.write_text(f"{os.getpid()}\n")
    with (machine.data / "other").open("w"):
        assert not any(f[1] == "running" for f in machine.healthy())
    with lock.open():
        assert any(f[1] == "running" for f in machine.healthy())


def test_a_path_that_a_shell_would_take_apart(machine):
    odd = machine.folder / "a b'c"
    machine.data = machine.data.rename(odd)
    machine.config["data"] = str(odd)
    odd.chmod(0o777)
    do(machine.only()[3])
    machine.healthy()
    deep = machine.folder / ("x" * 200) / ("y" * 200)  # the sentence is cut, the command is not
    deep.parent.mkdir()
    machine.config["data"] = str(odd.rename(deep))
    deep.chmod(0o777)
    do(machine.only()[3])
    machine.healthy()
    turned = machine.folder / "a\u202eb"  # a terminal shows what follows backwards
    turned.mkdir()
    deep.rename(turned / "data")
    (turned / "data").chmod(0o777)
    machine.config["data"], machine.folder = "data", turned
    level, check, what, mend = [f for f in machine.doctor() if f[0] == "warning"][0]
    assert (level, check, mend) == ("warning", "data", "") and "\u202e" not in what


def test_a_configuration_that_is_not_valid(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("zons: []\n")
    done = subprocess.run([bd.BETTERDNS, "doctor", "-c", str(path)], capture_output=True, text=True, timeout=bd.PATIENCE, check=False)
    assert done.returncode == 7 and done.stdout == "" and f"{path}:1:1:" in done.stderr


@pytest.mark.parametrize("which, option", [("http", "http.listen"), ("dns", "server.listen")])
@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_port_is_taken(machine, which, option, kind):
    address = getattr(machine, which)
    with listening(address, kind):
        if which == "http" and kind == socket.SOCK_DGRAM:
            machine.healthy()  # HTTP has no use for it
            return
        level, check, what, mend = machine.only()
    name = {socket.SOCK_STREAM: "TCP", socket.SOCK_DGRAM: "UDP"}[kind]
    assert (level, check) == ("error", which)
    assert what.startswith(f"{option} {address[0]}:{address[1]} ({name}) is taken by ") and what.endswith(f"(pid {os.getpid()})")
    assert mend.startswith(f"kill {os.getpid()} ") and option in mend
    machine.healthy()


def test_the_stub_of_systemd_resolved_has_the_port(machine):
    """A process of that name on 127.0.0.53, as its stub is, and a server that is to listen everywhere."""
    port = bd.free_address("0.0.0.0")[1]
    machine.config["server"]["listen"] = f"0.0.0.0:{port}"
    machine.healthy()
    code = f"""
import ctypes, socket, sys
ctypes.CDLL(None).prctl(15, b"systemd-resolve", 0, 0, 0)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.53", {port}))
print(flush=True); sys.stdin.read()"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as stub:
        assert stub.stdout.readline() == b"\n"
        level, check, what, mend = machine.only()
        stub.stdin.close()
        stub.wait(bd.PATIENCE)
    assert (level, check) == ("error", "dns") and f"systemd-resolve (pid {stub.pid})" in what
    assert "DNSStubListener=no" in mend and "systemctl restart systemd-resolved" in mend


def test_an_address_that_is_not_here(machine):
    machine.config["server"]["listen"] = "192.0.2.53:5353"
    level, check, what, mend = machine.only()
    assert (level, check) == ("error", "dns") and "no address 192.0.2.53" in what and "ip -br address" in mend


def test_a_betterdns_that_runs_is_no_hindrance(make_server):
    server = make_server().start()
    machine = Machine(Path(bd.temporary_folder()))
    try:
        machine.config = {**server.config, "live": machine.config["live"]}
        found = machine.healthy()
        assert any(f[1] == "running" and f"(pid {server.process.pid})" in f[2] for f in found), found
        server.kill()  # its child goes on, and the next start adopts it
        assert not any(f[1] == "running" for f in machine.healthy())
        machine.config["data"] = str(machine.data)  # to another betterdns it is a stranger
        bad = [f for f in machine.doctor() if f[0] == "error"]
        assert len(bad) == 2 and all("is taken by coredns (pid" in f[2] for f in bad), bad
    finally:
        shutil.rmtree(machine.folder)


@pytest.mark.root
@pytest.mark.parametrize("which", ["server", "http"])
def test_no_right_to_the_port(machine, which):
    as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", machine.folder], check=True)
    free = next(p for p in range(1023, 600, -1) if not is_taken(machine.host, p))
    machine.config[which]["listen"] = f"{machine.host}:{free}" if which == "server" else [f"{machine.host}:{free}"]
    program = machine.folder / "coredns"
    shutil.copy(bd.COREDNS, program)
    link = machine.folder / "link"
    link.symlink_to(program)
    machine.config["server"]["binary"] = str(link)
    machine.healthy()  # root has it
    level, check, what, mend = machine.only(*as_nobody)
    assert (level, check) == ("error", "right") and f"{which}.listen: nobody has no right to port {free}" in what
    assert mend.startswith("setcap cap_net_bind_service=+ep ")
    if which == "server":
        assert mend.split()[2] == str(program)  # setcap takes no link
        # as setcap writes it: revision 2, effective, the bit 10
        os.setxattr(program, "security.capability", struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0))
        machine.healthy(*as_nobody)
    else:
        ambient = ["--inh-caps=+net_bind_service", "--ambient-caps=+net_bind_service"]
        machine.healthy(*as_nobody, *ambient)


def is_taken(host, port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((host, port))
        except OSError:
            return True
        return False


@pytest.mark.parametrize("which", ["data", "live"])
def test_folders(machine, which):
    folder = getattr(machine, which)
    folder.chmod(0o777)
    level, check, what, mend = machine.only()
    assert (level, check) == ("warning", which) and "mode 777" in what
    do(mend)
    machine.healthy()
    folder.rmdir()
    folder.write_text("")
    level, check, what, mend = machine.only()
    assert (level, check) == ("error", which) and "is not a folder" in what
    do(mend)
    machine.healthy()


def test_state_db_that_others_can_write(machine):
    (machine.data / "state.db").touch()
    (machine.data / "state.db").chmod(0o666)
    level, check, what, mend = machine.only()
    assert (level, check) == ("warning", "data") and "state.db" in what
    do(mend)
    machine.healthy()


@pytest.mark.root
def test_folders_and_files_of_another_user(machine):
    """What root may and the user that runs it may not: each is found, and mended by what is said."""
    as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    machine.folder.chmod(0o755)
    zones = machine.folder / "zones"
    zones.mkdir(0o755)
    machine.zone = machine.zone.rename(zones / "lab.zone")
    machine.config["zones"][0]["file"] = str(machine.zone)
    (machine.data / "state.db").touch(0o640)
    machine.config["server"]["binary"] = shutil.copy(bd.COREDNS, machine.folder)
    machine.healthy()
    found = [f for f in machine.doctor(*as_nobody) if f[0] != "note"]
    whats = [f[:3] for f in found]
    assert ("error", "data", f"nobody cannot write into {machine.data}") in whats
    assert ("error", "live", f"nobody cannot write into {machine.live}") in whats
    assert ("warning", "zone", f"{machine.zone} will only be read: nobody cannot make files in {zones}") in whats
    assert ("warning", "zone", f"{machine.zone} will only be read: its group cannot be kept") in whats
    for _, _, _, mend in found:
        do(mend)
    level, check, what, mend = machine.only(*as_nobody)  # its group was mended, its owner is another one
    assert (level, check) == ("warning", "zone") and what.endswith("its owner could not edit it any more")
    do(mend)
    machine.healthy(*as_nobody)
    machine.zone.chmod(0o660)
    os.chown(machine.zone, 0, 0)
    assert ("error", "zone", f"nobody cannot read {machine.zone}") in [f[:3] for f in machine.doctor(*as_nobody)]
    machine.zone.chmod(0)
    os.chown(machine.zone, NOBODY, NOBODY)
    assert ("error", "zone", f"nobody cannot read {machine.zone}", f"chmod u+rw {machine.zone}") in machine.doctor(*as_nobody)

    token = machine.folder / "token"
    token.write_text("0123456789abcdef\n")
    token.chmod(0o600)
    machine.config["http"]["token_file"] = str(token)
    assert ("error", "secrets", f"token file {token}: Permission denied", f"chown nobody {token}  # as root") in machine.doctor(*as_nobody)

    machine.config["data"] = "/etc/betterdns-of-nobody/data"
    bad = [f for f in machine.doctor(*as_nobody) if f[1] == "data"]
    assert bad == [("error", "data", "/etc/betterdns-of-nobody/data is not there, and nobody cannot make it in /etc",
                    "install -d -m 750 -o nobody /etc/betterdns-of-nobody/data  # as root")]


def test_a_secret_that_others_can_read(machine):
    token = machine.folder / "token"
    machine.config["http"]["token_file"] = str(token)
    level, check, what, mend = machine.only()
    assert (level, check) == ("error", "secrets") and str(token) in what
    do(mend)
    machine.healthy()
    for mode in (0o640, 0o604, 0o620):
        token.chmod(mode)
        level, check, what, mend = machine.only()
        assert (level, check) == ("error", "secrets") and "can be read by others" in what
        do(mend)
        machine.healthy()
    token.write_text("short\n")
    assert "at least 16 characters" in machine.only()[2]


def test_a_zone_file_with_faults(machine):
    machine.zone.write_text(ZONE + "web A 192.0.2\n" + "x y z\n" * 9)
    bad = [f for f in machine.doctor() if f[0] != "note"]
    assert len(bad) == 6 and all(f[:2] == ("error", "zone") for f in bad)
    assert bad[0][2].startswith(f"{machine.zone}:5:7: ") and bad[0][3].startswith(f"${{EDITOR:-vi}} +5 {machine.zone}; betterdns zone check lab.example. ")
    assert bad[5][2] == f"{machine.zone}: 5 more faults"
    machine.zone.write_text(ZONE.replace("@ NS ns1\n", ""))  # a rule of the zone, not of its lines
    level, check, what, _ = machine.only()
    assert (level, check) == ("error", "zone") and str(machine.zone) in what


@pytest.mark.root
def test_files_that_only_their_folder_is_right_of(machine):
    """state.db and the Corefile of another user: found, and mended by what is said."""
    as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    machine.config["server"]["binary"] = shutil.copy(bd.COREDNS, machine.folder)
    corefile = write_block(machine, machine.folder / "Corefile")
    (machine.data / "state.db").touch()
    subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", machine.folder], check=True)
    machine.healthy(*as_nobody)
    for path, check in ((machine.data / "state.db", "data"), (corefile, "program")):
        if check == "program":
            machine.config["server"]["corefile"] = str(corefile)
        path.chmod(0o600)
        os.chown(path, 0, 0)
        level, found, what, mend = machine.only(*as_nobody)
        assert (level, found) == ("error", check) and what.endswith(str(path)) and " cannot " in what
        do(mend)
        machine.healthy(*as_nobody)


def test_the_editor_is_opened_at_the_fault(machine, monkeypatch):
    """The command that mends a zone file: here somebody's editor removes the line that it is opened at."""
    editor = program(machine, "editor", '#!/bin/sh\nsed -i "${1#+}d" "$2"\n')
    machine.config["server"]["binary"] = bd.COREDNS
    monkeypatch.setenv("EDITOR", str(editor))
    monkeypatch.setenv("PATH", f"{Path(bd.BETTERDNS).resolve().parent}:{os.environ['PATH']}")
    machine.zone.write_text(ZONE + "web A 192.0.2\n")
    do(machine.only()[3])
    machine.healthy()
    assert machine.zone.read_text() == ZONE


def test_a_zone_file_that_everybody_can_write(machine):
    machine.zone.chmod(0o666)
    level, check, what, mend = machine.only()
    assert (level, check) == ("warning", "zone") and "mode 666" in what
    do(mend)
    machine.healthy()


def test_a_zone_file_without_its_folder(machine):
    machine.config["zones"][0]["file"] = str(machine.folder / "zones" / "lab.zone")
    level, check, what, mend = machine.only()
    assert (level, check) == ("warning", "zone") and "there is no folder" in what
    do(mend)
    machine.healthy()


@pytest.mark.mounts
def test_a_zone_file_that_is_mounted_by_itself(machine):
    wrapper = [*mounts.unshare(), "--propagation", "private", "sh", "-c", 'mount --bind "$1" "$1"; shift; exec "$@"', "sh", str(machine.zone)]
    level, check, what, mend = machine.only(*wrapper)
    assert (level, check) == ("warning", "zone") and "mounted by itself" in what and "folder" in mend
    machine.config["zones"][0]["write"] = False
    machine.healthy(*wrapper)


@pytest.mark.mounts
@pytest.mark.parametrize("options, said", [("size=1m", "KiB are left for "), ("nr_inodes=50", "files (inodes) are left for ")])
@pytest.mark.parametrize("which", ["data", "live"])
def test_no_room(machine, which, options, said):
    folder = getattr(machine, which)
    script = f'mount -t tmpfs -o mode=750,{options} none "$1"; shift; exec "$@"'
    wrapper = [*mounts.unshare(), "--propagation", "private", "sh", "-c", script, "sh", str(folder)]
    level, check, what, mend = machine.only(*wrapper)
    assert (level, check) == ("warning", "room") and said + str(folder) in what and mend.startswith("du -x")


@pytest.mark.mounts
def test_live_on_a_disk(machine):
    """A note: it works. Where it is on tmpfs there is none."""
    script = 'mount -t tmpfs -o mode=750 none "$1"; shift; exec "$@"'
    wrapper = [*mounts.unshare(), "--propagation", "private", "sh", "-c", script, "sh", str(machine.live)]
    assert not any(f[1] == "tmpfs" for f in machine.healthy(*wrapper))
    kind = subprocess.run(["stat", "-f", "-c", "%T", machine.live], capture_output=True, text=True, check=True).stdout.strip()
    found = [f for f in machine.healthy() if f[1] == "tmpfs"]
    assert len(found) == (0 if kind in ("tmpfs", "ramfs") else 1), (kind, found)


def test_the_clock_is_behind_the_newest_change(machine):
    db = machine.data / "state.db-wal"
    db.touch(0o640)
    machine.healthy()
    os.utime(db, (4102444800, 4102444800))
    level, check, what, mend = machine.only()
    assert (level, check) == ("error", "clock") and "newest change is of 2100-01-01T00:00:00Z" in what and "timedatectl" in mend


def test_too_few_open_files(machine):
    level, check, what, mend = machine.only(limits=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024)))
    assert (level, check) == ("warning", "limits") and what.startswith("1024 open files") and "LimitNOFILE" in mend
    machine.healthy(limits=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 4096)))
