"""What can stand in a zone file's place without being a zone, and where a zone file cannot be written: nothing that is served changes,
registrations go on, the log and the status say what is wrong, and the next good save is taken."""
import errno
import os
import shutil
import socket

import pytest

import bd
import mounts
import saves
from test_saves import ZONE, bare, content, rest, wait_for_address, zone_status


@pytest.fixture
def make_edited(make_server):
    """A server that is not started yet; its zone file is in a folder of its own, and has comments."""
    def make(**zone):
        server = make_server()
        folder = server.folder / "zones"
        folder.mkdir()
        server.zone_file = folder / "lab.example.zone"
        server.zone_file.write_bytes(ZONE.encode("latin-1"))
        server.config["zones"][0].update(file=str(server.zone_file), **zone)
        return server
    return make


def start(server):
    server.start()
    server.register("reg", "192.0.2.200")
    return server


def unmoved(server):
    """What was served is served, and what is registered from now on too."""
    number = server.status()["seq"]
    assert bd.addresses(server.dns, "web.lab.example") == ["192.0.2.1", "192.0.2.2"]
    assert bd.addresses(server.dns, "reg.lab.example") == ["192.0.2.200"]
    assert server.register(f"meanwhile{number}", "192.0.2.201").json["served"] is True
    assert bd.addresses(server.dns, f"meanwhile{number}.lab.example") == ["192.0.2.201"]
    assert bd.addresses(server.dns, "web.lab.example") == ["192.0.2.1", "192.0.2.2"]


def says(server, state, *words):
    """The status and the log both say it, and which file it is."""
    last = {}

    def told():
        last.update(zone_status(server))
        text = " ".join(e["file"] + ": " + e["message"] for e in last["errors"])
        return last["file_state"] == state and all(word in text for word in (server.zone_file.name, *words))
    try:
        bd.wait_for(told, f"{state} {words}")
    finally:
        print(last)
    lines = [line for line in server.log().splitlines() if all(word in line for word in words)]
    assert any(server.zone_file.name in line and "level=info" not in line for line in lines), server.log()


def recovers(server, good):
    """The file as it was, and an edit of somebody who has seen what is wrong."""
    edit = saves.Edit(append="repaired 60 IN A 198.51.100.77 ; again")
    temp = server.zone_file.parent / "new"
    temp.write_bytes(edit.apply(good).encode("latin-1"))
    owner = server.zone_file.parent.stat()
    os.chown(temp, owner.st_uid, owner.st_gid)
    os.rename(temp, server.zone_file)
    wait_for_address(server, "repaired", "198.51.100.77")
    text = rest(server)
    assert "; the old web" in text and "meanwhile" in text
    assert zone_status(server)["errors"] == []


def remove(path):
    path.unlink()


def empty(path):
    path.with_name("empty").touch()
    os.rename(path.with_name("empty"), path)


def truncate(path):
    os.truncate(path, 0)


def comments_only(path):
    path.write_bytes(b"; nothing here\n\n")


def directory(path):
    remove(path)
    path.mkdir()


def fifo(path):
    remove(path)
    os.mkfifo(path)


def unix_socket(path):
    remove(path)
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(path))


def zeros(path):
    remove(path)
    with open(path, "wb") as f:
        f.truncate(1 << 30)


def some_zeros(path):
    with open(path, "ab") as f:
        f.write(b"web\0 A 192.0.2.9\n")


def leaves(path):
    """A link to a zone that is a good one, outside the folder."""
    other = path.parent.parent / "other.zone"
    other.write_bytes(ZONE.replace("192.0.2.1 ", "192.0.2.66 ").encode("latin-1"))
    remove(path)
    os.symlink("../other.zone", path)


def dangles(path):
    remove(path)
    os.symlink("nowhere", path)


def circle(path):
    remove(path)
    os.symlink(path.name, path)


ODD = {
    "emptied": (truncate, "rejected", ["it is empty"]),
    "an empty one in its place": (empty, "rejected", ["it is empty"]),
    "comments only": (comments_only, "rejected", ["SOA"]),
    "a directory": (directory, "rejected", ["it is a directory"]),
    "a FIFO": (fifo, "rejected", ["it is a FIFO, not a file"]),
    "a socket": (unix_socket, "rejected", ["it is a socket, not a file"]),
    "1 GiB of zeros": (zeros, "rejected", ["larger than 256 MiB"]),
    "a NUL byte": (some_zeros, "rejected", ["NUL"]),
    "a link that leaves": (leaves, "rejected", ["outside the directory"]),
    "a link to itself": (circle, "rejected", ["symbolic links"]),
}


@pytest.mark.parametrize("name", list(ODD))
def test_what_is_no_zone(make_edited, name):
    make, state, words = ODD[name]
    server = start(make_edited())
    good = rest(server)
    memory = bd.memory_mb(server.process.pid, "VmHWM")
    make(server.zone_file)
    says(server, state, *words)
    unmoved(server)
    assert bd.memory_mb(server.process.pid, "VmHWM") < memory + 64
    if server.zone_file.is_dir():
        server.zone_file.rmdir()
    recovers(server, good)


def test_such_a_file_survives_a_restart(make_edited):
    """Nothing is written over it while we are down either, and the zone is served as it was."""
    server = start(make_edited())
    good = rest(server)
    comments_only(server.zone_file)
    says(server, "rejected", "SOA")
    assert server.stop() == 0
    assert server.zone_file.read_bytes() == b"; nothing here\n\n"
    server.start()
    says(server, "rejected", "SOA")
    unmoved(server)
    recovers(server, good)


def test_vanished(make_edited):
    server = start(make_edited())
    rest(server)
    server.zone_file.unlink()
    bd.wait_for(lambda: zone_status(server)["file_state"] == "missing", "missing")
    unmoved(server)
    bd.wait_for(server.zone_file.exists, "it is written again")
    assert "meanwhile" in content(server) or bd.wait_for(lambda: "meanwhile" in content(server), "with all that is registered")
    bd.wait_for(lambda: zone_status(server)["file_state"] == "clean", "clean")
    assert "vanished" in server.log()


def test_its_directory_vanished(make_edited):
    server = start(make_edited())
    good = rest(server)
    away = server.folder / "away"
    os.rename(server.zone_file.parent, away)
    bd.wait_for(lambda: zone_status(server)["file_state"] != "clean", "noticed")
    unmoved(server)
    os.rename(away, server.zone_file.parent)
    recovers(server, good)


def test_a_link_within_its_directory(make_edited):
    server = make_edited()
    real = server.zone_file.parent / "sub" / "real"
    real.parent.mkdir()
    os.rename(server.zone_file, real)
    os.symlink("sub/real", server.zone_file)
    start(server)
    before = rest(server)
    edit = saves.Edit(append="linked 60 IN A 198.51.100.5 ; below")
    saves.sed(real, edit)
    wait_for_address(server, "linked", "198.51.100.5")
    assert bare(rest(server)) == bare(edit.apply(before))
    assert server.zone_file.is_symlink() and real.is_file()


# ---- where it cannot be read or written ----

def as_nobody(server):
    """Runs as a user to whom nothing belongs but what is given to it: as root, who may read everything."""
    if os.geteuid() == 0:
        for path in (server.folder, server.zone_file.parent):
            os.chown(path, 65534, 65534)
        os.chown(server.zone_file, 65534, 65534)
        binary = server.folder / "coredns"  # root's own may be where nobody else comes
        shutil.copy2(bd.COREDNS, binary)
        server.config["server"]["binary"] = str(binary)
        server.wrapper = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    return server


def test_unreadable(make_edited):
    server = start(as_nobody(make_edited()))
    good = rest(server)
    server.zone_file.chmod(0)
    says(server, "rejected", "Permission denied")
    unmoved(server)
    server.zone_file.chmod(0o644)
    recovers(server, good)


@pytest.mark.root
def test_of_somebody_else(make_edited):
    """It is read, without a lease, once it is quiet; and not written where its owner could not edit it any more."""
    server = as_nobody(make_edited())
    os.chown(server.zone_file, 1, 1)
    start(server)
    says(server, "read-only", "its")
    assert content(server) == ZONE
    edit = saves.Edit(append="theirs 60 IN A 198.51.100.6")
    saves.truncate(server.zone_file, edit)
    wait_for_address(server, "theirs", "198.51.100.6")
    assert content(server) == edit.apply(ZONE)
    unmoved(server)


@pytest.mark.mounts
def test_a_full_disk(make_edited):
    server = make_edited()
    script = 'cp "$1"/*.zone "$1"/..; mount -t tmpfs -o size=64k,mode=755 none "$1"; mv "$1"/../*.zone "$1"'
    start(mounts.mounted(server, script))
    outside, server.zone_file = server.zone_file, mounts.inside(server, server.zone_file)
    before = rest(server)
    folder = server.zone_file.parent
    bd.wait_for(lambda: not list(folder.glob(".*")), "what the export has displaced is gone too")
    filler = server.zone_file.parent / "filler"
    with pytest.raises(OSError) as full, open(filler, "wb", buffering=0) as f:
        while True:
            f.write(b"x" * 4096)
    assert full.value.errno == errno.ENOSPC
    server.register("full", "192.0.2.202")
    says(server, "pending", "No space left on device")
    unmoved(server)
    assert content(server) == before
    filler.unlink()
    bd.wait_for(lambda: "192.0.2.202" in content(server), "the export, when there is room")
    edit = saves.Edit(append="room 60 IN A 198.51.100.8")
    before = rest(server)
    saves.truncate(server.zone_file, edit)
    wait_for_address(server, "room", "198.51.100.8")
    assert bare(rest(server)) == bare(edit.apply(before))
    assert outside.name == server.zone_file.name


@pytest.mark.mounts
def test_a_read_only_mount(make_edited):
    server = mounts.mounted(make_edited(), 'mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"')
    start(server)
    says(server, "read-only", "read-only file system")
    unmoved(server)
    edit = saves.Edit(append="written 60 IN A 198.51.100.9")
    saves.sed(server.zone_file, edit)
    wait_for_address(server, "written", "198.51.100.9")
    unmoved(server)
    assert content(server) == edit.apply(ZONE)


@pytest.mark.mounts
@pytest.mark.parametrize("save", [saves.append, saves.truncate, saves.cp])
def test_a_file_mounted_by_itself(make_edited, save):
    """As containers do it: it cannot be replaced, and who writes to it does so somewhere else."""
    server = make_edited()
    original = server.folder / "original"
    os.rename(server.zone_file, original)
    server.zone_file.touch()
    start(mounts.mounted(server, f'mount --bind "{original}" "{server.zone_file}"'))
    says(server, "read-only", "mount its directory, not the file")
    unmoved(server)
    edit = saves.Edit(append="elsewhere 60 IN A 198.51.100.10")
    save(original, edit)
    wait_for_address(server, "elsewhere", "198.51.100.10")
    unmoved(server)
    assert original.read_bytes().decode("latin-1") == edit.apply(ZONE)
