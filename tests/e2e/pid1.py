"""systemd itself, as the first process of namespaces that a test makes and that go with it: processes, mounts, network, cgroups.
It knows the units below /opt there, and nothing of this machine's own; /etc is a copy, /run, /opt and /var/lib are new."""
import functools
import os
import shutil
import signal
import subprocess
from pathlib import Path

import bd

SYSTEMD = "/lib/systemd/systemd"
PREFIX = "/opt/betterdns"
UID = 61234
ADDRESS, HOSTNAME = "10.0.0.53", "web01"  # of the machine, beside 127.0.0.1
# What the units that come with systemd would do on a machine, and a service's default dependencies ask for.
TARGETS = ("sysinit", "basic", "shutdown", "network-online", "test")

# $1 the folder, $2 the cgroup's name, $3 the build, $4 the sources
OUTSIDE = """set -e
mkdir -p "$1/cgroup"
mount -t cgroup2 none "$1/cgroup"
mkdir "$1/cgroup/$2"
echo $$ >"$1/cgroup/$2/cgroup.procs"
exec unshare --cgroup --mount --propagation private sh -ec "$INSIDE" sh "$@"
"""
INSIDE = f"""
umount -R /sys/fs/cgroup 2>/dev/null || umount -l /sys/fs/cgroup 2>/dev/null || :
mount -t cgroup2 none /sys/fs/cgroup
mount --bind "$1/etc" /etc
for new in /run /opt /var/lib; do mount -t tmpfs -o mode=755 none $new; done
ip link set lo up
ip address add {ADDRESS}/32 dev lo
hostname {HOSTNAME}
"$4/.mk/install.sh" install "$3" "" {PREFIX}
install -m 755 "$1"/programs/* {PREFIX}/bin
cp -r "$1/units" /opt/units
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=betterdns-test SYSTEMD_UNIT_PATH=/opt/units:{PREFIX}/lib/systemd/system \\
    {SYSTEMD} --system --log-target=console --show-status=0 --unit=test.target
"""


def unshare():
    return ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--propagation", "private", "--ipc", "--uts", "--net", "--mount-proc"]


@functools.lru_cache
def missing():
    """What this machine lacks for it, or None."""
    if os.geteuid() != 0:
        return "not root"
    if not os.path.exists(SYSTEMD):
        return "no systemd"
    script = 'set -e; mount -t cgroup2 none /mnt; d=$(mktemp -d /mnt/betterdns-test.XXXXXX); trap "rmdir $d" EXIT; ' \
             "unshare --cgroup --mount true"
    done = subprocess.run([*unshare(), "sh", "-c", script], capture_output=True, text=True, timeout=bd.PATIENCE, check=False)
    return None if done.returncode == 0 else done.stderr.strip() or "no right to make namespaces"


class Machine:
    def __init__(self, folder, config, drop_in="", units=(), files=None, programs=(bd.COREDNS,)):
        self.folder = Path(folder)
        self.name = f"betterdns-{self.folder.name}"
        self.make_etc(config, files or {})
        (self.folder / "programs").mkdir()
        for path in programs:
            (self.folder / "programs" / Path(path).name).symlink_to(path)
        own, units = units, self.folder / "units"
        (units / "betterdns.service.d").mkdir(parents=True)
        for name in TARGETS:
            (units / f"{name}.target").write_text(f"[Unit]\nDescription={name}\nDefaultDependencies=no\n")
        for path in own:
            shutil.copy(path, units)
        (units / "betterdns.service.d" / "test.conf").write_text(
            f"[Service]\nStandardOutput=append:/run/betterdns.log\nStandardError=append:/run/betterdns.log\n{drop_in}")
        self.log = open(self.folder / "console", "wb")
        build = Path(bd.BETTERDNS).resolve().parent
        self.process = subprocess.Popen(
            # it does not outlive the test's process, whatever ends that
            ["setpriv", "--pdeathsig", "KILL", *unshare(), "sh", "-c", OUTSIDE, "sh", str(self.folder), self.name, str(build), str(bd.ROOT)],
            env=dict(os.environ, INSIDE=INSIDE), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)
        try:
            self.wait_until_it_runs()
        except BaseException:
            self.close()
            raise

    def wait_until_it_runs(self):
        said = ""

        def runs():
            nonlocal said
            assert self.process.poll() is None, "it ended"
            said = self.systemctl("is-active", "test.target")[1]
            return said == "active"

        try:
            bd.wait_for(runs, "systemd to run")
        except AssertionError as error:
            raise AssertionError(f"{error}\nsystemctl: {said}\n{(self.folder / 'console').read_text()}") from None

    def make_etc(self, config, files):
        etc = self.folder / "etc"
        etc.mkdir()
        for name in ("passwd", "group", "nsswitch.conf", "ld.so.cache", "ld.so.conf", "ssl", "alternatives", "hosts"):
            path = Path("/etc") / name
            if path.is_dir():
                shutil.copytree(path, etc / name, symlinks=True)
            elif path.exists():
                shutil.copy(path, etc / name)
        for name, line in (("passwd", f"betterdns:x:{UID}:{UID}::/var/lib/betterdns:/usr/sbin/nologin\n"), ("group", f"betterdns:x:{UID}:\n")):
            with open(etc / name, "a", encoding="utf-8") as file:
                file.write(line)
        (etc / "machine-id").write_text("0123456789abcdef0123456789abcdef\n")
        (etc / "betterdns").mkdir()
        (etc / "betterdns" / "betterdns.yaml").write_text(config)
        for name, text in files.items():
            (etc / name).write_text(text)
            (etc / name).chmod(0o600)
            os.chown(etc / name, UID, UID)

    def pid(self):
        """systemd's, as this machine counts."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return children[0] if children else "0"

    def run(self, *command, user=None):
        """A command inside: (status, what it prints)."""
        su = ["setpriv", "--reuid", user, "--clear-groups"] if user else []
        # --root: where all of this runs in a chroot, a mount namespace alone leads to the root outside of it
        inside = ["nsenter", "--target", self.pid(), "--mount", "--root", "--wd", "--net", "--pid", "--ipc", "--uts", "--cgroup"]
        done = subprocess.run([*inside, *su, *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=bd.PATIENCE, check=False, start_new_session=True)
        return done.returncode, done.stdout.strip()

    def kill(self, how, pid):
        assert int(pid) > 1, f"there is no process to {how}"
        assert self.run("kill", f"-{how}", str(pid))[0] == 0

    def systemctl(self, *words):
        return self.run("systemctl", *words)

    def show(self, name):
        status, text = self.systemctl("show", "betterdns.service", "--value", "--property", name)
        assert status == 0, text
        return text

    def path(self, inside):
        return Path(f"/proc/{self.pid()}/root{inside}")

    def close(self):
        """The first process takes all others along; their cgroups stay and are removed."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(bd.PATIENCE)
        self.log.close()
        remove = f'mount -t cgroup2 none /mnt && find "/mnt/{self.name}" -depth -type d -exec rmdir {{}} +'
        bd.wait_for(lambda: subprocess.run(["unshare", "--mount", "sh", "-c", remove], capture_output=True, check=False).returncode == 0,
                    "the end of the cgroups")


def started(config, **more):
    """A machine on which betterdns runs with that configuration: for a fixture, `yield from` it."""
    folder = bd.temporary_folder()
    m = None
    try:
        m = Machine(folder, config, **more)
        status, said = m.systemctl("start", "betterdns.service")
        assert status == 0, said + m.path("/run/betterdns.log").read_text()
        yield m
    finally:
        if m:
            m.close()
        shutil.rmtree(folder, ignore_errors=True)
