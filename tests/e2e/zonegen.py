"""Zone files made at random, in many spellings, and ways to spoil them: for runs against other
readers. All from one seed."""

import base64
import ipaddress

ORIGIN = "example.org."


def _hex(rng, octets):
    return bytes(rng.randrange(256) for _ in range(octets)).hex()


def _base64(rng, octets):
    return base64.b64encode(bytes.fromhex(_hex(rng, octets))).decode()


def _label(rng):
    return rng.choice(("web", "db", "mail", "a", "x-1", "_sip", "Upper", r"dot\.ted", r"o\099tal",
                       r"sp\032ace", r"semi\;colon", "n%d" % rng.randrange(99)))


def name(rng):
    """A domain name inside the zone, relative or absolute, or @."""
    n = rng.randrange(10)
    if n == 0:
        return "@"
    text = ".".join(_label(rng) for _ in range(1 + rng.randrange(2)))
    return text + "." + ORIGIN if n < 4 else text


def _string(rng):
    return rng.choice((r'"a b; c"', "plain", r'"quo\"te"', r"esc\;aped", '""', r'"\200\000"',
                       '"%s"' % ("x" * rng.randrange(200)), r'back\\slash'))


def _v4(rng):
    return str(ipaddress.IPv4Address(rng.getrandbits(32)))


def _v6(rng):
    address = ipaddress.IPv6Address(rng.getrandbits(128) & ~(rng.getrandbits(1) * (2 ** 100 - 1)))
    return rng.choice((str(address), address.exploded, str(address).upper()))


def _u8(rng):
    return rng.randrange(256)


def _u16(rng):
    return rng.randrange(65536)


def _apl(rng):
    items = ("1:192.0.2.0/24", "!1:10.0.0.0/8", "2:2001:db8::/32", "1:0.0.0.0/0")
    return " ".join(rng.choice(items) for _ in range(1 + rng.randrange(3)))


def _svcb(rng):
    if rng.randrange(4) == 0:
        return "0 " + name(rng)
    return "%d %s %s" % (1 + _u16(rng) // 2, rng.choice((".", "web")), rng.choice((
        "alpn=h2", 'alpn="h2,h3"', "port=8443", "ipv4hint=192.0.2.1,192.0.2.2",
        "alpn=h2 no-default-alpn", "ipv6hint=2001:db8::1", "key65333=abc", "mandatory=port port=53",
        "")))


def _bitmap(rng):
    return " ".join(rng.sample(("A", "NS", "MX", "TXT", "AAAA", "SRV", "CAA", "TYPE1234"), 3))


def _digest(rng, sizes):
    kind = rng.choice(sorted(sizes))
    text = _hex(rng, sizes[kind])
    if rng.randrange(3) == 0:
        text = text[:20] + " " + text[20:]
    return "%d %s" % (kind, text)


_DS_SIZES = {1: 20, 2: 32, 4: 48}

# One function a type; what it gives is the rdata as people write it.
RDATA = {
    "A": _v4,
    "AAAA": _v6,
    "NS": lambda r: "ns%d.example.com." % _u8(r),
    "PTR": name,
    "MX": lambda r: "%d %s" % (_u16(r), name(r)),
    "TXT": lambda r: " ".join(_string(r) for _ in range(1 + r.randrange(3))),
    "SPF": _string,
    "SRV": lambda r: "%d %d %d %s" % (_u16(r), _u16(r), _u16(r), name(r)),
    "CAA": lambda r: '%d issue "ca%d.example"' % (_u8(r), _u8(r)),
    "HINFO": lambda r: '"PC-%d" Linux' % _u8(r),
    "RP": lambda r: "%s %s" % (name(r), name(r)),
    "AFSDB": lambda r: "%d %s" % (_u16(r), name(r)),
    "KX": lambda r: "%d %s" % (_u16(r), name(r)),
    "NAPTR": lambda r: '%d %d "u" "sip+E2U" "!^.*$!sip:x@y!" %s' % (_u16(r), _u16(r), name(r)),
    "CERT": lambda r: "%s %d %d %s" % (r.choice(("PKIX", "1")), _u16(r), 8, _base64(r, 30)),
    "DS": lambda r: "%d 13 %s" % (_u16(r), _digest(r, _DS_SIZES)),
    "CDS": lambda r: "%d 13 %s" % (_u16(r), _digest(r, _DS_SIZES)),
    "SSHFP": lambda r: "4 2 " + _hex(r, 32),
    "IPSECKEY": lambda r: r.choice(("10 1 2 192.0.2.38 ", "10 0 2 . ", "10 3 2 gw.example.com. ")) +
    _base64(r, 24),
    "DNSKEY": lambda r: "257 3 13 " + _base64(r, 64),
    "CDNSKEY": lambda r: "256 3 13 " + _base64(r, 64),
    "DHCID": lambda r: _base64(r, 35),
    "TLSA": lambda r: "3 1 1 " + _hex(r, 32),
    "SMIMEA": lambda r: "3 1 2 " + _hex(r, 64),
    "OPENPGPKEY": lambda r: _base64(r, 50),
    "CSYNC": lambda r: "%d 3 %s" % (r.getrandbits(32), _bitmap(r)),
    "SVCB": _svcb,
    "HTTPS": _svcb,
    "EUI48": lambda r: "-".join("%02x" % _u8(r) for _ in range(6)),
    "EUI64": lambda r: "-".join("%02x" % _u8(r) for _ in range(8)),
    "LOC": lambda r: "%d %d %d.%03d N 4 54 0.000 E -2.00m 1m 10000m 10m" % (
        r.randrange(90), r.randrange(60), r.randrange(60), r.randrange(1000)),
    "URI": lambda r: '%d %d "https://h%d.example/"' % (_u16(r), _u16(r), _u8(r)),
    "APL": _apl,
    "TYPE65280": lambda r: r"\# 4 " + _hex(r, 4),
}


def _ttl(rng, odd=()):
    return "0" if "TTL 0" in odd else rng.choice(("60", "3600", "1h", "1h30m", "1D", "2w"))


def _blank(rng):
    return rng.choice((" ", "\t", "  ", "\t \t"))


def _fields(rng, ttl, odd):
    parts = [ttl] if ttl else []
    if rng.randrange(2):
        word = "CLASS1" if "class number" in odd else rng.choice(("IN", "in"))
        parts.insert(0 if "class before TTL" in odd else len(parts), word)
    return parts


def _spread(rng, rdata):
    """The rdata over several lines; blanks in quoted strings are left alone."""
    if '"' in rdata or rng.randrange(4) or " " not in rdata:
        return rdata
    return "( " + rdata.replace(" ", rng.choice(("\n\t", " ; why\n ", "\n\n  ")), 1) + " )"


def _record(rng, owner, kind, ttl, odd):
    parts = [owner] + _fields(rng, ttl, odd) + [rng.choice((kind, kind.lower()))]
    line = _blank(rng).join(parts) + _blank(rng) + _spread(rng, RDATA[kind](rng))
    return line + rng.choice(("", "", " ; a comment", "\t"))


# What some readers do not know: a zone has each of these only now and then, so that they hide
# nothing else.
ODD = ("class number", "class before TTL", "TTL 0")


def zone(rng):
    """A list of lines (some hold line ends): the first three are directives, SOA and NS. And the
    oddities that the zone may have."""
    odd = {o for o in ODD if rng.randrange(16) == 0}
    lines = ["$ORIGIN %s\n$TTL %s" % (ORIGIN, _ttl(rng, odd)),
             rng.choice(("@ IN SOA ns1 hostmaster 1 2h 15m 2w 10",
                         "@\tSOA ns1.%s host\\.master (\n\t%d ; serial\n\t3600 600\n\t604800 10 )"
                         % (ORIGIN, rng.getrandbits(32)))),
             "  NS ns1\nns1 A 192.0.2.53"]
    for i in range(2 + rng.randrange(10)):
        owner = "h%d" % i + rng.choice(("", ".sub", "." + ORIGIN))
        kinds = rng.sample(sorted(RDATA), 1 + rng.randrange(4))
        if rng.randrange(6) == 0:
            lines.append("%s CNAME %s" % (owner, name(rng)))
            continue
        for at, kind in enumerate(kinds):
            again = at > 0 and rng.randrange(2)
            ttl = _ttl(rng) if rng.randrange(2) else ""
            lines.append(_record(rng, "" if again else owner, kind, ttl, odd))
        if rng.randrange(5) == 0:
            lines.append(rng.choice(("", "; alone", "   ", "\t; indented")))
    return lines, odd


def text(lines, end="\n"):
    return (end.join(lines) + end).encode("latin-1")


# ---- spoiling: each takes the lines and changes them ----


def _some(rng, lines):
    return rng.randrange(3, len(lines)) if len(lines) > 3 else 2


def _change(change):
    def spoil(rng, lines):
        at = _some(rng, lines)
        lines[at] = change(rng, lines[at])
    return spoil


def _append(line):
    return lambda rng, lines: lines.append(line)


def _drop_token(rng, line):
    words = line.split(" ")
    del words[rng.randrange(len(words))]
    return " ".join(words)


def _double_token(rng, line):
    words = line.split()
    at = rng.randrange(len(words)) if words else 0
    return line if not words else line.replace(words[at], words[at] + " " + words[at], 1)


def _swap_octet(rng, line):
    if not line:
        return line
    at = rng.randrange(len(line))
    return line[:at] + rng.choice("abz09 ()\";\\.$@-\t\n") + line[at + 1:]


def _cut(rng, line):
    return line[:rng.randrange(len(line) + 1)]


BY_CHANCE = ("token left out", "token twice", "octet changed", "line cut", "line joined")

SPOIL = {
    "token left out": _change(_drop_token),
    "token twice": _change(_double_token),
    "octet changed": _change(_swap_octet),
    "line cut": _change(_cut),
    "line joined": lambda rng, lines: lines.__setitem__(
        slice(len(lines) - 2, len(lines)), [lines[-2] + lines[-1]]),
    "quote opened": _append('q TXT "open'),
    "parenthesis opened": _append("q TXT ( open"),
    "parenthesis closed": _append("q TXT open )"),
    "label of 64": _append("l" * 64 + " A 192.0.2.1"),
    "name of 256": _append(".".join(["n" * 62] * 4) + " A 192.0.2.1"),
    "escape above 255": _append("q TXT a\\256"),
    "escape of two digits": _append("q TXT a\\25"),
    "string of 256": _append('q TXT "%s"' % ("s" * 256)),
    "TTL above 2^31-1": _append("q 2147483648 A 192.0.2.1"),
    "TTL above 2^32": _append("q 4294967296 A 192.0.2.1"),
    "bad unit": _append("q 1y A 192.0.2.1"),
    "A of three parts": _append("q A 192.0.2"),
    "A with a zero": _append("q A 192.0.02.1"),
    "A above 255": _append("q A 192.0.2.256"),
    "AAAA with two gaps": _append("q AAAA 2001::db8::1"),
    "AAAA too long": _append("q AAAA 1:2:3:4:5:6:7:8:9"),
    "AAAA with IPv4": _append("q AAAA ::ffff:192.0.2.1"),
    "MX above 65535": _append("q MX 65536 mail"),
    "MX without a name": _append("q MX 10"),
    "negative number": _append("q MX -1 mail"),
    "unknown type": _append("q AAA 192.0.2.1"),
    "type number": _append("q TYPE1 \\# 4 c0000201"),
    "generic of a wrong length": _append("q TYPE65280 \\# 5 c0000201"),
    "generic of odd hex": _append("q TYPE65280 \\# 2 c00"),
    "generic of another form": _append("q A \\# 3 c00002"),
    "meta type": _append("q ANY \\# 0"),
    "class CH": _append("q CH A 192.0.2.1"),
    "empty label": _append("q..r A 192.0.2.1"),
    "leading dot": _append(".q A 192.0.2.1"),
    "outside": _append("other.example.com. A 192.0.2.1"),
    "CNAME and other data": _append("q CNAME web\nq A 192.0.2.1"),
    "two CNAMEs": _append("q CNAME web\nq CNAME db"),
    "CNAME at the apex": _append("@ CNAME web"),
    "a second SOA": _append("@ SOA ns2 hostmaster 2 3600 600 604800 10"),
    "SOA elsewhere": _append("q SOA ns2 hostmaster 2 3600 600 604800 10"),
    "no SOA": lambda rng, lines: lines.__setitem__(1, "@ A 192.0.2.9"),
    "no NS": lambda rng, lines: lines.__setitem__(2, "ns1 A 192.0.2.53"),
    "unknown directive": _append("$ORIGINE example.org."),
    "TTL without a number": _append("$TTL"),
    "origin without a name": _append("$ORIGIN"),
    "NUL": _append("q TXT a\0b"),
    "octets above 127": _append("q TXT \xe9t\xe9"),
    "CRLF": lambda rng, lines: lines.__setitem__(
        slice(0, len(lines)), [line.replace("\n", "\r\n") + "\r" for line in lines]),
    "bad base64": _append("q OPENPGPKEY abc*"),
    "base64 cut": _append("q OPENPGPKEY YWJjZ"),
    "bad time": _append("q SOA"),
    "bad LOC": _append("q LOC 91 0 0 N 4 0 0 E 0m"),
    "bad APL": _append("q APL 1:192.0.2.0/33"),
    "bad EUI": _append("q EUI48 00-11-22-33-44"),
    "bad SVCB": _append("q SVCB 1 . alpn=h2 alpn=h3"),
    "bad flags": _append("q CAA 256 issue x"),
    "trailing words": _append("q A 192.0.2.1 192.0.2.2"),
}
