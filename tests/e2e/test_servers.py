"""The same tests with each kind of DNS server: register, edit by hand, a bad configuration, kill -9, a hang, adoption, 200 changes under
load. Debian's bind9, nsd and knot, unpacked and not installed, beside coredns."""
import os
import signal
import socket
from pathlib import Path

import pytest

import bd
from opens import Opens
from test_child import alive, read, refused, server_status
from test_strategy import metric, write
from traffic import Traffic, assert_answered

BINARIES = {"coredns": None, "bind": "named", "nsd": "nsd", "knot": "knotd", "exec": None}

# Any server: here a script that makes a configuration for knotd from the list of zones.
EXEC = """#!/bin/sh
own={folder}/$$
mkdir -p $own
{{
    printf 'server:\\n    rundir: "%s"\\n    listen: %s@%s\\n    tcp-reuseport: on\\n' $own {host} {port}
    printf 'control:\\n    listen: "{folder}/knot.sock"\\ndatabase:\\n    storage: "%s"\\n' $own
    printf 'log:\\n  - target: stderr\\n    any: warning\\n'
    printf 'template:\\n  - id: default\\n    zonefile-sync: -1\\n    zonefile-load: whole\\n    journal-content: none\\nzone:\\n'
    sed -n 's/^\\([^# ]*\\) \\(.*\\)/  - domain: "\\1"\\n    file: "\\2"/p' $1
}} > $own/knot.conf
exec {knotd} -c $own/knot.conf
"""


def exec_options(server):
    """Completes the configuration of a server of kind exec."""
    script, root = server.folder / "start", Path(os.environ["SERVERS"])
    script.write_text(EXEC.format(folder=server.folder, host=server.dns[0], port=server.dns[1], knotd=root / "usr/sbin/knotd"),
                      encoding="ascii")
    script.chmod(0o755)
    server.config["server"].pop("binary", None)
    server.config["server"]["start"] = [str(script), "{zones}"]
    server.config["server"]["reload"] = [str(root / "usr/sbin/knotc"), "-s", str(server.folder / "knot.sock"), "zone-reload"]
    return server


def options(kind):
    program = bd.COREDNS if kind == "coredns" else str(Path(os.environ["SERVERS"]) / "usr/sbin" / (BINARIES[kind] or ""))
    return {"server": {"kind": kind, "binary": program}, "host": "127.0.0.1"}


@pytest.fixture(params=BINARIES)
def kind(request):
    return request.param


@pytest.fixture(name="make")
def make_of_kind(kind, make_server):
    def make(**more):
        o = options(kind)
        o["server"].update(more)
        server = make_server(**o)
        return exec_options(server) if kind == "exec" else server
    return make


@pytest.fixture(scope="module", params=BINARIES)
def shared(request):
    """One of each kind that the tests of this file share."""
    yield from bd.shared_server(prepare=exec_options if request.param == "exec" else None, **options(request.param))


def family(pid):
    """The processes of a server: all of its session."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(entry.name)) == pid:
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def test_it_says_which_server_it_is(shared):
    status = server_status(shared)
    assert status["kind"] == shared.config["server"]["kind"] and status["state"] == "ready"
    if status["kind"] != "exec":
        bd.wait_for(lambda: server_status(shared)["version"], "its version")


def test_a_registration_is_served_when_curl_returns(shared):
    answer = shared.register("web", "192.0.2.7")
    assert answer.status == 201 and answer.json["served"] is True, answer
    assert shared.dig("web.lab.example") == ["192.0.2.7"]
    assert shared.dig("web.lab.example", "A", "+tcp") == ["192.0.2.7"]
    assert shared.curl("-X", "DELETE", path="/a/web?wait=served").status == 200
    assert shared.dig("web.lab.example") == []


def test_an_edit_by_hand_is_served(shared):
    with open(shared.zone_file, "a", encoding="ascii") as f:
        f.write("byhand 60 A 192.0.2.8\n")
    bd.wait_for(lambda: shared.dig_quietly("byhand.lab.example") == ["192.0.2.8"], "the edit")


def test_1000_registrations_each_asked_for_at_once(shared):
    """An old and a new half of a server may read the same sockets: an answer of the new one is not enough."""
    connection, misses = shared.connection(), []
    for i in range(1000):
        status, text = write(shared, f"many{i % 50}", f"10.1.{i // 100}.{i % 100 + 1}", connection)
        shown = [bd.addresses(shared.dns, f"many{i % 50}.lab.example") for _ in range(3)]
        if status not in (200, 201) or shown != [[f"10.1.{i // 100}.{i % 100 + 1}"]] * 3:
            misses.append((i, status, text, shown))
    assert misses == []
    assert "is not as it was left" not in shared.log()  # all of them were ours


def test_200_changes_under_load_lose_no_query(shared):
    write(shared, "steady", "10.6.0.1")
    connection = shared.connection()
    with Traffic(shared.dns, "steady.lab.example", "10.6.0.1") as traffic:
        for i in range(200):
            assert write(shared, f"moving{i % 10}", f"10.7.{i // 10}.{i % 10 + 1}", connection)[0] in (200, 201)
    assert traffic.asked > 200
    assert_answered(shared, traffic)


def test_20_changes_by_a_successor_each(make, kind):
    """The strategy "restart": at most one query lost a swap, and what was said to be served is. Two of bind, or of a kind of
    one's own, cannot be told apart by their addresses: there a signal does it."""
    server = make(strategy="restart").start()
    write(server, "steady", "10.6.0.1")
    with Traffic(server.dns, "steady.lab.example", "10.6.0.1") as traffic:
        for i in range(20):
            assert write(server, "moving", f"10.7.0.{i + 1}")[0] in (200, 201), server.log()[-3000:]
            assert [bd.addresses(server.dns, "moving.lab.example") for _ in range(5)] == [[f"10.7.0.{i + 1}"]] * 5
    assert_answered(server, traffic, 20)
    assert server_status(server)["generation"] > (20 if kind not in ("bind", "exec") else 0)


def test_what_a_killed_server_has_left_does_not_hinder_another(make, kind):
    """A PID file, whose number is another process' by now; folders that nobody else would remove."""
    server = make()
    for n in range(8):
        left = server.live / f"server.{n}"
        (left / "folder").mkdir(parents=True)
        for name in ("knot.pid", "nsd.pid", "named.pid"):
            (left / name).write_text(f"{os.getpid()}\n")
    server.start()
    assert write(server, "web", "192.0.2.7")[0] == 201
    assert server_status(server)["generation"] == 1  # at the first try
    if kind not in ("coredns", "exec"):
        assert sum(p.exists() for p in server.live.glob("server.*/folder")) == 7


def test_a_change_reads_no_other_zone(make, kind):
    """The live copies of the zones that have not changed are not even opened; CoreDNS, which looks at all of them by itself, takes
    the changed one alone. (What a command of the operator's reads is its own affair: here a signal does it.)"""
    server, others = make(strategy="file" if kind == "coredns" else "signal"), ["second.example", "third.example"]
    server.config["zones"] += [{"name": name, "file": str(server.folder / f"{name}.zone")} for name in others]
    server.config["server"].pop("reload", None)
    server.start()
    for name in others:
        assert server.register(f"web.{name}", "192.0.2.1").json["served"] is True  # it has read them by then, and ends with that
    for i in range(10):
        server.register("before", f"192.0.2.{i + 1}")
    generation = server_status(server)["generation"]
    with Opens(*(server.live / f"{name}.zone" for name in others)) as opens:
        for i in range(10):
            assert server.register("web", f"192.0.2.{i + 1}").json["served"] is True
        # a busy machine's publish that was late has started a successor, which reads all
        assert kind == "coredns" or opens.of() == [] or server_status(server)["generation"] > generation
    assert kind != "coredns" or server.log().count('reloaded zone "second.example."') == 1
    assert server.register("after.second.example", "192.0.2.7").json["served"] is True
    assert server.dig("after.second.example") == ["192.0.2.7"]
    assert "not as it was left" not in server.log(), "what it does to them itself is nobody else's doing"


def test_a_killed_server_is_started_again(make):
    server = make().start()
    server.register("before", "10.0.0.1")
    old = server_status(server)["pid"]
    os.kill(old, signal.SIGKILL)
    bd.wait_for(lambda: server_status(server)["pid"] not in (0, None, old) and server.is_ready(), "a new server")
    assert server.dig("before.lab.example") == ["10.0.0.1"]
    assert server.register("behind", "10.0.0.2").json["served"] is True
    assert not [pid for pid in family(old) if alive(pid)]


def test_a_hung_server_is_replaced(make):
    server = make().start()
    old = server_status(server)["pid"]
    for pid in family(old):
        os.kill(pid, signal.SIGSTOP)
    bd.wait_for(lambda: not [pid for pid in family(old) if alive(pid)], "the end of the hung one")
    bd.wait_for(server.is_ready, "a new server")
    assert server.register("anew", "10.0.0.1").json["served"] is True


def test_it_outlives_a_crash_of_ours_and_is_adopted(make):
    server = make().start()
    server.register("stays", "10.0.0.1")
    pid = server_status(server)["pid"]
    server.kill()
    assert alive(pid) and server.dig("stays.lab.example") == ["10.0.0.1"]
    server.start()
    assert server_status(server)["pid"] == pid and server_status(server)["adopted"] is True
    assert server.register("after", "10.0.0.2").json["served"] is True
    assert server.dig("after.lab.example") == ["10.0.0.2"]


def test_what_changed_while_nobody_wrote_is_served_after_the_adoption(make):
    server = make().start()
    server.register("stays", "10.0.0.1")
    pid = server_status(server)["pid"]
    server.kill()
    with open(server.zone_file, "a", encoding="ascii") as f:
        f.write("meanwhile 60 A 192.0.2.9\n")
    server.start()
    assert server_status(server)["pid"] == pid
    bd.wait_for(lambda: server.dig_quietly("meanwhile.lab.example") == ["192.0.2.9"], "the edit")


def test_another_configuration_starts_a_new_one_beside_the_old(make):
    server = make(on_stop="keep").start()
    server.register("both", "10.0.0.1")
    old = server_status(server)["pid"]
    server.stop()
    server.config["zones"].append({"name": "second.example", "file": str(server.folder / "second.zone")})
    server.start()
    assert server_status(server)["pid"] != old
    bd.wait_for(lambda: not [pid for pid in family(old) if alive(pid)], "the end of the old one")
    assert server.register("web.second.example", "10.0.0.2").json["served"] is True
    assert server.dig("web.second.example") == ["10.0.0.2"] and server.dig("both.lab.example") == ["10.0.0.1"]


def test_a_stop_ends_all_of_it(make):
    server = make().start()
    pid = server_status(server)["pid"]
    assert server.stop() == 0
    assert not [p for p in family(pid) if alive(p)]


def test_a_name_of_300_hosts(make):
    """Some servers limit an RRset to 100 records where they are not told otherwise."""
    server = make()
    text = "$TTL 60\n@ SOA ns1 h 5 3600 600 86400 30\n@ NS ns1\nns1 A 127.0.0.1\n_under A 192.0.2.1\n"
    server.zone_file.write_text(text + "".join(f"fleet A 10.0.{i // 200}.{i % 200 + 1}\n" for i in range(300)), encoding="ascii")
    server.start()
    assert len(bd.addresses(server.dns, "fleet.lab.example", tcp=True)) == 300
    assert server.dig("_under.lab.example") == ["192.0.2.1"]


def refused(server, code):
    """A start that ends by itself with this code, says why and leaves nothing."""
    server.launch()
    assert server.process.wait(bd.PATIENCE) == code, server.log()
    assert not [p for p in Path("/proc").glob("[0-9]*/cmdline") if str(server.live).encode() in read(p)]
    assert "hint:" in server.log() or code == 7, server.log()
    return server.log()


SPOIL = """#!/bin/sh
for file in {live}/*[Cc]o*f*; do  # Corefile, named.conf, nsd.conf, knot.conf
    [ ! -f "$file" ] || printf '\\nnonsense {{\\n' >> "$file"
done
exec {real} "$@"
"""


def test_a_configuration_that_it_refuses(make, kind):
    """Its own words, and the file."""
    server = make()
    options, program = server.config["server"], server.folder / "spoiled"
    if kind == "exec":
        program.write_text("#!/bin/sh\necho 'error: nonsense in the configuration' >&2\nexit 3\n", encoding="ascii")
        options["start"] = [str(program)]
    else:
        program.write_text(SPOIL.format(live=server.live, real=options["binary"]), encoding="ascii")
        options["binary"] = str(program)
    program.chmod(0o755)
    log = refused(server, 7)
    said = [line for line in log.splitlines() if line.startswith(f"betterdns: {kind} does not start with {server.live}/")]
    assert said and ("nonsense" in said[-1] or "rror" in said[-1]), log[-2000:]


def test_each_word_of_a_command_counts(make_server):
    """None is left out without a word: too many of them are refused."""
    server = exec_options(make_server(**options("exec")))
    start, counting = server.config["server"]["start"], server.folder / "counting"
    counting.write_text(f'#!/bin/sh\necho $# > {server.folder}/words\nexec {start[0]} "$@"\n', encoding="ascii")
    counting.chmod(0o755)
    server.config["server"]["start"] = [str(counting), "{zones}"] + [str(i) for i in range(30)]
    server.start().stop()
    assert (server.folder / "words").read_text() == "31\n"
    server.config["server"]["start"].append("33rd")
    assert "a command has more than 32 words" in refused(server, 7)


def test_an_address_that_is_another_machines(make):
    server = make(listen="192.0.2.1:5353")
    assert "this machine has no address 192.0.2.1" in refused(server, 7)


def test_a_port_that_somebody_has(make):
    server = make()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(server.dns)
        assert f"(UDP) is in use by python3 (pid {os.getpid()})" in refused(server, 4)


# In the place of a server: one that starts it and stays.
WRAPPER = """#!/bin/sh
printf '%s {{\\n bind %s\\n file %s {{\\n  reload 20ms\\n }}\\n}}\\n' lab.example:{port} {host} {live}/lab.example.zone >{folder}/cf
{before}{coredns} -conf {folder}/cf -quiet {after}
"""


@pytest.fixture
def make_wrapped(make_server):
    def make(before="", after=""):
        server = make_server(server={"kind": "exec"})
        script = server.folder / "start"
        script.write_text(WRAPPER.format(folder=server.folder, live=server.live, host=server.dns[0], port=server.dns[1],
                                         coredns=bd.COREDNS, before=before, after=after), encoding="ascii")
        script.chmod(0o755)
        server.config["server"].pop("binary")
        server.config["server"]["start"] = [str(script), "{zones}"]
        server.config["server"]["reload"] = ["/bin/true"]
        return server
    return make


def running(server):
    """The servers of that configuration."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if f"{server.folder}/cf".encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def test_a_server_behind_a_script_is_no_stranger(make_wrapped):
    """The socket is a process' of its session; after some looks at the port it is believed still."""
    server = make_wrapped(after="; exit 1").start()
    asked = metric(server, "probes_total")
    bd.wait_for(lambda: metric(server, "probes_total") > asked + 8, "looks at the port, with every fourth question")
    assert server_status(server)["reason"] is None, server.log()
    assert server.register("web", "10.0.0.1").json["served"] is True


def test_a_server_that_did_not_hear_is_told_once_more(make_wrapped):
    """Every second reload comes to nothing, without a word: long before anything stronger is tried."""
    server = make_wrapped(before="exec ")
    start, reload = server.folder / "start", server.folder / "reload"
    start.write_text(start.read_text().replace("reload 20ms", "reload 0"))
    reload.write_text(f"""#!/bin/sh
n=$(cat {server.folder}/told || echo 0)
echo $((n + 1)) >{server.folder}/told
[ $((n % 2)) -eq 0 ] || kill -USR1 $(cat {server.folder}/pid)
""")
    reload.chmod(0o755)
    server.config["server"]["reload"] = [str(reload)]
    server.start()
    (server.folder / "pid").write_text(str(server_status(server)["pid"]))
    for i in range(3):
        answer = server.register("web", f"10.0.0.{i + 1}")
        assert answer.json["served"] is True and bd.addresses(server.dns, "web.lab.example") == [f"10.0.0.{i + 1}"]
    assert metric(server, "publish_escalations_total") == 0 and (server.folder / "told").read_text() == "6\n"


# Between us and CoreDNS: the first signal to read again comes to nothing.
DEAF = """#!/bin/sh
case "$1" in -version) exec {coredns} "$@" ;; esac
{coredns} "$@" &
server=$! heard=0
trap 'heard=$((heard + 1)); [ $heard -eq 1 ] || kill -USR1 $server' USR1
trap 'kill -TERM $server' TERM
while kill -0 $server 2>/dev/null; do wait $server; done
"""


def test_a_coredns_that_did_not_hear_is_told_once_more(make_server):
    server = make_server(server={"strategy": "signal"})
    program = server.folder / "program"
    program.write_text(DEAF.format(coredns=bd.COREDNS))
    program.chmod(0o755)
    server.config["server"]["binary"] = str(program)
    server.start()
    for i in range(3):
        answer = server.register("web", f"10.0.0.{i + 1}")
        assert answer.json["served"] is True and bd.addresses(server.dns, "web.lab.example") == [f"10.0.0.{i + 1}"]
    assert metric(server, "publish_escalations_total") == 0 and "did not read" not in server.log(), server.log()


def test_a_stranger_who_takes_the_questions_of_ours_is_no_hang(make_wrapped):
    """Without an address of its own it is asked at the public one. Killed, it would have to leave the port to the stranger."""
    server = make_wrapped(after="; exit 1").start()
    assert server.register("web", "10.0.0.1").json["served"] is True
    before, strangers = running(server), []
    for _ in range(16):  # of as many sockets as these, one has our questions
        strangers.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        strangers[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        strangers[-1].bind(server.dns)
    bd.wait_for(lambda: f"(pid {os.getpid()})" in (server_status(server)["reason"] or ""), "who has the port")
    asked = metric(server, "probes_total")
    bd.wait_for(lambda: metric(server, "probes_total") > asked + 8, "more than three questions unanswered")
    assert running(server) == before and server_status(server)["state"] == "ready"
    for stranger in strangers:
        stranger.close()
    bd.wait_for(lambda: server_status(server)["reason"] is None, "that it is alone again")
    assert server.register("web", "10.0.0.2").json["served"] is True
    assert running(server) == before


def test_what_a_killed_script_has_left_is_ended_at_the_next_start(make_wrapped):
    """Killed with betterdns: its server has the port and the lock."""
    server = make_wrapped(after="; exit 1").start()
    script, left = server_status(server)["pid"], running(server)
    server.kill()
    os.kill(script, signal.SIGKILL)
    bd.wait_for(lambda: not Path(f"/proc/{script}").exists(), "the end of the script")
    assert running(server) == left and len(left) == 1
    server.start()
    assert server.register("web", "10.0.0.1").json["served"] is True
    assert len(running(server)) == 1 and running(server) != left


@pytest.mark.parametrize("before, after", [("", "&"), ("setsid ", "&"), ("", ">/dev/null 2>&1 & exit 1")], ids=["background", "daemon", "failed"])
def test_a_refused_start_leaves_nothing_in_the_background(make_wrapped, before, after):
    server = make_wrapped(before, after)
    log = refused(server, 7)
    assert ("it has to stay in the foreground" in log) == ("exit" not in after), log
    assert running(server) == []
