#!/usr/bin/python3
"""A DNS server for tests, in CoreDNS' place, that misbehaves on demand. It reads the Corefile that betterdns writes, answers
SOA questions with its NSID, looks at its zones every 5 ms and reads everything again at SIGUSR1. Words in the file `odd` above
the Corefile's directory change that: deaf (it does not look), stubborn (SIGUSR1 changes nothing), stillborn (it ends at its start), mute (it
notes when it was asked in the file `questions` beside that one, and does not answer), busy (it uses a processor)."""
import re
import select
import signal
import socket
import struct
import sys
import time
from pathlib import Path

state = {"again": False}


def mood():
    try:
        return odd.read_text().split()
    except OSError:
        return []


def read_zone(path):
    """The SOA's serial: the live copy's first line is "owner ttl IN SOA mname rname serial …"."""
    return int(path.read_text().split("\n", 1)[0].split()[6])


def read_all():
    blocks = re.findall(r"^(\S+):(\d+) \{\n\s+bind ([^\n]+)\n.*?nsid (\S+)\n\s+file \"([^\"]+)\"", conf.read_text(), re.S | re.M)
    found = {name.encode(): [Path(path), read_zone(Path(path))] for name, _, _, _, path in blocks}
    return found, blocks[0][3].encode(), int(blocks[0][1]), blocks[0][2].split()


def question_end(message):
    at, labels = 12, []
    while message[at]:
        labels.append(message[at + 1:at + 1 + message[at]])
        at += 1 + message[at]
    return b".".join(labels) + b".", at + 5


def reply(message):
    name, end = question_end(message)
    zone = zones.get(name.lower())
    data = b"\0\0" + struct.pack(">IIIII", zone[1] if zone else 0, 1, 1, 1, 1)
    option = struct.pack(">HH", 3, len(nsid)) + nsid
    return (message[:2] + struct.pack(">HHHHH", 0x8400, 1, 1 if zone else 0, 0, 1) + message[12:end]
            + (b"\xc0\x0c" + struct.pack(">HHIH", 6, 1, 30, len(data)) + data if zone else b"")
            + b"\0" + struct.pack(">HHIH", 41, 1232, 0, len(option)) + option)


def on_usr1(_number, _frame):
    state["again"] = True


def look():
    for zone in zones.values():
        try:
            zone[1] = read_zone(zone[0])
        except (OSError, IndexError, ValueError):
            continue


if "-version" in sys.argv:
    print("CoreDNS-0.0.0")
    sys.exit(0)
signal.signal(signal.SIGUSR1, on_usr1)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
conf = Path(sys.argv[sys.argv.index("-conf") + 1])
odd = conf.parent.parent / "odd"
if "stillborn" in mood():
    sys.exit(7)
zones, nsid, port, addresses = read_all()
sockets = []
for address in addresses:
    sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    sockets[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sockets[-1].bind((address, port))
while True:
    ready, _, _ = select.select(sockets, [], [], 0.005)
    if state["again"]:
        state["again"] = False
        if "stubborn" not in mood():
            zones, nsid, _, _ = read_all()
    end = time.process_time() + 0.004
    while "busy" in mood() and time.process_time() < end:
        pass
    if "deaf" not in mood():
        look()
    for s in ready:
        asked, client = s.recvfrom(4096)
        if "mute" in mood():
            with odd.with_name("questions").open("a") as questions:
                questions.write(f"{time.monotonic()}\n")
            continue
        s.sendto(reply(asked), client)
