"""The wall clock jumps by a year, forwards or backwards: nobody expires, and nobody lives for ever; the server is neither thought to
hang nor left alone, and what is published is served as ever."""
import os
import signal
import struct
import threading
from pathlib import Path

import pytest

import bd
from test_kill import assert_answered
from traffic import Traffic

FAULT = Path(os.environ.get("BETTERDNS_FAULT", bd.ROOT / "build" / "tests" / "fault"))
LEASE, YEAR = 10, 366 * 86400


def register(server, name, value):
    answer = server.register(name, value, lease=f"{LEASE}s")
    assert answer.status in (200, 201), answer
    return answer.json


def with_a_clock(server):
    clock = server.folder / "clock"
    clock.write_bytes(struct.pack("=q", 0))
    server.env.update(LD_PRELOAD=str(FAULT / "preload_clock.so"), CLOCK_FILE=str(clock))
    server.start()
    return clock


def set_to(clock, jump):
    with clock.open("r+b") as file:
        file.write(struct.pack("=q", jump))


@pytest.mark.parametrize("jump", [YEAR, -YEAR])
def test_a_clock_that_jumps_expires_nobody(make_server, jump):
    server = make_server()
    clock = with_a_clock(server)
    names = [f"host{n}" for n in range(4)]
    for number, name in enumerate(names):
        register(server, name, f"192.0.2.{number + 1}")
    before = register(server, "host0", "192.0.2.1")["registrations"][0]["expires"]
    set_to(clock, jump)
    after = register(server, "host0", "192.0.2.1")["registrations"][0]["expires"]
    assert after[:4] != before[:4], "what people are told goes by their clock"
    for turn in range(LEASE):  # one of four is silent from now on
        for number, name in enumerate(names[1:], 2):
            if turn % 2 == 0:
                assert register(server, name, f"192.0.2.{number}")["changed"] is False
        if turn < LEASE - 3:
            assert server.request("GET", "/a/host0")[0] == 200
        threading.Event().wait(1)
    bd.wait_for(lambda: server.request("GET", "/a/host0")[0] == 404, "it expires nevertheless")
    assert all(server.request("GET", f"/a/{name}")[0] == 200 for name in names[1:])


@pytest.mark.parametrize("strategy", ["file", "signal", "restart"])
def test_jumps_while_changes_are_published(make_server, strategy):
    """A year on, back, and one back from there; a change before and after each; then a kill, whose pause is not a year either."""
    server = make_server(server={"strategy": strategy})
    clock = with_a_clock(server)
    assert server.register("moving", "10.7.0.0").json["served"] is True
    before, number = server.status()["server"], 0
    with Traffic(server.dns, "moving.lab.example", "10.7.0.0") as traffic:
        for jump in (YEAR, 0, -YEAR, YEAR, -YEAR, 0) * 2:
            set_to(clock, jump)
            for _ in range(3):
                number += 1
                traffic.comes(f"10.7.0.{number}")
                assert server.register("moving", f"10.7.0.{number}").json["served"] is True
                traffic.served(f"10.7.0.{number}")
        after = server.status()["server"]
    swaps = after["generation"] - before["generation"]
    assert_answered(server, traffic, swaps)
    assert swaps == (number if strategy == "restart" else 0)
    os.kill(after["pid"], signal.SIGKILL)
    set_to(clock, YEAR)
    bd.wait_for(lambda: server.status()["server"]["generation"] > after["generation"] and server.is_ready(), "a new server")
    assert server.dig("moving.lab.example") == [f"10.7.0.{number}"]
