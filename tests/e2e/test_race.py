"""Hand edits of every pattern against four programs that write over HTTP, and hosts that register: neither side costs the other a
record. RACE_EDITS: how many edits in all."""
import os
import time

import pytest

import bd
import race

EDITS = int(os.environ.get("RACE_EDITS", "1000"))
PARTS = 4


def check(server, seed, edits):
    with race.running(server, seed, edits) as r:
        try:
            bd.wait_for(lambda: r.at_rest() and not r.lost(), "both sides' records")
        except AssertionError:
            names = {name for sentence in r.lost() for name in r.hand if name in sentence}
            raise AssertionError("\n".join([*r.lost()[:40], *(r.story(name) for name in list(names)[:2])])) from None
        assert not r.wrong, r.wrong[:10]
        assert not r.deletions()
        assert len(r.hand) > edits // 2 and len(r.registered) > edits
        assert r.hand_deleted, r.done_by_hand
        assert r.http_deleted, r.done_by_hand
        for name, address in list(r.expected().items())[::7]:
            assert bd.addresses(server.dns, f"{name}.lab.example") == [address]


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_neither_side_costs_the_other_a_record(make_server, part):
    check(make_server(), f"race {part}", EDITS // PARTS)


@pytest.mark.soak
def test_neither_side_costs_the_other_a_record_soak(make_server):
    """Ten thousand edits, by other seeds each time."""
    for part in range(40):
        check(make_server(), f"soak {time.time()} {part}", 250)
