"""The last good Corefile of the user's own outlives betterdns: a bad edit never takes DNS down, not at a later start either."""
import os
import signal
import subprocess

import pytest

import bd
from test_corefile import BLOCK, other, refused, text
from test_replace import events
from test_strategy import write


@pytest.fixture(name="server")
def started_with_a_good_one(make_server):
    server = make_server()
    server.corefile = server.folder / "my.Corefile"
    server.config["server"]["corefile"] = str(server.corefile)
    server.corefile.write_text(text(server))
    server.start()
    assert server.register("web", "10.0.0.1").json["served"] is True
    bd.wait_for((server.data / "corefile.good").exists, "it to be kept")
    return server


def crash(server, *, both):
    """kill -9 of betterdns, or of the DNS server too; the DNS server's pid."""
    pid = server.status()["server"]["pid"]
    server.kill()
    if both:
        os.kill(pid, signal.SIGKILL)
        bd.wait_for(lambda: not server.processes(), "its end")
    return pid


def spoil(server, how):
    if how == "is gone":
        server.corefile.unlink()
        return f"{server.corefile} cannot be read"
    if how == "lacks our zone":
        server.corefile.write_text(text(server, block="", address="192.0.2.1"))
        return "has no block for lab.example."
    server.corefile.write_text(text(server, more="nonsense", address="192.0.2.1"))
    return f"{server.corefile}:5 - Error during parsing: Unknown directive 'nonsense'"


def mend(server):
    server.corefile.write_text(text(server, address="192.0.2.7"))
    bd.wait_for(lambda: other(server) == ["192.0.2.7"], "the mended one")
    bd.wait_for(lambda: server.status()["server"]["reason"] is None, "the end of the trouble")
    assert write(server, "mended", "10.0.0.3")[0] == 201
    assert server.dig("mended.lab.example") == ["10.0.0.3"]


@pytest.mark.parametrize("both", [True, False], ids=["of both", "of betterdns"])
@pytest.mark.parametrize("how", ["is bad", "lacks our zone", "is gone"])
def test_a_start_with_a_bad_one_after_a_crash(server, how, both):
    pid = crash(server, both=both)
    says = spoil(server, how)
    server.start()
    status = server.status()["server"]
    assert (status["pid"] == pid and status["adopted"]) is not both
    assert other(server) == ["192.0.2.99"] and server.dig("web.lab.example") == ["10.0.0.1"]
    assert says in status["reason"] and "the last good one stays" in status["reason"], status
    assert status["reason"] in server.log()
    assert status["reason"] in [e["detail"] for e in events(server, "rejected")]
    assert server.register("after", "10.0.0.2").json["served"] is True
    mend(server)
    assert len(server.processes()) == 1


def test_it_is_kept_over_many_starts(server):
    for _ in range(3):
        crash(server, both=True)
        spoil(server, "is bad")
        server.start()
        assert other(server) == ["192.0.2.99"]
    mend(server)
    kept = server.data / "corefile.good"
    bd.wait_for(lambda: "192.0.2.7" in kept.read_text(), "the mended one to be kept")
    crash(server, both=True)
    spoil(server, "is bad")
    server.start()
    assert other(server) == ["192.0.2.7"]


def test_a_bad_edit_before_the_crash(server):
    """Refused while betterdns ran, and met again at the next start."""
    spoil(server, "is bad")
    bd.wait_for(lambda: server.status()["server"]["reason"], "the refusal")
    crash(server, both=True)
    server.start()
    assert other(server) == ["192.0.2.99"] and server.dig("web.lab.example") == ["10.0.0.1"]
    mend(server)


@pytest.mark.parametrize("bad", [True, False], ids=["bad since", "good still"])
def test_a_living_one_is_adopted_by_what_it_has_read_since_its_start(server, bad):
    server.corefile.write_text(text(server, address="192.0.2.5"))
    bd.wait_for(lambda: "192.0.2.5" in (server.data / "corefile.good").read_text(), "it to be kept")
    pid = crash(server, both=False)
    if bad:
        spoil(server, "is bad")
    server.start()
    assert server.status()["server"]["pid"] == pid and other(server) == ["192.0.2.5"]
    assert server.register("after", "10.0.0.2").json["served"] is True
    assert bool(server.status()["server"]["reason"]) is bad


def test_a_good_edit_while_nobody_ran_is_taken(server):
    crash(server, both=True)
    server.corefile.write_text(text(server, address="192.0.2.8"))
    server.start()
    assert other(server) == ["192.0.2.8"] and server.status()["server"]["reason"] is None
    bd.wait_for(lambda: "192.0.2.8" in (server.data / "corefile.good").read_text(), "it to be kept")


def test_what_was_imported_is_kept_too(server):
    (server.folder / "more.conf").write_text(text(server, block=""))
    server.corefile.write_text(text(server).split("other.example")[0] + "import more.conf\n")
    bd.wait_for(lambda: "import more.conf" in server.corefile.read_text() and other(server) == ["192.0.2.99"], "the new one")
    (server.folder / "more.conf").write_text(text(server, block="", address="192.0.2.4"))
    bd.wait_for(lambda: "192.0.2.4" in (server.data / "corefile.good").read_text(), "it to be kept")
    assert other(server) == ["192.0.2.4"]
    crash(server, both=True)
    (server.folder / "more.conf").write_text("nonsense {\n")
    server.start()
    assert other(server) == ["192.0.2.4"]
    assert f"{server.folder}/more.conf:1 - " in server.status()["server"]["reason"]


def test_without_a_whole_one_a_bad_one_is_refused(server):
    """A first start with this file, or one whose good one was damaged: who starts it wants to know."""
    assert server.stop() == 0
    spoil(server, "is bad")
    kept = server.data / "corefile.good"
    whole = kept.read_text()
    for damaged in ("", whole[:-2], whole.replace("192.0.2.99", "192.0.2.98"), "# nothing\n"):
        kept.write_text(damaged)
        assert "Unknown directive 'nonsense'" in refused(server)
    kept.write_text(whole)
    server.corefile.rename(server.folder / "another.Corefile")
    server.config["server"]["corefile"] = str(server.folder / "another.Corefile")
    assert "Unknown directive 'nonsense'" in refused(server)


def test_one_whose_served_cannot_be_told_is_kept_once_it_has_started(make_server):
    server = make_server()
    server.corefile = server.folder / "my.Corefile"
    server.config["server"]["corefile"] = str(server.corefile)
    block = BLOCK.replace("nsid {{$BETTERDNS_NSID}}\n", "")
    server.corefile.write_text(text(server, block=block))
    server.start()
    bd.wait_for((server.data / "corefile.good").exists, "it to be kept")
    server.corefile.write_text(text(server, block=block, more="nonsense"))
    bd.wait_for(lambda: "Unknown directive" in server.log(), "the bad one to be read")
    crash(server, both=True)
    server.start()
    assert other(server) == ["192.0.2.99"]


def told(server, command, code):
    done = subprocess.run([bd.BETTERDNS, command, "-c", str(server.config_file)], capture_output=True, text=True, timeout=bd.PATIENCE,
                          check=False)
    assert done.returncode == code, done
    return done.stdout + done.stderr


def test_doctor_and_check_say_it(server):
    good = server.corefile.read_text()
    assert f"Corefile {server.corefile} has a block for each zone" in told(server, "check", 0)
    assert "server.corefile" not in told(server, "doctor", 0)
    spoil(server, "is bad")
    told(server, "check", 0)  # what CoreDNS says of it is not known before it reads it
    assert f"warning: program: server.corefile: {server.corefile} is not in force" in told(server, "doctor", 1)
    spoil(server, "lacks our zone")
    bd.wait_for(lambda: "has no block" in (server.status()["server"]["reason"] or ""), "the refusal")
    assert "has no block for lab.example." in told(server, "check", 7)
    assert "warning: program: server.corefile: " in told(server, "doctor", 1)
    assert server.stop() == 0
    (server.data / "corefile.good").unlink()
    assert "error: program: server.corefile: " in told(server, "doctor", 1)
    server.corefile.write_text(good)
    assert "server.corefile" not in told(server, "doctor", 0)
