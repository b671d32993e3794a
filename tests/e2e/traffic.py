"""Queries over UDP at a steady rate from many ports, each of them counted: `with Traffic(server.dns, NAME, ADDRESS) as t:`."""
import random
import select
import socket
import struct
import threading
import time

import bd

SOCKETS = 32  # a server on SO_REUSEPORT is chosen by the client's port
ANSWER_S = 3.0


class Traffic(threading.Thread):
    """Afterwards: asked, lost (no answer within 3 s), wrong (another answer than the address)."""

    def __init__(self, server, name, address, rate=1000):
        super().__init__()
        self.server, self.interval = server, 1 / rate
        self.right = socket.inet_aton(address)
        labels = b"".join(bytes([len(part)]) + part.encode() for part in name.rstrip(".").split(".")) + b"\0"
        self.question = struct.pack(">HHHHH", 0x0100, 1, 0, 0, 0) + labels + struct.pack(">HH", 1, 1)
        self.asked = self.wrong = 0
        self.open = {}  # (socket, id): when it was sent
        self.gone = []
        self.stopping = threading.Event()

    @property
    def lost(self):
        return len(self.gone)

    def __enter__(self):
        self.sockets = []
        for _ in range(SOCKETS):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.setblocking(False)
            s.connect(self.server)
            self.sockets.append(s)
        self.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.join(bd.PATIENCE)
        assert not self.is_alive()
        for s in self.sockets:
            s.close()

    def run(self):
        poller = select.epoll()
        by_fd = {s.fileno(): s for s in self.sockets}
        for fd in by_fd:
            poller.register(fd, select.EPOLLIN)
        due = time.monotonic()
        while not self.stopping.is_set() or self.open:
            now = time.monotonic()
            while now >= due and not self.stopping.is_set():
                self.ask(now)
                due += self.interval
            wait = max(0.0, due - time.monotonic()) if not self.stopping.is_set() else 0.05
            for fd, _ in poller.poll(wait):
                self.take(by_fd[fd])
            self.give_up(now)
        poller.close()

    def ask(self, now):
        s, ident = random.choice(self.sockets), self.asked & 0xffff
        self.asked += 1
        self.open[(s.fileno(), ident)] = now
        try:
            s.send(struct.pack(">H", ident) + self.question)
        except OSError:  # what the last one on this socket met
            try:
                s.send(struct.pack(">H", ident) + self.question)
            except OSError:
                pass

    def take(self, s):
        try:
            answer = s.recv(4096)
        except OSError:
            return
        if self.open.pop((s.fileno(), struct.unpack(">H", answer[:2])[0]), None) is not None:
            self.wrong += self.right not in answer or answer[3] & 15 != 0

    def give_up(self, now):
        """The oldest stands first."""
        for key, sent in list(self.open.items())[:50]:
            if now - sent < ANSWER_S:
                return
            self.gone.append(sent)
            del self.open[key]


def shown_everywhere(server, name, tries=6):
    """The answers of as many questions, each from a port of its own: all servers on the port are met."""
    return [bd.addresses(server.dns, name) for _ in range(tries)]
