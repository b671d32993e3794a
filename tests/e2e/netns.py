"""Hosts on a link of their own, in network namespaces that a test makes itself and that go with it: a betterdns at REGISTRAR, and hosts at
10.77.1.1, 10.77.1.2, … on the other end of a virtual cable, which can be cut. One process is all of the hosts; one that dies loses its
address, so that nothing answers for it any more, not even a refusal.

A scenario is a function of a test file that runs in a process of its own inside the namespace: netns.run(__file__, "scenario_…")."""
import functools
import http.client
import http.server
import importlib.util
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import bd  # noqa: E402

REGISTRAR, NOBODY, PORT = "10.77.0.1", "10.77.2.1", 8080


def unshare(*more):
    return ["unshare", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]), "--net", *more]


@functools.lru_cache
def missing():
    """What this machine lacks for it, or None."""
    done = subprocess.run([*unshare("ip", "link", "add", "one", "type", "veth", "peer", "name", "other")], capture_output=True, text=True,
                          timeout=bd.PATIENCE, check=False)
    return None if done.returncode == 0 else done.stderr.strip() or "no right to make a network namespace"


def run(path, scenario, seconds=240):
    """Runs the scenario inside; what it prints is printed, and its failure is one."""
    done = subprocess.run([*unshare(), sys.executable, __file__, path, scenario], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=seconds, check=False, start_new_session=True)
    print(done.stdout)
    assert done.returncode == 0, done.stdout


def ip(*words, inside=None):
    enter = ["nsenter", "--target", str(inside), "--net"] if inside else []
    done = subprocess.run([*enter, "ip", *words], capture_output=True, text=True, timeout=bd.PATIENCE, check=False)
    assert done.returncode == 0, (words, done.stderr)


def address(number):
    return f"10.77.1.{number}"


class Hosts:
    """So many hosts that answer GET /healthz, and the cable to them."""

    def __init__(self, count):
        self.count = count
        self.process = subprocess.Popen(["unshare", "--net", sys.executable, __file__, "hosts"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        assert self.process.stdout.readline() == "apart\n"
        self.pid = self.process.pid
        ip("link", "set", "lo", "up")
        ip("link", "add", "registrar", "type", "veth", "peer", "name", "hosts", "netns", str(self.pid))
        ip("address", "add", f"{REGISTRAR}/16", "dev", "registrar")
        ip("link", "set", "registrar", "up")
        ip("link", "set", "lo", "up", inside=self.pid)
        self.mend()
        # The first address of a network takes the others along when it goes: it is nobody's.
        ip("address", "add", f"{NOBODY}/16", "dev", "hosts", inside=self.pid)
        for number in range(1, count + 1):
            self.revive(number)
        self.ask(do="serve", port=PORT)

    def ask(self, **words):
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def die(self, number):
        ip("address", "del", f"{address(number)}/32", "dev", "hosts", inside=self.pid)

    def revive(self, number):
        ip("address", "add", f"{address(number)}/32", "dev", "hosts", inside=self.pid)

    def cut(self):
        ip("link", "set", "hosts", "down", inside=self.pid)

    def mend(self):
        ip("link", "set", "hosts", "up", inside=self.pid)
        ip("route", "replace", "10.77.0.0/16", "dev", "hosts", inside=self.pid)

    def post(self, server, number, **fields):
        """As the host itself does it, without naming its address: the answer's status (0: it did not get through)."""
        return self.post_all(server, [(number, fields)])[0]

    def post_all(self, server, each):
        form = [(address(number), "&".join(f"{k}={v}" for k, v in fields.items())) for number, fields in each]
        return self.ask(do="post", host=server.host, port=server.http_port, form=form, token=getattr(server, "token", None))

    def close(self):
        self.process.stdin.close()
        self.process.wait(bd.PATIENCE)


def betterdns(folder, **options):
    """Its HTTP stands where hosts reach it; a token where terminate is configured."""
    server = bd.Server(folder, **options)
    server.host = REGISTRAR
    server.url = f"http://{REGISTRAR}:{server.http_port}"
    server.config["http"].update(listen=[f"{REGISTRAR}:{server.http_port}"], auth="none")
    return server


# ---- inside ---------------------------------------------------------------------------------------------------------------------------------

class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"ok\n")

    def log_message(self, *_):
        pass


class Listener(http.server.ThreadingHTTPServer):
    request_queue_size = 1024
    daemon_threads = True


def post(request, source, form):
    connection = http.client.HTTPConnection(request["host"], request["port"], timeout=2, source_address=(source, 0))
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if request["token"]:
        headers["Authorization"] = f"Bearer {request['token']}"
    try:
        connection.request("POST", "/a", form, headers)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def be_hosts():
    print("apart", flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        answer = None
        if request["do"] == "serve":
            listener = Listener(("0.0.0.0", request["port"]), Health)
            threading.Thread(target=listener.serve_forever, daemon=True).start()
        elif request["do"] == "post":
            answer = [post(request, source, form) for source, form in request["form"]]
        print(json.dumps(answer), flush=True)


def main():
    if sys.argv[1] == "hosts":
        be_hosts()
        return
    spec = importlib.util.spec_from_file_location("scenarios", sys.argv[1])
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    getattr(module, sys.argv[2])()


if __name__ == "__main__":
    main()
