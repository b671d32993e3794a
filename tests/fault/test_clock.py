"""The wall clock jumps by a year, forwards or backwards: nobody expires, and nobody lives for ever."""
import os
import struct
import threading
from pathlib import Path

import pytest

import bd

FAULT = Path(os.environ.get("BETTERDNS_FAULT", bd.ROOT / "build" / "tests" / "fault"))
LEASE, YEAR = 10, 366 * 86400


def register(server, name, value):
    answer = server.register(name, value, lease=f"{LEASE}s")
    assert answer.status in (200, 201), answer
    return answer.json


@pytest.mark.parametrize("jump", [YEAR, -YEAR])
def test_a_clock_that_jumps_expires_nobody(make_server, jump):
    server = make_server()
    clock = server.folder / "clock"
    clock.write_bytes(struct.pack("=q", 0))
    server.env.update(LD_PRELOAD=str(FAULT / "preload_clock.so"), CLOCK_FILE=str(clock))
    server.start()
    names = [f"host{n}" for n in range(4)]
    for number, name in enumerate(names):
        register(server, name, f"192.0.2.{number + 1}")
    before = register(server, "host0", "192.0.2.1")["registrations"][0]["expires"]
    with clock.open("r+b") as file:
        file.write(struct.pack("=q", jump))
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
