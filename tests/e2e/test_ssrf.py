"""No spelling of "yourself", of the cloud's metadata or of a neighbour makes a check go there: it is refused, or goes to the address that
the operator has opened. Canaries on loopback, TCP and UDP, on the port that all the checks name, hear nothing."""
import http.server
import json
import random
import socket
import threading
import urllib.parse

import pytest

import bd

REFUSED_VALUES = """127.0.0.1 127.0.0.2 127.1.2.3 127.255.255.254 0.0.0.0 0.0.0.1 169.254.169.254 169.254.0.1 169.254.170.2 192.0.0.192
    100.100.100.200 168.63.129.16 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255""".split()
NEIGHBOURS = "192.0.2.7 10.0.0.1 172.16.0.1 192.168.0.1".split()
# No values of an A record at all.
NO_ADDRESSES = """127.1 127.0.1 127.000.000.001 0127.0.0.1 2130706433 017700000001 0x7f000001 0x7f.0.0.1 0x7f.1 0177.0.0.1 0177.1 127.0x1 0
    0x0 127.0.0.1. 127.0.0.1:80 127.0.0.1/32 127%2e0%2e0%2e1 localhost localhost. 2852039166 0xa9fea9fe 0251.0376.0251.0376 169.254.43518
    metadata.google.internal ::1 [::1] ::ffff:127.0.0.1 user@127.0.0.1 http://127.0.0.1/ 127.0.0.1#x 127.0.0.1\\t 127..0.1 １27.0.0.1
    127。0。0。1 4294967297 383.0.0.1 +127.0.0.1""".split()
REFUSED_VALUES_6 = """:: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:0:127.0.0.1 ::ffff:0.0.0.0 ::ffff:169.254.169.254
    ::169.254.169.254 64:ff9b::127.0.0.1 64:ff9b::169.254.169.254 64:ff9b:1::127.0.0.1 64:ff9b:1:7f00:0:100:: 64:ff9b:1:a9fe:a9:fe00::
    64:ff9b:1:0:7f:0:100:0 2002:7f00:1:: 2002:a9fe:a9fe::1 2001:0:1:2:3:4:80ff:fffe 2001:0:7f00:1:8000:0:5601:5601
    2001:db8::5efe:127.0.0.1 2001:db8::200:5efe:169.254.169.254 fe80::1 febf::1 fe80::5efe:10.0.0.1 fec0::1 ff01::1 ff02::1 fd00:ec2::254
    fd20:ce::254""".split()
NEIGHBOURS_6 = "2001:db8::7 fd00::1 ::ffff:192.0.2.7".split()
NO_ADDRESSES_6 = "127.0.0.1 [::1] ::1%lo fe80::1%lo ::ffff:127.1 ::ffff:2130706433 localhost ::1. ::1/128 1 :::1 0::0::1".split()
# As the host of a URL, and as where a host redirects to.
HOSTS = """127.0.0.1 127.1 127.0.1 127.000.000.001 127.0.0.1. 127.1. 127.0.0.2 127.255.255.254 0127.0.0.1 2130706433 2130706433.
    017700000001 0x7f000001 0X7F000001 0177.0.0.1
    0177.0000.0000.0001 0x7f.0.0.1 0x7f.0x0.0x0.0x1 0x7f.1 0177.1 127.0x1 4294967297 383.0.0.1 0 0.0.0.0 0.
    0x0 0.0 255.255.255.255 169.254.169.254 169.254.43518 2852039166 0xa9fea9fe 025177524776 0251.0376.0251.0376 0251.254.169.254
    169.254.169.254. metadata.google.internal instance-data localhost LOCALHOST localhost. localhost.localdomain a.localhost ip6-localhost
    127.0.0.1.nip.io localtest.me [::1] [0:0:0:0:0:0:0:1] [0000::0001] [::] [::127.0.0.1] [::ffff:127.0.0.1] [::ffff:7f00:1]
    [::FFFF:127.0.0.1] [::ffff:0:127.0.0.1]
    [64:ff9b::127.0.0.1] [64:ff9b:1::7f00:1] [2002:7f00:1::] [2001:0:1:2:3:4:80ff:fffe] [fe80::5efe:127.0.0.1]
    [::ffff:169.254.169.254] [fd00:ec2::254] [fe80::1] [::1%25lo] [::1%lo] [v1.127.0.0.1] ::1 [[::1]] 127%2e0%2e0%2e1 %31%32%37.0.0.1
    local%68ost 127.0.0.1%00 127.0.0.1%20 127.0.0.1%0d%0a 127。0.0.1 １２７.0.0.1 127.0.0.1\\ 127..0.0.1 .127.0.0.1 127.0.0.1.. user@127.0.0.1
    user:word@127.0.0.1 @127.0.0.1 open@127.0.0.1 open%40127.0.0.1 127.0.0.1#@open open\\@127.0.0.1 127.0.0.1,open""".split()
SHAPES = ("http://{}/", "https://{}/", "http:{}/", "http:///{}/", "http:\\\\{}/", "http://{}@open/", "http://open#@{}/", "http://{}?@open/",
          "tcp://{}", "tcp://open@{}", "dns://{}/lab.example", "ftp://{}/", "gopher://{}/_x", "dict://{}/", "file://{}/etc/passwd", "//{}/",
          "ldap://{}/", "unix://{}/", "socks5://{}", "exec:{}", "jar:http://{}!/", "HTTP://{}/?q=http://{}/")
CHECKS = ("http://:{}/", "https://:{}/", "tcp://:{}", "dns://:{}/lab.example")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
QUICK = {"interval": "1s", "timeout": "900ms", "fall": 2, "rise": 1}


class Canaries:
    """TCP and UDP listeners that count who comes, all on one port: on loopback, and on an address that is open."""

    def __init__(self, port, opened):
        self.port = port
        self.sockets = []
        try:
            for host in ("127.0.0.1", "127.0.0.2", "127.255.255.254", opened, "::1"):
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    self.listen(host, kind)
        except OSError:
            self.close()
            raise

    def listen(self, host, kind):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        if family == socket.AF_INET6 and not socket.has_dualstack_ipv6():
            return
        s = socket.socket(family, kind)
        self.sockets.append((host, s))
        s.bind((host, self.port))
        s.setblocking(False)
        if kind == socket.SOCK_STREAM:
            s.listen(64)

    def look(self):
        """The addresses at which somebody was since the last look. The kernel has queued them: nothing is missed in between."""
        heard = []
        for host, s in self.sockets:
            try:
                if s.type == socket.SOCK_STREAM:
                    s.accept()[0].close()
                else:
                    s.recv(1)
                heard.append((host, s.type.name))
            except BlockingIOError:
                pass
        return heard

    def close(self):
        for _, s in self.sockets:
            s.close()


class Host(http.server.ThreadingHTTPServer):
    """The host that is open: sends whoever asks for /17 to the 17th spelling."""
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address):
        host = self
        self.asked = set()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # noqa: N802
                host.asked.add(self.path)
                number = self.path.strip("/")
                where = HOSTS[int(number)] if number.isdigit() else "localhost"
                to = f"http://{where}:{host.server_port}/".encode().decode("latin-1")
                self.send_response(307)
                for name, value in (("Location", to), ("Refresh", f"0; url={to}"), ("Content-Length", "0"),
                                    ("Alt-Svc", f'http/1.1="127.0.0.1:{host.server_port}"; ma=9')):
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_):
                pass

        super().__init__(address, Handler)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()


class Field:
    """A server that may reach the host and one canary, and nobody else."""

    def __init__(self):
        for _ in range(100):
            self.opened = bd.free_address()[0]
            address, port = bd.free_address()
            try:
                self.canaries = Canaries(port, self.opened)
            except OSError:
                continue
            try:
                self.host = Host((address, port))
                break
            except OSError:
                self.canaries.close()
        self.address, self.port, self.tried = address, port, 0
        self.server = None

    def post(self, kind, name, value, check):
        """(status, answer) of a registration; each in the words of a form."""
        self.tried += 1
        body = urllib.parse.urlencode({"name": name, "value": value, "check": check})
        status, answer = self.server.request("POST", f"/{kind}?wait=committed", body, FORM)
        return status, json.loads(answer)

    def checked(self, names):
        """Waits until each of them has had a check."""
        def look():
            got = {h["name"].split(".")[0]: h["checks"] for h in self.server.get("/health")["health"]}
            return all(name in got and all(c["last"] for c in got[name]) for name in names)
        bd.wait_for(look, "each has had a check")

    def assert_silence(self):
        assert self.canaries.look() == []


@pytest.fixture(scope="module")
def field():
    f = Field()
    rules = [{"name": f"rule{n}-*", "check": check.format(f.port)} for n, check in enumerate(CHECKS)]
    for f.server in bd.shared_server(checks={"allow": [f.address, f.opened], "rules": rules, **QUICK}):
        yield f
    f.host.shutdown()
    f.host.server_close()
    f.canaries.close()


def refused(answer, *fields):
    status, body = answer
    assert status == 422 and body["field"] in fields, answer


def test_values(field):
    for n, value in enumerate(REFUSED_VALUES + NEIGHBOURS):
        for check in CHECKS:
            refused(field.post("a", f"v{n}", value, check.format(field.port)), "check")
        for port in (field.server.http_port, field.server.dns[1]):
            refused(field.post("a", f"v{n}", value, f"tcp://:{port}"), "check")
        field.assert_silence()
    for n, value in enumerate(REFUSED_VALUES_6 + NEIGHBOURS_6):
        for check in CHECKS:
            refused(field.post("aaaa", f"v{n}", value, check.format(field.port)), "check")
        field.assert_silence()
    for kind, values in (("a", NO_ADDRESSES), ("aaaa", NO_ADDRESSES_6)):
        for value in values:
            refused(field.post(kind, "noaddress", value, f"http://:{field.port}/"), "value", "check")
    field.assert_silence()
    assert field.server.get("/health")["health"] == []


def test_values_under_a_rule(field):
    """A rule's checks may go to others than who asks: only what such an address means stops them."""
    names = []
    for kind, values in (("a", REFUSED_VALUES), ("aaaa", REFUSED_VALUES_6)):
        for n, value in enumerate(values):
            for rule in range(len(CHECKS)):
                names.append(f"rule{rule}-{kind}{n}")
                body = urllib.parse.urlencode({"name": names[-1], "value": value})
                status, answer = field.server.request("POST", f"/{kind}?wait=committed", body, FORM)
                assert status == 201, answer
                field.tried += 1
    field.checked(names)
    for h in field.server.get("/health")["health"]:
        if h["name"].startswith("rule"):
            check, = h["checks"]
            assert check["last"]["output"].startswith("not asked: ") and h["state"] == "UNKNOWN", h
    field.assert_silence()


def test_hosts_of_urls(field):
    """Accepted ones are names for the Host header: the connection goes to the host."""
    taken = []
    urls = [f"http://{host}:{field.port}/h{n}" for n, host in enumerate(HOSTS)]
    urls += [shape.format(*[f"{host}:{field.port}"] * 2) for shape in SHAPES for host in ("127.0.0.1", "localhost", "169.254.169.254")]
    for n, url in enumerate(urls):
        answer = field.post("a", f"h{n}", field.address, url)
        if answer[0] == 201:
            taken.append((f"h{n}", url))
        else:
            refused(answer, "check")
    assert 30 < len(taken) < len(urls) - 30, taken
    field.checked([name for name, _ in taken])
    asked = [url.split("/")[-1] for _, url in taken if url.startswith("http:") and "/h" in url]
    bd.wait_for(lambda: {f"/{path}" for path in asked} <= field.host.asked, "each came to the host")
    field.assert_silence()


def test_redirects(field):
    names = [f"r{n}" for n in range(len(HOSTS))]
    for n, name in enumerate(names):
        assert field.post("a", name, field.address, f"http://:{field.port}/{n}")[0] == 201
    field.checked(names)
    bd.wait_for(lambda: {f"/{n}" for n in range(len(HOSTS))} <= field.host.asked, "each came to the host")
    for name in random.sample(names, 5):
        last = field.server.get(f"/health/{name}")["checks"][0]["last"]
        assert last["ok"] is True and "HTTP 307" in last["output"], last
    field.assert_silence()
    assert field.tried >= 200
    print(f"{field.tried} spellings tried")


def test_the_canary_hears(field):
    """It was not deaf: what the operator has opened is asked, by TCP and by UDP."""
    field.assert_silence()
    heard = set()

    def both():
        heard.update(field.canaries.look())
        return len(heard) == 2
    for name, check in (("open1", f"tcp://:{field.port}"), ("open2", f"dns://:{field.port}/lab.example")):
        assert field.post("a", name, field.opened, check)[0] == 201
    bd.wait_for(both, "the canary hears")
    assert heard == {(field.opened, "SOCK_STREAM"), (field.opened, "SOCK_DGRAM")}
