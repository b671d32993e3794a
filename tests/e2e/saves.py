"""How people and their programs save a file: one function a pattern, in SAVES by name. Each takes the path and an Edit, reads what is
there, and saves it edited, by the real program where Debian has one, else by the system calls that it makes."""
import os
import shlex
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import bd

ENV = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C", "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "a",
       "GIT_AUTHOR_EMAIL": "a@lab.example", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@lab.example"}


class Edit:
    """What is done to the text: a line at its end, or every line that holds old (no characters special to sed and ed) changed."""

    def __init__(self, append=None, old=None, new=None):
        self.line, self.old, self.new = append, old, new

    def apply(self, text):
        return text + self.line + "\n" if self.old is None else text.replace(self.old, self.new)

    def __repr__(self):
        return f"append {self.line!r}" if self.old is None else f"{self.old!r} to {self.new!r}"


def run(*command, text=None, **env):
    done = subprocess.run(command, input=text, env={**ENV, **env}, capture_output=True, encoding="latin-1", timeout=bd.PATIENCE, check=False)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


def shell(command, path):
    run("sh", "-c", command, "sh", str(path))


def write_all(fd, text, pieces=1):
    data = text.encode("latin-1")
    size = -(-len(data) // pieces)
    for at in range(0, len(data), max(size, 1)):
        os.write(fd, data[at:at + size])
    os.close(fd)


def edited(path, edit):
    return edit.apply(Path(path).read_text(encoding="latin-1"))


@contextmanager
def elsewhere(path, text):
    """A file with the text, on the same file system and in another directory."""
    with tempfile.TemporaryDirectory(dir=Path(path).parent.parent) as folder:
        other = Path(folder) / Path(path).name
        other.write_text(text, encoding="latin-1")
        os.chmod(other, 0o644)
        yield other


# ---- the shell and the usual tools ----

def truncate(path, edit):
    text = edited(path, edit)
    write_all(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), text)


def in_pieces(path, edit):
    """As `>` with a small buffer: every piece is a look at half a zone."""
    text = edited(path, edit)
    write_all(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), text, pieces=16)


def append(path, edit):
    """`>>`: an edit that changes lines is first made by sed -i."""
    if edit.old is not None:
        sed(path, edit)
        return
    shell(f"echo {shlex.quote(edit.line)} >>\"$1\"", path)


def tee(path, edit):
    run("tee", str(path), text=edited(path, edit))


def dd(path, edit):
    run("dd", f"of={path}", "conv=fsync", text=edited(path, edit))


def cp(path, edit):
    with elsewhere(path, edited(path, edit)) as other:
        run("cp", str(other), str(path))


def cp_anew(path, edit):
    with elsewhere(path, edited(path, edit)) as other:
        run("cp", "--remove-destination", str(other), str(path))


def mv(path, edit):
    with elsewhere(path, edited(path, edit)) as other:
        run("mv", str(other), str(path))


def install(path, edit):
    with elsewhere(path, edited(path, edit)) as other:
        run("install", "-m", "644", str(other), str(path))


def rsync(path, edit):
    with elsewhere(path, edited(path, edit)) as other:
        run("rsync", "-t", "--checksum", str(other), str(path))


def rsync_inplace(path, edit):
    with elsewhere(path, edited(path, edit)) as other:
        run("rsync", "--inplace", "--checksum", str(other), str(path))


def sed(path, edit):
    script = f"$a {edit.line}" if edit.old is None else f"s/{edit.old}/{edit.new}/"
    run("sed", "-i", "-e", script, str(path))


def sed_backup(path, edit):
    script = f"$a {edit.line}" if edit.old is None else f"s/{edit.old}/{edit.new}/"
    run("sed", "-i.bak", "-e", script, str(path))


def perl(path, edit):
    """The file is removed, and then written under its name."""
    script = 'print; print "$ENV{LINE}\n" if eof' if edit.old is None else "s/\\Q$ENV{OLD}\\E/$ENV{NEW}/; print"
    run("perl", "-i", "-ne", script, str(path), LINE=edit.line or "", OLD=edit.old or "", NEW=edit.new or "")


def patch(path, edit):
    with elsewhere(path, edited(path, edit)) as other:
        done = subprocess.run(["diff", "-u", str(path), str(other)], capture_output=True, encoding="latin-1",
                              timeout=bd.PATIENCE, check=False)
        assert done.returncode in (0, 1), done
        if done.returncode:
            run("patch", "--no-backup-if-mismatch", str(path), text=done.stdout)


def git(path, edit):
    """A deployment: the new version is committed elsewhere, and checked out over the old one."""
    with elsewhere(path, edited(path, edit)) as other:
        bare = ["git", f"--git-dir={other.parent}/git"]
        run(*bare, f"--work-tree={other.parent}", "init", "-q")
        run(*bare, f"--work-tree={other.parent}", "add", other.name)
        run(*bare, f"--work-tree={other.parent}", "commit", "-qm", "zone")
        run(*bare, f"--work-tree={Path(path).parent}", "checkout", "-qf", "HEAD", "--", other.name)


# ---- editors ----

def ed(path, edit):
    script = f"$a\n{edit.line}\n.\n" if edit.old is None else f"g/{edit.old}/s//{edit.new}/\n"
    run("ed", "-s", str(path), text=script + "w\nq\n")


def vi_with(settings="", end="w!"):
    def vi(path, edit):
        change = f"$a\n{edit.line}\n." if edit.old is None else f"%s/{edit.old}/{edit.new}/"
        said = run("vi", "-u", "NONE", "-e", "-s", str(path), text=f"set nocp enc=latin1 {settings}\n{change}\n{end}\np\nq!\n")
        # Where the file is another one than it has read it asks, takes the rest of its commands for the answer, and ends with 0.
        assert said, "vi has given up without a word"
    return vi


def nano(path, edit):
    """A lock file beside it, the file truncated and written, the lock file removed."""
    lock = Path(path).parent / f".{Path(path).name}.swp"
    lock.write_bytes(b"b0nano")
    text = edited(path, edit)
    write_all(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666), text)
    lock.unlink()


def emacs(path, edit):
    """A lock that is a link to nowhere; the first save of a session renames the file to NAME~ and makes a new one."""
    lock = Path(path).parent / f".#{Path(path).name}"
    os.symlink("admin@desk.4711:1700000000", lock)
    text = edited(path, edit)
    mode = os.stat(path).st_mode & 0o7777
    os.rename(path, f"{path}~")
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    os.fchmod(fd, mode)
    write_all(fd, text)
    lock.unlink()


def emacs_again(path, edit):
    """The later saves of a session, and file-precious-flag: written beside it, then renamed over it."""
    text = edited(path, edit)
    temp = Path(path).parent / f"#{Path(path).name}#tmp"
    fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    os.fsync(fd)
    write_all(fd, text)
    os.rename(temp, path)


def desktop(path, edit):
    """GLib and Qt: a hidden temporary file, fsync, rename."""
    text = edited(path, edit)
    fd, temp = tempfile.mkstemp(prefix=".goutputstream-", dir=Path(path).parent)
    os.fchmod(fd, 0o644)
    os.fsync(fd)
    write_all(fd, text)
    os.rename(temp, path)


SAVES = {
    ">": truncate, "> in pieces": in_pieces, ">>": append, "tee": tee, "dd": dd, "cp": cp, "cp --remove-destination": cp_anew, "mv": mv,
    "install": install, "rsync": rsync, "rsync --inplace": rsync_inplace, "sed -i": sed, "sed -i.bak": sed_backup, "perl -i": perl,
    "patch": patch, "git checkout": git, "ed": ed, "vi": vi_with(), "vi, a backup by copy": vi_with("backup backupcopy=yes"),
    "vi, a backup by rename": vi_with("backup backupcopy=no"), "vi, :w twice": vi_with(end="w!\nw!"), "nano": nano, "emacs": emacs,
    "emacs, later": emacs_again, "GLib, Qt": desktop,
}


def save(pattern, path, edit):
    """As its author does it who looks again: vi, git and patch give up where the file is replaced beside them; cp and install where it
    is back before they make it anew."""
    try:
        SAVES[pattern](path, edit)
    except AssertionError:
        if not pattern.startswith(("vi", "git", "patch", "cp --remove", "install")):
            raise
        sed(path, edit)


class ConfigMap:
    """A volume as Kubernetes makes it: zone -> ..data/zone, ..data -> ..NUMBER; a new version is one rename of ..data."""

    def __init__(self, folder, name, text):
        self.folder, self.name, self.version = Path(folder), name, 0
        self.publish(text)
        os.symlink(f"..data/{name}", self.folder / name)

    def publish(self, text):
        old = self.folder / f"..{self.version}"
        self.version += 1
        new = self.folder / f"..{self.version}"
        new.mkdir()
        (new / self.name).write_text(text, encoding="latin-1")
        os.symlink(new.name, self.folder / "..data_tmp")
        os.rename(self.folder / "..data_tmp", self.folder / "..data")
        if old.is_dir():
            for entry in old.iterdir():
                entry.unlink()
            old.rmdir()

    def save(self, edit):
        self.publish(edit.apply((self.folder / self.name).read_text(encoding="latin-1")))
