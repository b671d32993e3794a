"""What a Corefile of the user's own imports, and relative paths in it: as `coredns -conf` has it in that file's folder."""
import os
import subprocess

import pytest

import bd
from test_corefile import refused
from test_strategy import write

MAIN = """import zones/*.conf
static.example:{port} {{
    bind {host}
    file data/static.zone
}}
hosts.example:{port} {{
    bind {host}
    hosts data/hosts
}}
"""
ZONE = """lab.example:{port} {{
    import ../common/us.conf  # from this file's own folder
    file {live}/lab.example.zone {{
        reload 100ms
    }}
}}
"""
US = """bind {host} {{$BETTERDNS_PROBE}}
nsid {{$BETTERDNS_NSID}}
errors
"""
STATIC = "@ 60 SOA ns1 admin 7 3600 600 86400 10\n@ 60 NS ns1\nns1 60 A 192.0.2.53\nwww 60 A 192.0.2.80\n"
NAMES = {"www.static.example": ["192.0.2.80"], "a.hosts.example": ["192.0.2.81"]}


def lay_out(etc, host, port, live):
    """The user's folder."""
    for name, text in {"Corefile": MAIN, "zones/lab.conf": ZONE, "common/us.conf": US,
                       "data/static.zone": STATIC, "data/hosts": "192.0.2.81 a.hosts.example\n"}.items():
        (etc / name).parent.mkdir(parents=True, exist_ok=True)
        (etc / name).write_text(text.format(host=host, port=port, live=live))


@pytest.fixture
def own(make_server):
    server = make_server()
    server.etc = server.folder / "etc"
    server.corefile = server.etc / "Corefile"
    server.config["server"]["corefile"] = str(server.corefile)
    lay_out(server.etc, *server.dns, server.live)
    return server


def shown(server):
    return {name: bd.addresses(server, name) for name in NAMES}


def answers(address):
    try:
        return bd.query(address, "www.static.example", timeout=0.2)
    except OSError:
        return None


def test_relative_paths_are_what_they_are_by_hand(own):
    own.start()
    assert own.register("web", "10.0.0.1").json["served"] is True
    assert own.dig("web.lab.example") == ["10.0.0.1"] and shown(own.dns) == NAMES
    by_hand = bd.free_address()
    lay_out(own.folder / "hand", *by_hand, own.live)
    environment = {**os.environ, "BETTERDNS_PROBE": bd.free_address()[0], "BETTERDNS_NSID": "x"}
    with subprocess.Popen([bd.COREDNS, "-conf", str(own.folder / "hand/Corefile")], cwd=own.folder / "hand", env=environment,
                          stdout=subprocess.DEVNULL) as coredns:
        try:
            bd.wait_for(lambda: answers(by_hand), "the one that was started by hand")
            assert shown(by_hand) == NAMES
            assert bd.addresses(by_hand, "web.lab.example") == ["10.0.0.1"]
        finally:
            coredns.kill()


def static(own):
    return bd.addresses(own.dns, "new.example")


MORE = """new.example:{port} {{
    bind {host}
    template IN A {{
        answer "{{{{ .Name }}}} 30 IN A {address}"
    }}
}}
"""


def test_what_is_imported_is_followed(own):
    """A change of a file that is imported, and a new one where a wildcard leads."""
    own.start()
    pid = own.status()["server"]["pid"]
    more = own.etc / "zones/more.conf"
    for i in range(3):
        more.write_text(MORE.format(host=own.dns[0], port=own.dns[1], address=f"192.0.2.{i + 1}"))
        bd.wait_for(lambda: static(own) == [f"192.0.2.{i + 1}"], "what is imported")
        assert write(own, "web", f"10.0.0.{i + 1}")[0] in (200, 201)
        assert own.dig("web.lab.example") == [f"10.0.0.{i + 1}"]
    more.unlink()
    bd.wait_for(lambda: static(own) == [], "the end of it")
    assert own.status()["server"]["pid"] == pid and own.status()["server"]["reason"] is None


def test_a_fault_is_named_by_the_file_and_line_in_which_it_is(own):
    (own.etc / "common/us.conf").write_text(US.format(host=own.dns[0]) + "\n# here:\nnonsense\n")
    log = refused(own)
    assert f"{own.etc}/common/us.conf:6 - Error during parsing: Unknown directive 'nonsense'" in log, log
    (own.etc / "common/us.conf").write_text(US.format(host=own.dns[0]))
    own.corefile.write_text(own.corefile.read_text() + "\nimport nowhere.conf\n")
    log = refused(own)
    lines = len(own.corefile.read_text().splitlines())
    assert f"{own.corefile}:{lines} - Error during parsing: File to import not found" in log, log


def test_imports_in_a_circle_end(own):
    (own.etc / "common/us.conf").write_text("import ../zones/lab.conf\n")
    assert "more than 16 deep" in refused(own)
