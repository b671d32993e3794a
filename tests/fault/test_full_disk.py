"""A disk without any room, a real one: at a start DNS and reads go on and changes are refused; all is well again when there is room.
And its power cut while writers, checkpoints and a fresh state.db run into its end: what was acknowledged is there afterwards."""
import errno
import http.client
import os
import random
import threading

import pytest

import bd
import power
from fault import Faults
from test_kill import FORM, WRITERS
from test_power import Campaign, names, say

pytestmark = [pytest.mark.power, pytest.mark.slow]
WAL_DUE = 4080 * 4120  # in a few commits it is as long as PAGES_DUE of src/registry/checkpoint.c


@pytest.fixture
def make_machine():
    made = []

    def make(**options):
        made.append(power.Machine(**options))
        return made[-1]

    try:
        yield make
    finally:
        for machine in made:
            machine.close()


def post(machine, name):
    return machine.curl("-d", f"name={name}", "-d", "value=192.0.2.9", path="/a")


def refused(machine, name):
    answer = post(machine, name)
    assert answer.status in (201, 503), answer
    if answer.status == 201:
        return False
    assert answer.json["type"] == "urn:betterdns:problem:store-full" and int(answer.headers["retry-after"]) > 0, answer
    return True


def fill(machine):
    """Until not even the pages that SQLite has are enough for a change."""
    machine.disk.fill()
    for number in range(1000):
        if machine.process.poll() is not None or refused(machine, f"fill{number}"):
            break
    machine.disk.fill()


def works_without_room(machine):
    assert machine.dig("web.lab.example") == ["192.0.2.7"]
    assert machine.get("/a/web")["values"] == ["192.0.2.7"]
    bd.wait_for(lambda: refused(machine, f"x{random.getrandbits(60)}"), "a change that is refused")
    assert machine.status()["read_only"] is False


def works_again(machine):
    machine.disk.make_room()
    bd.wait_for(lambda: post(machine, "again").status == 201, "a change that is taken")
    assert machine.register("served", "192.0.2.8").json["served"] is True
    assert machine.dig("served.lab.example") == ["192.0.2.8"]


# Full before the stop: the WAL stays; after it: there is no WAL, and no index of it, until the start makes them.
@pytest.mark.parametrize("full_at_stop", [True, False])
@pytest.mark.parametrize("keep", [True, False])
def test_a_start_on_a_full_disk(make_machine, keep, full_at_stop):
    machine = make_machine(megabytes=32, server={"on_stop": "keep" if keep else "stop"})
    machine.start()
    assert machine.register("web", "192.0.2.7").status == 201
    if full_at_stop:
        fill(machine)
    assert machine.stop() == 0
    machine.disk.fill()
    machine.start()
    machine.disk.fill()
    works_without_room(machine)
    server = machine.status()["server"]
    assert server["adopted"] is keep
    works_again(machine)
    # The lock of a child that was started without room says by now who it is.
    bd.wait_for(lambda: any(f"pid {server['pid']}\n" in lock.read_text() for lock in machine.data.glob("child.*.lock")),
                "the child's lock names it")
    machine.kill()
    machine.start()
    assert machine.status()["server"]["pid"] == server["pid"]
    assert names(machine) >= {"web.lab.example.", "again.lab.example.", "served.lab.example."}


def test_live_copies_without_room(make_machine):
    """On the same disk, and gone (a reboot): they are tried again; reading goes on, and the status says which folder it is."""
    machine = make_machine(megabytes=32)
    machine.live = machine.disk.point / "live"
    machine.config["live"] = str(machine.live)
    machine.start()
    assert machine.register("web", "192.0.2.7").status == 201
    assert machine.stop() == 0
    for path in machine.live.iterdir():
        path.unlink()
    machine.disk.fill()
    machine.launch()

    def answers():
        try:
            return machine.request("GET", "/a/web")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    bd.wait_for(lambda: machine.process.poll() is not None or answers(), "an answer")
    reason = bd.wait_for(lambda: machine.process.poll() is not None or
                         ("make room" in str(machine.status()["server"]["reason"]) and machine.status()["server"]["reason"]), "a reason")
    assert machine.process.poll() is None and str(machine.live) in reason, (reason, machine.log())
    assert machine.curl(path="/readyz").status == 503
    machine.disk.make_room()
    bd.wait_for(machine.is_ready, "readiness")
    assert machine.dig("web.lab.example") == ["192.0.2.7"]
    works_again(machine)


def lengthen_wal(machine):
    """So far that a checkpoint is due at the first commit after each start, which has to make state.db many times larger."""
    wal, number = machine.data / "state.db-wal", 0
    while wal.stat().st_size < WAL_DUE:
        number += 1
        values = "".join(f"&value=10.{number % 256}.{n >> 8}.{n & 255}" for n in range(400))
        status, text = machine.request("POST", "/a", "name=bulk" + values, FORM)
        assert status in (200, 201), text
    machine.curl("-X", "DELETE", path="/a/bulk", check=True)  # a small zone, so that the rounds are short


STAY = "pages stay in the write-ahead log"


def cut_full(machine, rounds, rounds_a_disk=12):
    """Room comes and goes under the writers; in each second round an fsync fails too, and a fresh state.db wants room. Then the
    power goes; the next start has room. Some rounds more where none of them met a checkpoint."""
    faults = Faults(machine.folder / "faults")
    machine.env.update(faults.env)
    campaign = Campaign(machine)
    for number in range(3 * rounds):
        if number >= rounds and STAY in machine.log():
            break
        # The first rounds of a disk are those in which a checkpoint is due; those beyond the asked ones are all first ones.
        first = number % rounds_a_disk == 0 or number >= rounds
        if number and first:
            machine.new_disk()
            campaign.known, campaign.serial = {}, 0
        machine.start()
        assert campaign.check() == []
        if first:
            lengthen_wal(machine)
        machine.disk.fill(3 << 20 if first else 1 << 20 if number % 3 == 0 else 1 << 24)  # for commits, not for the pages
        threads = campaign.write(random.uniform(0.02, 0.2))
        machine.disk.fill(random.choice((0, random.randrange(1 << 16), random.randrange(1 << 20))))
        if number % 2:
            faults.only(process=machine.process.pid, below=machine.data)
            faults.arm("sync", random.choice((1, 5, 20)), errno.EIO)
        threading.Event().wait(random.uniform(0, 0.6))
        if number % 3 == 1:
            machine.disk.make_room()
            threading.Event().wait(random.uniform(0, 0.1))
            machine.disk.fill(random.randrange(1 << 18))
            threading.Event().wait(random.uniform(0, 0.1))
        campaign.cut(*threads)
        faults.disarm("sync")
        machine.power_on()
        machine.disk.make_room()
    machine.start()
    assert campaign.check() == []
    log = machine.log()
    full, stay = log.count("state.db: no room"), log.count(STAY)
    fresh = log.count("a fresh one cannot be written yet")
    say(f"{rounds} cuts at least, {campaign.acknowledged} acknowledged, none lost; full: {full} changes, {stay} checkpoints, {fresh} rebuilds")
    assert full >= rounds // 2 and stay > 0 and campaign.acknowledged > rounds * WRITERS // 2, "too few to mean anything"


def test_cuts_of_a_full_disk(make_machine):
    cut_full(make_machine(megabytes=96), 8)


@pytest.mark.soak
def test_full_disk_soak(make_machine):
    cut_full(make_machine(megabytes=96), max(2, int(os.environ.get("BETTERDNS_SOAK_ROUNDS", "10000")) // 10))
