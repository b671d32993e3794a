"""A disk whose power can be cut: an ext4 image on a loop device, in a mount namespace of this process, so that both are gone with
its last process, however that ends. EXT4_IOC_SHUTDOWN without a flush of the journal keeps what had reached the device and drops
what was only in memory: kill -9 cannot do that, the page cache survives it. What it cannot show: a disk that lies about its flush.
An fdatasync that is under way while the ioctl runs may return 0 although its commit was dropped (seen by a bare append loop, in 14
of 100 cuts): nobody could have read that answer without power, so only what was told before the ioctl counts."""
import contextlib
import ctypes
import errno
import fcntl
import os
import shutil
import signal
import select
import struct
import subprocess
import tempfile
from pathlib import Path

import bd
from fault import FOLDER

EXT4_IOC_SHUTDOWN = 0x8004587d  # _IOR('X', 125, __u32)
NOLOGFLUSH = 2
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000
CONTROL = {"LD_PRELOAD": str(FOLDER / "preload_nosync.so")}


def missing():
    """What this machine lacks for power cuts, or None."""
    if os.geteuid() != 0:
        return "not root"
    if not os.path.exists("/dev/loop-control"):
        return "no loop devices"
    with open("/proc/self/status", encoding="ascii") as status:
        capable = int(next(line for line in status if line.startswith("CapEff")).split()[1], 16)
    return None if capable >> 21 & 1 else "no right to mount (CAP_SYS_ADMIN)"


def enter_namespace():
    """Once a process, before it has threads: mounts are seen by this process and its children alone."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) or libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None):
        raise OSError(ctypes.get_errno(), "a mount namespace")


def folder():
    """In memory where there is room: cuts by the thousand are no work for a disk."""
    room = os.path.isdir("/dev/shm") and shutil.disk_usage("/dev/shm").free > 1 << 30
    return Path(tempfile.mkdtemp(prefix="betterdns-test.", dir="/dev/shm" if room else None))


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=bd.PATIENCE, check=False)
    return done.returncode == 0, done.stderr


@contextlib.contextmanager
def scratch(content):
    """The path of a file with these bytes, for a command that wants one."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        yield file.name


class Disk:
    def __init__(self, place, megabytes):
        self.image, self.point = place / "image", place / "disk"
        self.megabytes = megabytes
        self.point.mkdir()
        self.mounted = False
        self.format()

    def format(self, options="data=ordered,barrier=1"):
        with open(self.image, "wb") as image:
            image.truncate(self.megabytes << 20)
        ok, why = run("mkfs.ext4", "-q", "-F", str(self.image))
        assert ok, why
        self.mount(options)

    def mount(self, options="data=ordered,barrier=1"):
        ok, why = run("mount", "-t", "ext4", "-o", f"loop,{options}", str(self.image), str(self.point))
        assert ok, why
        self.mounted = True

    def unmount(self):
        if self.mounted:
            bd.wait_for(lambda: run("umount", str(self.point))[0], f"{self.point} can be unmounted")
            self.mounted = False

    def fill(self, room=0):
        """All that is free but so many bytes, what is kept for root too."""
        fd = os.open(self.point / "ballast", os.O_WRONLY | os.O_CREAT)
        try:
            free = os.fstatvfs(fd)
            rest = free.f_bfree * free.f_frsize - room
            while rest >= free.f_frsize:
                try:
                    os.posix_fallocate(fd, os.fstat(fd).st_size, rest)
                    break
                except OSError as error:
                    assert error.errno == errno.ENOSPC
                    rest //= 2
        finally:
            os.close(fd)

    def make_room(self):
        (self.point / "ballast").unlink(missing_ok=True)

    def cut(self):
        """From here on nothing reaches the device."""
        fd = os.open(self.point, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, EXT4_IOC_SHUTDOWN, struct.pack("=I", NOLOGFLUSH))
        finally:
            os.close(fd)

    def sync(self):
        fd = os.open(self.point, os.O_RDONLY)
        try:
            assert ctypes.CDLL(None).syncfs(fd) == 0
        finally:
            os.close(fd)


def end_process(pid):
    """Not always a child of ours; afterwards none of its files is open."""
    try:
        watch = os.pidfd_open(pid)
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    try:
        assert select.select([watch], [], [], bd.PATIENCE)[0], f"{pid} does not end"
    finally:
        os.close(watch)


class Machine(bd.Server):
    """A betterdns whose data and zone file are on a disk of its own, and its live copies on what a power cut empties."""

    def __init__(self, megabytes=256, **options):
        place = folder()
        super().__init__(place, **options)
        self.disk = None
        try:
            self.disk = Disk(place, megabytes)
        finally:
            if self.disk is None:
                shutil.rmtree(place, ignore_errors=True)
        self.data = self.disk.point / "data"
        self.zone_file = self.disk.point / "zones" / "lab.example.zone"
        self.config["data"] = str(self.data)
        self.config["zones"][0]["file"] = str(self.zone_file)
        self.prepare()

    def prepare(self):
        self.zone_file.parent.mkdir()
        self.disk.sync()

    def launch_without_sync(self):
        self.env.update(CONTROL)
        try:
            self.start()
        finally:
            for name in CONTROL:
                del self.env[name]

    def note_child(self):
        """By what they run: once the power is off their locks cannot be read."""
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if str(self.live).encode() in path.read_bytes():
                    self.children.add(int(path.parent.name))
            except OSError:
                continue
        return self.children

    def power_off(self, linger=0.0):
        """The cut; whoever runs has that long to say something wrong; then nobody runs."""
        self.disk.cut()
        select.select([], [], [], linger)
        end_process(self.process.pid)
        self.process.wait(bd.PATIENCE)
        for pid in self.note_child():
            end_process(pid)
        self.children.clear()
        self.disk.unmount()
        shutil.rmtree(self.live, ignore_errors=True)

    def power_on(self):
        self.disk.mount()

    def new_disk(self):
        self.disk.unmount()
        self.disk.format()
        self.prepare()

    def close(self):
        try:
            if self.process:
                super().close()
        finally:
            for pid in self.children:
                end_process(pid)
            if self.disk:
                self.disk.unmount()
            shutil.rmtree(self.folder, ignore_errors=True)
