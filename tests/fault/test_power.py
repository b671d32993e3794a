"""Power cuts: what was acknowledged is there when the power is back, in state.db and in what is served; the people's file is an old
or a new one, never half of one. The same without fsync loses some: the cut bites. The short form runs in make test, make soak has
10,000 rounds."""
import errno
import os
import random
import re
import struct
import subprocess
import threading

import pytest

import bd
import dnswire
import power
from fault import Faults
from test_kill import WRITERS, ABSENT, Writer, compare

pytestmark = [pytest.mark.power, pytest.mark.slow]
ROUNDS_A_DISK = 50
APEX = (b"lab", b"example")


def served_serial(machine):
    """None: it does not answer."""
    try:
        rcode, records = dnswire.ask(machine.dns, APEX, dnswire.TYPES["SOA"], 1)
    except (OSError, struct.error, TypeError, AssertionError):
        return None
    return struct.unpack(">I", records[0][3][-20:-16])[0] if rcode == 0 and records else None


def is_behind(serial, other):
    return (serial - other) % (1 << 32) >= 1 << 31


class Watch(threading.Thread):
    """The greatest serial that was seen served: from then on nobody may be told a smaller one."""

    def __init__(self, machine, serial):
        super().__init__(daemon=True)
        self.machine, self.serial, self.wrong = machine, serial, []
        self.stop, self.gone = threading.Event(), threading.Event()

    def run(self):
        while not self.stop.wait(0.003):
            serial = served_serial(self.machine)
            if self.gone.is_set():
                return
            if serial is not None and is_behind(serial, self.serial):
                self.wrong.append((self.serial, serial))
            self.serial = self.serial if serial is None else serial


class Campaign:
    def __init__(self, machine):
        self.machine, self.known, self.serial = machine, {}, 0
        self.cuts = self.acknowledged = self.number = 0

    def write(self, seconds):
        """Writers at work for so long; they go on until the power is gone."""
        writers = [Writer(self.machine, n, self.known, self.number) for n in range(WRITERS)]
        watch = Watch(self.machine, self.serial)
        self.number += 1
        for thread in (*writers, watch):
            thread.start()
        threading.Event().wait(seconds)  # the random point
        return writers, watch

    def cut(self, writers, watch):
        for thread in (*writers, watch):
            thread.gone.set()
        self.machine.power_off(random.choice((0, 0.005, 0.03)))
        self.cuts += 1
        for thread in (*writers, watch):
            thread.stop.set()
            thread.join(bd.PATIENCE)
        assert watch.wrong == []
        for w in writers:
            assert w.wrong == []
            self.acknowledged += w.acknowledged
        self.serial = watch.serial

    def check(self):
        """The names of which something was lost."""
        status = self.machine.status()
        assert status["read_only"] is False and status["server"]["adopted"] is False, status
        serial = status["zones"][0]["serial"]
        assert not is_behind(serial, self.serial), (serial, self.serial)
        assert not is_behind(served_serial(self.machine), self.serial)
        self.serial = serial
        return compare(self.machine, self.known)

    def renew(self, number):
        """Another disk from time to time: the history fills it."""
        if number % ROUNDS_A_DISK == ROUNDS_A_DISK - 1:
            self.machine.new_disk()
            self.known, self.serial = {}, 0

    def round(self):
        self.machine.start()
        lost = self.check()
        assert lost == []
        writers, watch = self.write(random.uniform(0.02, 0.25))
        self.cut(writers, watch)
        self.machine.power_on()


def say(text):
    print(text)  # in the report of a failure, and with -s


@pytest.fixture
def machine():
    made = power.Machine()
    try:
        yield made
    finally:
        made.close()


def cut_often(machine, rounds):
    """The law: what was acknowledged before the cut is there after it."""
    campaign = Campaign(machine)
    for number in range(rounds):
        campaign.renew(number)
        campaign.round()
    machine.start()
    assert campaign.check() == []
    say(f"{campaign.cuts} cuts, {campaign.acknowledged} acknowledged, none lost")
    assert campaign.cuts == rounds and campaign.acknowledged > rounds * WRITERS, "too few to mean anything"


def test_the_control_without_fsync_loses_some(machine):
    """Else the cuts above prove nothing."""
    campaign, lost = Campaign(machine), 0
    machine.start()  # a state.db that is there
    assert machine.stop() == 0
    machine.disk.sync()
    machine.launch_without_sync()
    writers, watch = campaign.write(0.3)
    campaign.cut(writers, watch)
    machine.power_on()
    machine.start()
    lost = compare(machine, campaign.known)
    say(f"{campaign.acknowledged} acknowledged without fsync, of {len(lost)} names the last was lost")
    assert campaign.acknowledged > WRITERS and lost


def records_of(text):
    """Owners of the A records of a whole zone file, by betterdns' own reader."""
    with power.scratch(text) as path:
        done = subprocess.run([bd.BETTERDNS, "zone", "canon", "lab.example", path], capture_output=True, text=True,
                              timeout=bd.PATIENCE, check=False)
    assert done.returncode == 0, (done.stderr, text)
    return {m.group(1) for m in re.finditer(r"^(\S+) \d+ CLASS1 TYPE1 ", done.stdout, re.MULTILINE)}


def names(machine):
    return {r["name"] for r in machine.get("/a?limit=10000")["records"]}


def zone_folder(machine):
    """What may lie beside the people's file: nothing that piles up."""
    return sorted(p.name for p in machine.zone_file.parent.iterdir())


def wait_for_the_writer(machine):
    """Until the zone file's own temporary file comes, or another inode is in its place. Then a moment that hits a write, an fsync,
    the exchange, or what comes after them."""
    def look():
        return {e.name: e.inode() for e in os.scandir(machine.zone_file.parent) if ".orig" not in e.name}
    before = look()
    bd.wait_for(lambda: look() != before or machine.process.poll() is not None, "an export")
    threading.Event().wait(random.choice((0, random.uniform(0, 0.004), random.uniform(0, 0.03))))


def register_many(machine, tag, count):
    """As one record set each, in one go: a file that takes a while to write."""
    values = [("value", f"10.9.{n >> 8}.{n & 255}") for n in range(count)]
    for part in range(4):
        body = "&".join([f"name={tag}{part}", *(f"{k}={v}" for k, v in values)])
        status, text = machine.request("POST", "/a", body, {"Content-Type": "application/x-www-form-urlencoded"})
        assert status == 201, text


def cut_exports(machine, rounds):
    """Cut at a stop, which exports what is due: the people's file is whole, and known as ours when the power is back."""
    machine.start()
    there, kept, renewed = names(machine), 0, 0
    for number in range(rounds):
        before = there
        register_many(machine, f"e{number}x", 500)
        old, there = machine.zone_file.read_bytes(), names(machine)
        machine.process.terminate()
        if number % 4:
            wait_for_the_writer(machine)
        else:
            threading.Event().wait(random.uniform(0, 0.1))
        machine.power_off()
        machine.power_on()
        text = machine.zone_file.read_bytes()
        kept += text == old
        renewed += text != old
        assert before <= records_of(text) <= there
        machine.start()
        assert names(machine) == there
        zone = machine.status()["zones"][0]
        assert zone["file_state"] in ("clean", "pending"), (zone, zone_folder(machine))
        bd.wait_for(lambda: machine.status()["zones"][0]["file_state"] == "clean", "an export")
    say(f"{kept} old files, {renewed} new ones")
    bd.wait_for(lambda: zone_folder(machine) == [machine.zone_file.name], f"no litter: {zone_folder(machine)}")


def cut_rebuilds(machine, rounds):
    """An fsync fails: a fresh state.db is written from memory and takes the old one's place. The power goes in the middle of it."""
    faults = Faults(machine.folder / "faults")
    machine.env.update(faults.env)
    campaign, hit = Campaign(machine), 0
    for number in range(rounds):
        campaign.renew(number)
        machine.start()
        assert campaign.check() == []
        threads = campaign.write(random.uniform(0.02, 0.1))
        faults.only(process=machine.process.pid, below=machine.data)
        faults.arm("sync", 20, errno.EIO)  # not the next one: that may be over before it is armed
        bd.wait_for(lambda: any(machine.data.joinpath(f"state.db.{end}").exists() for end in ("tmp", "new")) or
                    machine.log().count("read-only until") > hit, "a fresh state.db")
        threading.Event().wait(random.choice((0, random.uniform(0, 0.003), random.uniform(0, 0.03))))
        campaign.cut(*threads)
        faults.disarm("sync")
        machine.power_on()
        hit = machine.log().count("read-only until")
    machine.start()
    assert campaign.check() == []
    assert not [p.name for p in machine.data.iterdir() if p.name in ("state.db.tmp", "state.db.new")]
    say(f"{rounds} cuts around a fresh state.db, {campaign.acknowledged} acknowledged, none lost")
    assert hit >= rounds and campaign.acknowledged > rounds


HANDWRITTEN = """$TTL 300 ; a comment that no export keeps
@ SOA ns1 hostmaster 7 3600 600 604800 10
@ NS ns1
ns1 A 192.0.2.53
""" + "".join(f"h{n} A 10.8.{n >> 8}.{n & 255} ; host {n}\n" for n in range(3000))


def cut_first_starts(machine, rounds):
    """Cut while the people's file is imported, copied, and taken over by the first export."""
    taken_over = 0
    for number in range(rounds):
        machine.zone_file.write_text(HANDWRITTEN)
        machine.disk.sync()
        machine.launch()
        if number % 2:
            wait_for_the_writer(machine)
        else:
            threading.Event().wait(random.uniform(0, 0.2))
        machine.power_off()
        machine.power_on()
        original = machine.zone_file.with_name(machine.zone_file.name + ".orig")
        if machine.zone_file.read_text() != HANDWRITTEN:
            assert original.read_text() == HANDWRITTEN
            taken_over += 1
        assert len(records_of(machine.zone_file.read_bytes())) == 3001
        machine.start()
        assert len(names(machine)) == 3001
        zone = machine.status()["zones"][0]
        assert zone["file_state"] in ("clean", "pending") and zone["serial"] > 7, zone
        machine.power_off()
        machine.new_disk()
    say(f"{rounds} cuts of a first start, in {taken_over} the export had taken the file over")


def test_the_control_without_fsync_empties_a_zone_file(machine):
    """The file system's journal takes the exchange to the disk before the data that it wants: what an export's fsync is for."""
    for attempt in range(1, 9):
        machine.disk.unmount()
        machine.disk.format("commit=1")
        machine.prepare()
        machine.launch_without_sync()
        register_many(machine, "x", 500)
        seq = machine.status()["seq"]
        bd.wait_for(lambda seq=seq: machine.status()["zones"][0]["exported_seq"] >= seq, "an export")
        threading.Event().wait(random.uniform(0.5, 2.5))
        machine.power_off()
        machine.power_on()
        if machine.zone_file.exists() and machine.zone_file.stat().st_size == 0:
            return say(f"an empty zone file at attempt {attempt}")
    raise AssertionError("eight exports without fsync came through their power cuts: they prove nothing")


def test_no_acknowledged_registration_is_lost(machine):
    cut_often(machine, 20)


def test_an_export_is_the_old_one_or_the_new_one(machine):
    cut_exports(machine, 8)


def test_a_first_start_imports_all_or_begins_again(machine):
    cut_first_starts(machine, 8)


def test_a_fresh_state_db_is_the_old_one_or_the_new_one(machine):
    cut_rebuilds(machine, 8)


@pytest.mark.soak
@pytest.mark.parametrize("campaign, share", [(cut_often, 1), (cut_exports, 20), (cut_first_starts, 20), (cut_rebuilds, 10)])
def test_power_soak(machine, campaign, share):
    campaign(machine, max(2, int(os.environ.get("BETTERDNS_SOAK_ROUNDS", "10000")) // share))
