"""The rules of a whole zone, as betterdns, BIND's and Knot's checkers apply them. Where they differ, the section of an RFC
says why we do what we do: a fault refuses the whole zone, so that only what no zone may be is one."""
import subprocess

import pytest

import bd

ORIGIN = "rules.example"
HEAD = "$TTL 60\n@ SOA ns1 hostmaster 1 3600 600 604800 10\n@ NS ns1\nns1 A 192.0.2.53\n"

# name: (records, ours, what BIND and Knot do otherwise and why we do not follow)
RULES = {
    "nothing wrong": ("www CNAME ns1\n", "valid", {}),
    "second SOA": ("@ SOA ns1 hostmaster 2 3600 600 604800 10\n", "refused",
                   {"knot": "RFC 1035 section 5.2: exactly one SOA"}),
    "CNAME beside an address": ("www CNAME ns1\nwww A 192.0.2.1\n", "refused", {}),
    "CNAME at the apex": ("@ CNAME ns1\n", "refused", {}),
    "two CNAMEs": ("www CNAME ns1\nwww CNAME ns2.example.net.\n", "refused", {}),
    "two DNAMEs": ("old DNAME a.example.net.\nold DNAME b.example.net.\n", "refused", {}),
    "CNAME and DNAME": ("old DNAME a.example.net.\nold CNAME ns1\n", "refused", {}),
    "below a DNAME": ("old DNAME a.example.net.\nwww.old A 192.0.2.1\n", "warned",
                      {"knot": "RFC 6672 section 2.4 allows to load it; a host may register there meanwhile"}),
    "DNAME and NS": ("old DNAME a.example.net.\nold NS ns1\n", "warned",
                     {"knot": "RFC 6672 section 2.3 is about who writes the zone; the NS is served, and works"}),
    "a record twice": ("www A 192.0.2.1\nwww A 192.0.2.1\n", "warned", {}),
    "two TTLs": ("www 5 A 192.0.2.1\nwww 6 A 192.0.2.2\n", "warned", {}),
    "missing glue": ("sub NS ns.sub\n", "warned",
                     {"knot": "RFC 1034 section 4.2.1: without glue the delegation fails, not the zone"}),
    "below a delegation": ("sub NS ns1\nwww.sub TXT x\n", "warned", {}),
    "MX to an alias": ("@ MX 10 mail\nmail CNAME ns1\n", "warned",
                       {"bind": "RFC 2181 section 10.3: it works badly, and is no reason to serve nothing"}),
    "NS to an alias": ("sub NS ns2\nns2 CNAME ns1\n", "warned",
                       {"knot": "RFC 2181 section 10.3: it works badly, and is no reason to serve nothing"}),
    "MX to nothing": ("@ MX 10 mail\n", "warned",
                      {"bind": "RFC 5321 section 5.1: mail waits until the host is there; it may register"}),
}


@pytest.fixture(name="zone")
def zone_fixture(tmp_path):
    return tmp_path / "rules.zone"


def run(*argv):
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False)


def ours(zone):
    done = run(bd.BETTERDNS, "zone", "check", ORIGIN, str(zone))
    assert done.returncode in (0, 7), done
    return "refused" if done.returncode else "warned" if "warning: " in done.stderr else "valid"


def bind(zone):
    return run("named-checkzone", "-q", "-i", "local", "-m", "fail", "-M", "fail", ORIGIN, str(zone)).returncode == 0


def knot(zone):
    return run("kzonecheck", "-d", "off", "-o", ORIGIN, str(zone)).returncode == 0


@pytest.mark.parametrize("rule", RULES)
def test_the_rules_of_a_zone(zone, rule):
    records, verdict, differs = RULES[rule]
    zone.write_text(HEAD + records)
    assert ours(zone) == verdict
    for name, checker in (("bind", bind), ("knot", knot)):
        same = checker(zone) == (verdict != "refused")
        if (name, rule) == ("knot", "second SOA") and same:
            continue  # since Knot 3.4
        assert same == (name not in differs), f"{name} {'agrees' if same else 'differs'}"


def test_a_zone_without_its_head_is_refused_by_all(zone):
    for missing in ("@ SOA ns1 hostmaster 1 3600 600 604800 10\n", "@ NS ns1\n"):
        zone.write_text(HEAD.replace(missing, ""))
        assert ours(zone) == "refused"
        assert not bind(zone)
