"""Every type is a resource: its example and harder values are registered, read back, and served with the same octets."""
import re
import subprocess
import tempfile

import pytest

import bd

HARD = [
    ("loc", "61 14 16.002 S 173 2 27.590 W 4705798.05m 0.00m 500000.00m 0.04m"),
    ("loc", "90 0 0.000 S 180 0 0.000 E -100000.00m 0.00m 0.01m 90000000.00m"),
    ("cert", "4 64743 0 AQID"),
    ("caa", '128 tbs "a\\"b\\\\c\\000;"'),
    ("caa", f'0 issue "{"x" * 600}"'),
    ("uri", f'1 2 "https://lab.example/{"y" * 300}"'),
    ("apl", "\\# 0"),
    ("apl", "1:0.0.0.0/0 !2:::/0"),
    ("ipseckey", "10 3 2 gw.lab.example. AQID"),
    ("csync", "66 3"),
    ("rrsig", "TYPE65280 8 3 4294967295 20270101000000 20260101000000 0 lab.example. AAAA"),
    ("nsec", "\\000.lab.example. A TYPE1234 TYPE65535"),
    ("tlsa", "3 1 0 00"),
    ("https", "0 web.lab.example."),
    ("svcb", '16 foo.lab.example. mandatory=alpn,key65400 alpn="f\\\\\\\\oo\\\\,bar,h2" no-default-alpn port=53 '
             'ipv4hint=192.0.2.1,192.0.2.2 ech=AEj+DQBEAQ== ipv6hint=2001:db8::1 dohpath="/q{?dns}" ohttp key65400="\\210\\"x"'),
]


def wire(name, kind, value):
    """The octets in hexadecimal, by the parser of zone files."""
    text = f"@ 60 SOA ns1 hm 1 2 3 4 5\n@ 60 NS ns1\nns1 60 A 192.0.2.1\n{name} 60 {kind} {value}\n"
    with tempfile.NamedTemporaryFile("w", suffix=".zone") as zone:
        zone.write(text)
        zone.flush()
        done = subprocess.run([bd.BETTERDNS, "zone", "canon", "lab.example", zone.name], capture_output=True, text=True,
                              timeout=bd.PATIENCE, check=False)
    assert done.returncode == 0, (value, done.stderr)
    line = next(x for x in done.stdout.splitlines() if x.startswith(f"{name}.lab.example. "))
    return line.split(" ")[3], "".join(line.split(" ")[6:])


def served(server, name, kind):
    """(TYPEn, octets) of each record of that name in answer and authority."""
    done = subprocess.run(["dig", "+noall", "+answer", "+authority", "+unknownformat", "+nosplit", "+tcp", "+tries=1", "+time=5",
                           f"@{server.dns[0]}", "-p", str(server.dns[1]), name, kind],
                          capture_output=True, text=True, timeout=bd.PATIENCE, check=True)
    found = re.findall(r"^(\S+)\s+\d+\s+CLASS1\s+(TYPE\d+)\s+\\# \d+((?: [0-9A-F]+)*)$", done.stdout, re.M)
    return [(kind, octets.replace(" ", "")) for owner, kind, octets in found if owner == name]


def check(server, name, route, value):
    kind = route.upper()
    answer = server.register(name, value, kind=route)
    assert answer.status == 201 and answer.json["served"] is True, (route, value, answer)
    assert server.get(f"/{route}/{name}")["values"] == [value]
    number, octets = wire(name, kind, value)
    assert served(server, f"{name}.lab.example.", number) == [(number, octets)], (route, value)


def test_the_example_of_every_type(server):
    types = [t for t in server.get("/types")["types"] if t["route"]]
    assert len(types) > 40
    for t in types:
        check(server, f"t{t['code']}", t["route"][1:], t["example"])


@pytest.mark.parametrize("number", range(len(HARD)))
def test_harder_values(server, number):
    check(server, f"hard{number}", *HARD[number])


def test_a_signed_zone_is_no_zone_that_coredns_refuses(make_server):
    """NSEC3 in the people's file is kept there, and left out of what CoreDNS gets: it would serve nothing at all."""
    server = make_server()
    server.zone_file.write_text("@ 60 IN SOA ns1 hostmaster 1 3600 600 604800 10\n@ 60 IN NS ns1\nns1 60 IN A 192.0.2.1\n"
                                "@ 60 IN NSEC3PARAM 1 0 0 -\n"
                                "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom 60 NSEC3 1 1 0 - 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG\n")
    server.start()
    assert server.register("web", "192.0.2.7").json["served"] is True
    assert server.dig("web.lab.example") == ["192.0.2.7"]
    text = server.curl(path="/", check=True).text
    assert "NSEC3 1 1 0 - 2VPTU5TIMAMQTTGL4LUU9KG21E0AOR3S A RRSIG" in text
    assert "NSEC3" in server.zone_file.read_text()
