"""DNS as octets: names are tuples of labels (bytes), rdata is wire form without compression. It knows nothing of presentation
form but how to read it, and nothing of betterdns: what comes back is compared with it."""
import random
import socket
import struct

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33}
# Octets in front of the name that ends the rdata; its name is folded, as a server may do it (RFC 4343).
NAME_AT = {2: 0, 5: 0, 12: 0, 15: 2, 33: 6}


def pack_name(labels):
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def read_name(message, at):
    """(labels, where it ends), pointers followed."""
    labels, end, hops = [], None, 0
    while True:
        n = message[at]
        if n & 0xc0:
            assert n & 0xc0 == 0xc0 and hops < 64, "a broken name"
            end, at, hops = end or at + 2, (n & 0x3f) << 8 | message[at + 1], hops + 1
            continue
        if n == 0:
            return tuple(labels), end or at + 1
        labels.append(message[at + 1:at + 1 + n])
        at += n + 1


def read_record(message, at):
    """(owner, type, TTL, rdata), where it ends. Names inside the rdata are written out, in lower case."""
    owner, at = read_name(message, at)
    kind, _, ttl, n = struct.unpack_from(">HHIH", message, at)
    at += 10
    rdata = message[at:at + n]
    if kind in NAME_AT:
        target, end = read_name(message, at + NAME_AT[kind])
        assert end == at + n
        rdata = message[at:at + NAME_AT[kind]] + pack_name(target).lower()
    return (tuple(label.lower() for label in owner), kind, ttl, rdata), at + n


def ask(server, labels, kind, timeout):
    """(rcode, records of the answer section), over TCP: no answer is cut off."""
    query = struct.pack(">HHHHHH", random.getrandbits(16), 0, 1, 0, 0, 0) + pack_name(labels) + struct.pack(">HH", kind, 1)
    with socket.create_connection(server, timeout) as s:
        s.sendall(struct.pack(">H", len(query)) + query)
        stream = s.makefile("rb")
        message = stream.read(struct.unpack(">H", stream.read(2))[0])
    ident, flags, questions, answers = struct.unpack_from(">HHHH", message)
    assert message[:2] == query[:2] and questions == 1, ident
    name, at = read_name(message, 12)
    assert tuple(label.lower() for label in name) == tuple(label.lower() for label in labels)
    records, at = [], at + 4
    for _ in range(answers):
        record, at = read_record(message, at)
        records.append(record)
    return flags & 15, records


def octets_of(text):
    """Presentation form to (octet, was escaped) pairs; RFC 1035 5.1."""
    data, i, out = text.encode("utf-8", "surrogateescape"), 0, []
    while i < len(data):
        if data[i] != 0x5c:
            out.append((data[i], False))
            i += 1
        elif data[i + 1:i + 4].isdigit() and len(data[i + 1:i + 4]) == 3:
            out.append((int(data[i + 1:i + 4]), True))
            i += 4
        else:
            out.append((data[i + 1], True))
            i += 2
    return out


def name_of(text):
    """An absolute name in presentation form to labels."""
    labels, label = [], bytearray()
    for octet, escaped in octets_of(text):
        if octet == 0x2e and not escaped:
            labels.append(bytes(label))
            label = bytearray()
        else:
            label.append(octet)
    assert not label, text
    return tuple(labels) if text != "." else ()


def rdata_of(kind, text):
    """Rdata in presentation form, as betterdns writes it, to wire form (types with names and strings)."""
    if kind == 16:
        strings, string = [], None
        for octet, escaped in octets_of(text):
            if octet == 0x22 and not escaped:
                strings, string = (strings, bytearray()) if string is None else (strings + [bytes(string)], None)
            elif string is not None:
                string.append(octet)
            else:
                assert octet == 0x20, text
        assert string is None, text
        return b"".join(bytes([len(s)]) + s for s in strings)
    *numbers, name = text.split(" ")
    assert len(numbers) == NAME_AT[kind] // 2, text
    return struct.pack(f">{len(numbers)}H", *map(int, numbers)) + pack_name(name_of(name)).lower()
