"""The control of tests/e2e/test_race.py: a betterdns that lacks the rule of the base loses records, and the race finds them."""
import os

import bd
import race


def test_the_race_finds_what_is_lost_without_the_rule_of_the_base(make_server):
    program = os.path.join(os.environ["BETTERDNS_FAULT"], "betterdns_naive")
    with race.running(make_server(program=program), "naive", 60) as r:
        try:
            bd.wait_for(r.at_rest, "the file to rest")
        except AssertionError:
            raise AssertionError("\n".join([str(r.server.status()["zones"]), r.server.log()[-3000:]])) from None
        assert any(n.startswith(("reg-", "w")) for n in r.lost())
