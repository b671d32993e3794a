"""The files of examples/: each is read by the program that it is for, and the proxies and the hosts' units are run."""
import json
import os
import re
import select
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import bd
import pid1

EXAMPLES = bd.ROOT / "examples"
CLOUD_CONFIGS = sorted(p.name for p in EXAMPLES.glob("cloud-init-*.txt"))
HOST_UNITS = ("here-i-am.service", "still-here.service", "still-here.timer")
TOKEN = "0123456789abcdef"
TOOLS = ("cloud-init", "nginx", "caddy", "docker-compose")


@pytest.fixture(scope="module")
def unpacked():
    """The folder of Debian's packages of these tools, which are not installed."""
    done = subprocess.run([bd.ROOT / ".mk/unpacked.sh", "-a", *TOOLS], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300,
                          check=False)
    assert done.returncode == 0 and done.stdout.strip(), done.stderr
    return Path(done.stdout.strip())


@pytest.fixture
def tool(unpacked, tmp_path):
    """Runs one of them: (status, all that it prints)."""
    folders = f"{unpacked}/usr/lib/{os.uname().machine}-linux-gnu:{unpacked}/usr/lib"
    env = {"PATH": f"{unpacked}/usr/bin:{unpacked}/usr/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8",
           "LD_LIBRARY_PATH": folders, "PYTHONPATH": f"{unpacked}/usr/lib/python3/dist-packages", "PYTHONDONTWRITEBYTECODE": "1"}

    def run(name, *words, start=False):
        path = shutil.which(name, path=env["PATH"])
        assert path, f"no {name} in {unpacked}"
        with open(path, "rb") as file:
            python = [sys.executable] if file.readline().startswith(b"#!/usr/bin/python") else []
        if start:
            return subprocess.Popen([*python, path, *words], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                    stderr=open(tmp_path / "log", "wb"), start_new_session=True)
        done = subprocess.run([*python, path, *words], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=60, check=False)
        return done.returncode, done.stdout

    run.env = env
    return run


@pytest.fixture
def load(tool):
    """A YAML file as Python has it."""
    def run(path):
        script = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1], encoding='utf-8'))))"
        done = subprocess.run([sys.executable, "-c", script, path], env=tool.env, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def written(config):
    return {f["path"]: f for f in config["write_files"]}


# ---- cloud-init ----

@pytest.mark.parametrize("name", CLOUD_CONFIGS)
def test_cloud_init_takes_it(tool, load, unpacked, name):
    status, said = tool("cloud-init", "schema", "--config-file", str(EXAMPLES / name))
    assert status == 0 and "Valid" in said, said
    schema = next((unpacked / "usr/lib/python3/dist-packages/cloudinit/config/schemas").glob("schema-cloud-config-v1.json"))
    known = {key for part in json.loads(schema.read_text())["$defs"].values() for key in part.get("properties", {})}
    assert set(load(EXAMPLES / name)) <= known  # which the schema itself does not ask for


def test_cloud_init_would_say_what_is_wrong(tool, tmp_path):
    wrong = tmp_path / "wrong.txt"
    wrong.write_text((EXAMPLES / "cloud-init-phone-home.txt").read_text().replace("tries: 10", "tries: ten"))
    status, said = tool("cloud-init", "schema", "--config-file", str(wrong))
    assert status != 0 and "tries" in said, said


def test_the_hosts_units_are_those_beside_it(load):
    files = written(load(EXAMPLES / "cloud-init-host.txt"))
    for name in HOST_UNITS:
        assert files[f"/etc/systemd/system/{name}"]["content"] == (EXAMPLES / name).read_text()


def test_the_servers_files(load, tmp_path):
    """Its configuration is one that we take, its script one that the shell takes."""
    files = written(load(EXAMPLES / "cloud-init-server.txt"))
    config = tmp_path / "betterdns.yaml"
    config.write_text(files["/etc/betterdns/betterdns.yaml"]["content"])
    done = subprocess.run([bd.BETTERDNS, "check", "-c", str(config)], capture_output=True, timeout=bd.PATIENCE, check=False)
    assert b"betterdns.yaml:" not in done.stderr, done.stderr.decode()
    script = files["/usr/local/sbin/install-betterdns"]["content"]
    assert subprocess.run(["sh", "-n"], input=script, text=True, timeout=bd.PATIENCE, check=False).returncode == 0
    for target in re.findall(r"^make (\S+)$", script, re.MULTILINE):
        assert re.search(rf"^{target}:", (bd.ROOT / "Makefile").read_text(), re.MULTILINE), target


def test_the_servers_script_tries_again(load, tmp_path):
    """A network that comes up at the third attempt; then the installed one is started."""
    script = written(load(EXAMPLES / "cloud-init-server.txt"))["/usr/local/sbin/install-betterdns"]["content"]
    script = script.replace("/usr/local/", f"{tmp_path}/").replace("/etc/betterdns", str(tmp_path))
    programs = tmp_path / "programs"
    programs.mkdir()
    (tmp_path / "bin").mkdir()
    said = tmp_path / "said"
    git = f'n=$(grep -c ^git {said})\n[ "$n" -ge 3 ] || exit 128\nmkdir -p "$5/.mk"\n' \
          f'printf "#!/bin/sh\\necho /bin/true\\n" >"$5/.mk/coredns.sh"; chmod +x "$5/.mk/coredns.sh"\n'
    for name, more in (("git", git), ("make", ""), ("chown", ""), ("systemctl", ""), ("sleep", "")):
        (programs / name).write_text(f'#!/bin/sh\necho {name} "$@" >>{said}\n{more}')
        (programs / name).chmod(0o755)
    done = subprocess.run(["sh", "-c", script], env={"PATH": f"{programs}:/usr/bin:/bin"}, capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode == 0, done.stderr
    did = [line.split(" --depth")[0] for line in said.read_text().splitlines()]
    assert did == ["git clone", "sleep 10", "git clone", "sleep 10", "git clone", "make deps", "make install", f"chown betterdns: {tmp_path}/token",
                   "systemctl daemon-reload", "systemctl enable betterdns.service", "systemctl restart betterdns.service"]
    assert os.access(tmp_path / "bin/coredns", os.X_OK)


# ---- hosts under systemd, at an address that is not loopback ----

CONFIG = f"""
data: /var/lib/betterdns
live: /run/betterdns
http: {{listen: ["{pid1.ADDRESS}:8000"], AUTH}}
zones:
  - {{name: lab.example, file: /var/lib/betterdns/lab.example.zone, ns: [ns1.lab.example. {pid1.ADDRESS}]}}
server: {{kind: coredns, listen: "{pid1.ADDRESS}:53", binary: {pid1.PREFIX}/bin/coredns}}
"""


def machine_with(auth, **more):
    yield from pid1.started(CONFIG.replace("AUTH", auth), **more)


def dig(machine, name):
    return machine.run("dig", "+short", "+tries=1", "+time=1", f"@{pid1.ADDRESS}", name)


@pytest.fixture
def host():
    yield from machine_with("token_file: /etc/betterdns.token", units=[EXAMPLES / name for name in HOST_UNITS],
                            files={"betterdns.token": TOKEN + "\n", "betterdns-token": TOKEN + "\n"})


@pytest.fixture
def open_machine():
    yield from machine_with("auth: none, allow: [10.0.0.0/8]")


@pytest.mark.systemd
def test_a_host_registers_renews_and_leaves(host):
    assert host.systemctl("start", "here-i-am.service", "still-here.timer") == (0, "")
    assert dig(host, "web01.lab.example") == (0, pid1.ADDRESS)

    def expires():
        status, said = host.run("curl", "-fsS", "-H", f"Authorization: Bearer {TOKEN}", f"http://{pid1.ADDRESS}:8000/a/web01")
        assert status == 0, said
        registration = json.loads(said)["registrations"][0]
        assert registration["lease"] == "3m" or registration["lease"] == 180, registration
        return registration["expires"]

    before = expires()
    bd.wait_for(lambda: host.systemctl("start", "still-here.service")[0] == 0 and expires() > before, "a renewal")
    status, said = host.systemctl("show", "still-here.timer", "--value", "--property", "NextElapseUSecMonotonic")
    assert status == 0 and said not in ("", "infinity"), said
    assert host.systemctl("stop", "here-i-am.service") == (0, "")
    bd.wait_for(lambda: dig(host, "web01.lab.example") == (0, ""), "the end of the registration")


@pytest.mark.systemd
def test_a_host_registers_by_phone_home(open_machine, tool, load):
    """By cloud-init's own module, with the example's words."""
    config = load(EXAMPLES / "cloud-init-phone-home.txt")
    script = "import inspect, json, logging, sys, types\nfrom cloudinit.config import cc_phone_home\n" \
             "config = json.loads(sys.argv[1])\n" \
             "name = types.SimpleNamespace(hostname=config['hostname'])\n" \
             "cloud = types.SimpleNamespace(get_instance_id=lambda: 'i-7', get_hostname=lambda fqdn=False: name,\n" \
             "                              paths=types.SimpleNamespace(get_ipath_cur=lambda *a: '/nowhere', get_cpath=lambda *a: '/nowhere'),\n" \
             "                              distro=None)\n" \
             "more = [logging.getLogger()] if len(inspect.signature(cc_phone_home.handle).parameters) == 5 else []\n" \
             "cc_phone_home.handle('phone_home', config, cloud, *more, [])\n"
    env = [f"{name}={value}" for name, value in tool.env.items() if name.startswith(("PYTHON", "LD_", "HOME"))]
    status, said = open_machine.run("env", *env, "no_proxy=*", sys.executable, "-c", script, json.dumps(config))
    assert status == 0, said
    assert dig(open_machine, "web.lab.example") == (0, pid1.ADDRESS), said


def test_a_hostname_is_a_name(server):
    """What phone_home sends, in a form."""
    answer = server.curl("-d", "hostname=homed", "-d", "value=192.0.2.5", path="/a?wait=served")
    assert answer.status == 201 and answer.json["name"] == "homed.lab.example.", answer
    assert server.dig("homed.lab.example") == ["192.0.2.5"]


# ---- docker ----

def test_docker_compose_takes_it(tool, load):
    path = EXAMPLES / "docker-compose.yml"
    status, said = tool("docker-compose", "-f", str(path), "config", "-q")
    assert status == 0, said
    service = load(path)["services"]["betterdns"]
    assert (EXAMPLES.parent / service["build"]["dockerfile"]).is_file() and service["build"]["context"] == ".."
    assert service["cap_drop"] == ["ALL"] and "NET_BIND_SERVICE" in service["cap_add"] and service["network_mode"] == "host"
    assert service["logging"]["driver"] in ("local", "journald") and service["restart"] == "always"


def test_docker_compose_would_say_what_is_wrong(tool, tmp_path):
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text((EXAMPLES / "docker-compose.yml").read_text().replace("cap_drop:", "cap_drops:"))
    status, said = tool("docker-compose", "-f", str(wrong), "config", "-q")
    assert status != 0 and "cap_drops" in said, said


def test_the_image_has_the_libraries():
    """Those of the packages that this machine's program takes its libraries from; Debian 13 adds t64 to some names."""
    packages = set()
    for line in subprocess.run(["ldd", bd.BETTERDNS], capture_output=True, text=True, check=True).stdout.splitlines():
        name = line.split()[0]
        if re.match(r"lib(civetweb|cjson|curl|sqlite3|ssl|crypto|yaml)", name):
            path = line.split("=> ")[1].split()[0]
            owner = subprocess.run(["dpkg-query", "-S", os.path.realpath(path)], capture_output=True, text=True, check=True).stdout
            packages.add(owner.split(":")[0].removesuffix("t64"))
    assert len(packages) >= 5, packages
    last = (EXAMPLES / "Dockerfile").read_text().rsplit("FROM", 1)[1]
    assert packages <= set(last.split()), packages


# ---- proxies ----

def through_a_proxy(server, url, *more):
    """What a registration and a forged one give."""
    curl = ["curl", "-sSk", "--noproxy", "*", "--max-time", str(bd.PATIENCE), "--resolve", f"dns-api.lab.example:{url.rsplit(':', 1)[1]}:127.0.0.1",
            "-o", "/dev/null", "-w", "%{http_code}", *more]
    name = f"proxied{url.rsplit(':', 1)[1]}"
    done = subprocess.run([*curl, "-d", f"name={name}", "-d", "value=192.0.2.9", url + "/a?wait=served"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "201"), (done, server.log()[-2000:])
    assert server.dig(f"{name}.lab.example") == ["192.0.2.9"]
    # Who registers without an address gets the one that the proxy saw, whatever he says himself: here a loopback one.
    done = subprocess.run([*curl, "-H", "X-Forwarded-For: 10.9.9.9", "-d", "name=forged", url + "/a"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "422"), done


def events_come_at_once(server, url):
    """The stream's head and an event, while the stream goes on."""
    with subprocess.Popen(["curl", "-sSkN", "--noproxy", "*", "--resolve", f"dns-api.lab.example:{url.rsplit(':', 1)[1]}:127.0.0.1", "-H",
                           "Accept: text/event-stream", "-D", "-", url + "/events"], stdout=subprocess.PIPE, bufsize=0) as stream:
        try:
            assert "200" in read_until(stream, "HTTP/")
            read_until(stream, ("\n", "\r\n"))  # the end of the head: from here on each event is seen
            server.register("streamed", "192.0.2.10")
            assert "streamed" in read_until(stream, "data:")
        finally:
            stream.terminate()


def read_until(stream, start):
    """A line that begins so; not for ever."""
    while True:
        assert select.select([stream.stdout], [], [], bd.PATIENCE)[0], f"no {start!r}"
        line = stream.stdout.readline().decode()
        assert line, f"the stream has ended without {start!r}"
        if line.startswith(start):
            return line


@pytest.fixture
def proxied(make_server):
    return make_server(http={"hosts": ["dns-api.lab.example"], "trusted_proxies": ["127.0.0.1"]}).start()


def run_proxy(process, server, url, log):
    try:
        bd.wait_for(lambda: process.poll() is not None or accepts(int(url.rsplit(":", 1)[1])), "the proxy to listen")
        assert process.poll() is None, log.read_text()
        through_a_proxy(server, url)
        events_come_at_once(server, url)
    finally:
        process.terminate()
        process.wait(bd.PATIENCE)


def accepts(port):
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex(("127.0.0.1", port)) == 0


def test_nginx_in_front(tool, proxied, tmp_path):
    port = bd.free_address("127.0.0.1")[1]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=dns-api.lab.example", "-days", "2", "-keyout",
                    tmp_path / "dns-api.key", "-out", tmp_path / "dns-api.pem"], check=True, capture_output=True, timeout=bd.PATIENCE)
    site = (EXAMPLES / "nginx.conf").read_text()
    patience = re.search(r"proxy_read_timeout (\d+)s;", site)  # its default would cut off a wait of 60 s
    assert patience and int(patience[1]) > 60
    for old, new in (("listen 443 ", f"listen 127.0.0.1:{port} "), ("/etc/ssl/", f"{tmp_path}/"), ("127.0.0.1:8000", f"{proxied.host}:{proxied.http_port}")):
        assert old in site
        site = site.replace(old, new)
    (tmp_path / "site.conf").write_text(site)
    places = "".join(f"{name}_temp_path {tmp_path}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user root;\n" if os.geteuid() == 0 else ""
    (tmp_path / "nginx.conf").write_text(f"{user}daemon off;\npid {tmp_path}/pid;\nerror_log {tmp_path}/error;\nevents {{}}\n"
                                         f"http {{\naccess_log off;\n{places}include {tmp_path}/site.conf;\n}}\n")
    words = ("-e", str(tmp_path / "error"), "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"))
    status, said = tool("nginx", "-t", *words)
    assert status == 0 and "test is successful" in said, said
    run_proxy(tool("nginx", *words, start=True), proxied, f"https://dns-api.lab.example:{port}", tmp_path / "log")


def test_caddy_in_front(tool, proxied, tmp_path):
    status, said = tool("caddy", "validate", "--adapter", "caddyfile", "--config", str(EXAMPLES / "Caddyfile"))
    assert status == 0 and "Valid configuration" in said, said
    port = bd.free_address("127.0.0.1")[1]
    site = (EXAMPLES / "Caddyfile").read_text()
    # without TLS: it would ask a public authority for a certificate of the name
    for old, new in (("dns-api.lab.example {", f"http://dns-api.lab.example:{port} {{"), ("reverse_proxy 127.0.0.1:8000",
                     f"reverse_proxy {proxied.host}:{proxied.http_port}")):
        assert old in site
        site = site.replace(old, new)
    (tmp_path / "Caddyfile").write_text("{\n\tadmin off\n}\n" + site)
    process = tool("caddy", "run", "--adapter", "caddyfile", "--config", str(tmp_path / "Caddyfile"), start=True)
    run_proxy(process, proxied, f"http://dns-api.lab.example:{port}", tmp_path / "log")
