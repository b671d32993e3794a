"""The command line without a server: exit codes, and what is said where. BETTERDNS names the program."""
import os
import subprocess

import pytest

pytestmark = pytest.mark.sanitize
PROGRAM = os.environ.get("BETTERDNS") or os.path.join(os.path.dirname(__file__), "../../build/betterdns")
COMMANDS = ["run", "check", "doctor", "config", "zone check", "zone canon", "zone fmt", "zone log", "zone show", "zone rollback", "zone accept",
            "zone discard", "explain", "health", "watch", "version", "help"]
ZONE = """$ORIGIN lab.example.
@ 60 SOA ns1 admin 7 3600 600 86400 10
  NS ns1
ns1 A 192.0.2.53
web 5m IN A 192.0.2.7
"""


def betterdns(*arguments, stdin="", env=None, cwd=None, stdout=subprocess.PIPE):
    environment = {k: v for k, v in os.environ.items() if k != "BETTERDNS_CONFIG"}
    return subprocess.run([os.path.abspath(PROGRAM), *arguments], input=stdin, env={**environment, **(env or {})}, cwd=cwd,
                          stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60)


def refused(result, code):
    """A failure prints nothing on stdout and says something on stderr, in words of this program."""
    assert result.returncode == code, result
    assert not result.stdout, result
    assert result.stderr.endswith("\n")
    return result.stderr


def succeeded(result):
    assert result.returncode == 0, result
    assert result.stderr == "", result
    return result.stdout


@pytest.fixture(name="zone")
def zone_fixture(tmp_path):
    path = tmp_path / "lab.zone"
    path.write_text(ZONE)
    return path


@pytest.fixture(name="config")
def config_fixture(tmp_path, zone):
    path = tmp_path / "c.yaml"
    path.write_text(f"data: data\nzones:\n  - name: lab.example\n    file: {zone.name}\n")
    return path


# ---- usage ----

def test_help_names_every_command_and_nothing_that_is_not_there():
    text = succeeded(betterdns("help"))
    for command in COMMANDS:
        assert f"\n  {command} " in text
    for later in ("  register", "  complete ", "  man "):
        assert later not in text
    assert text == succeeded(betterdns("--help")) == succeeded(betterdns("-h"))


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(command):
    text = succeeded(betterdns(*command.split(), "--help"))
    assert text.startswith(f"usage: betterdns {command}")
    assert text == succeeded(betterdns("help", *command.split()))
    assert text == succeeded(betterdns("--help", *command.split()))


def test_a_group_of_commands_has_help():
    text = succeeded(betterdns("help", "zone"))
    assert [line.split()[1] for line in text.splitlines() if line.startswith("  ")] == [c.split()[1] for c in COMMANDS if c.startswith("zone ")]
    assert text == succeeded(betterdns("zone", "--help")) == succeeded(betterdns("-h", "zone"))
    refused(betterdns("help", ""), 2)


def test_without_a_command_the_usage_goes_to_stderr():
    assert refused(betterdns(), 2).startswith("usage: betterdns")


@pytest.mark.parametrize("arguments, said", [
    (["rn"], "unknown command 'rn' (did you mean 'run'?)"),
    (["chekc"], "unknown command 'chekc' (did you mean 'check'?)"),
    (["frobnicate"], "unknown command 'frobnicate'\n"),
    (["zone"], "zone what? Expected check, canon, fmt, log, show, "),
    (["zone", "chek"], "unknown command 'zone chek' (did you mean 'zone check'?)"),
    (["zone", "accept"], "zone accept: an argument is missing"),
    (["zone", "rollback", "lab.example"], "zone rollback: an argument is missing"),
    (["zone", "log", "--seq", "3"], "zone log takes no option '--seq'"),
    (["check", "--curl"], "check takes no option '--curl'"),
    (["zone", "log", "--since"], "--since needs SEQ"),
    (["zone", "log", "-o", "xml"], "-o is table, json or jsonl, not 'xml'"),
    (["zone", "log", "--server", "ftp://x"], "'ftp://x' is no URL of a server: http://ADDRESS:PORT"),
    (["zone", "log", "--server", "http://u:p@x"], "a URL with a user is not taken"),
    (["zone", "log", "--server", "http://x/?a=b"], "'http://x/?a=b': the URL of a server ends with its path"),
    (["register", "web"], "unknown command 'register'"),
    (["help", "rn"], "unknown command 'rn' (did you mean 'run'?)"),
    (["help", "check", "run"], "unknown command"),
    (["--hlp"], "unknown option '--hlp' (did you mean '--help'?)"),
    (["run", "--confg=x"], "unknown option '--confg=x' (did you mean '--config'?)"),
    (["run", "--help=x"], "unknown option '--help=x'"),
    (["-x"], "unknown option '-x'\n"),
    (["run", "-c"], "-c needs a file"),
    (["run", "--config"], "--config needs a file"),
    (["check", "x"], "check: one argument too many: 'x'"),
    (["config", "x"], "config: one argument too many: 'x'"),
    (["zone", "check"], "zone check: an argument is missing"),
    (["zone", "canon", "lab.example"], "zone canon: an argument is missing"),
    (["zone", "canon", "a", "b", "c"], "zone canon: one argument too many: 'c'"),
    (["help", *"abcdefgh"], "too many arguments"),
    (["zone", "check", "a..b", "x"], "'a..b' is not a zone's name"),
    (["\x1b[2J\n"], "unknown command '\\x1b[2J\\x0a'"),
])
def test_wrong_usage_is_2_with_a_sentence_and_the_nearest_word(arguments, said):
    stderr = refused(betterdns(*arguments), 2)
    assert f"betterdns: {said}" in stderr


def test_an_argument_may_begin_with_a_hyphen_behind_two(tmp_path):
    (tmp_path / "-z").write_text(ZONE)
    assert "is valid" in succeeded(betterdns("zone", "check", "--", "-z", cwd=tmp_path))


def test_version():
    text = succeeded(betterdns("version"))
    assert text.startswith("betterdns ") and text.count("\n") == 1
    assert text == succeeded(betterdns("--version"))


def test_a_full_disk_is_an_error():
    with open("/dev/full", "w", encoding="ascii") as full:
        result = betterdns("help", stdout=full)
    assert result.returncode == 1
    assert "cannot write to standard output: No space left on device" in result.stderr


# ---- configuration ----

def test_config_prints_a_file_to_begin_with(tmp_path):
    text = succeeded(betterdns("config"))
    for key in ("data:", "live:", "http:", "  listen:", "server:", "  strategy: auto", "zones:", "#  - name: lab.example"):
        assert f"\n{key}" in text
    path = tmp_path / "c.yaml"
    path.write_text(text)
    assert "no zone is configured" in refused(betterdns("check", "-c", str(path)), 7)
    path.write_text(text.replace("\n#  ", "\n  "))
    assert "is valid" in succeeded(betterdns("check", "-c", str(path)))


@pytest.mark.parametrize("how", ["-c X", "-cX", "--config X", "--config=X", "environment"])
def test_the_configuration_is_named_in_any_of_these_ways(config, how):
    if how == "environment":
        result = betterdns("check", env={"BETTERDNS_CONFIG": str(config)})
    else:
        option = how.replace("X", str(config)).split()
        assert betterdns("check", *option).stdout == betterdns(*option, "check").stdout
        result = betterdns(*option, "check", env={"BETTERDNS_CONFIG": "/no/such"})
    text = succeeded(result)
    assert f"configuration {config} is valid\n" in text
    assert "zone lab.example.: " in text and "is valid: 4 record sets, serial 7\n" in text


@pytest.mark.parametrize("command", ["check", "run"])
def test_faults_of_the_configuration_are_7_with_their_places(tmp_path, command):
    path = tmp_path / "c.yaml"
    path.write_text("dta: x\nhttp:\n  lisen: []\nzones:\n  - name: lab.example\n    ttl: soon\n")
    stderr = refused(betterdns(command, "-c", str(path)), 7)
    assert stderr.splitlines() == [
        f"{path}:1:1: unknown key 'dta' (did you mean 'data'?)",
        f"{path}:3:3: unknown key 'lisen' (did you mean 'listen'?)",
        f"{path}:6:10: 'soon' is not a TTL; expected seconds, or 5m, 1h",
    ]


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_configuration_that_is_not_there_is_3(command):
    assert refused(betterdns(command, "-c", "/no/such.yaml"), 3) == "betterdns: /no/such.yaml: No such file or directory\n"


def test_without_a_zone_the_lines_to_write_are_shown(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("")
    stderr = refused(betterdns("run", "-c", str(path)), 7)
    assert "no zone is configured" in stderr and "zones:\n  - name: lab.example\n" in stderr
    if not os.path.exists("/etc/betterdns/betterdns.yaml"):
        assert "hint: name a file by -c FILE or BETTERDNS_CONFIG" in refused(betterdns("run"), 7)


def test_check_reads_the_zone_files_too(config, zone):
    zone.write_text(ZONE + "bad AAA 192.0.2.1\n")
    stderr = refused(betterdns("check", "-c", str(config)), 7)
    assert f"{zone}:6:5: error: unknown record type 'AAA' (did you mean 'AAAA'?)" in stderr
    assert "bad AAA 192.0.2.1\n" in stderr and "^~~" in stderr
    zone.unlink()
    assert "is not there yet" in succeeded(betterdns("check", "-c", str(config)))


# ---- zone files ----

def test_zone_check_takes_the_origin_from_the_command_or_the_file(zone):
    expected = f"{zone}: zone lab.example. is valid: 4 record sets, serial 7\n"
    assert succeeded(betterdns("zone", "check", str(zone))) == expected
    assert succeeded(betterdns("zone", "check", "lab.example", str(zone))) == expected
    zone.write_text(ZONE.replace("$ORIGIN lab.example.\n", ""))
    assert succeeded(betterdns("zone", "check", "LAB.example.", str(zone))).lower() == expected.lower()
    stderr = refused(betterdns("zone", "check", str(zone)), 2)
    assert "says which zone this is" in stderr and "hint: betterdns zone check ORIGIN FILE" in stderr


def test_zone_check_says_every_fault(zone):
    zone.write_text(ZONE + "web CNAME ns1\nb MX x\nc A 192.0.2.300\n")
    stderr = refused(betterdns("zone", "check", str(zone)), 7)
    assert ":7:" in stderr and ":8:" in stderr
    zone.write_text(ZONE + "web CNAME ns1\n")
    assert "CNAME" in refused(betterdns("zone", "check", str(zone)), 7)


def test_zone_files_that_cannot_be_read(tmp_path):
    assert "No such file" in refused(betterdns("zone", "check", str(tmp_path / "none")), 3)
    assert "Is a directory" in refused(betterdns("zone", "check", str(tmp_path)), 1)
    os.mkfifo(tmp_path / "fifo")
    assert "not a file" in refused(betterdns("zone", "check", str(tmp_path / "fifo")), 1)


def test_zone_canon_prints_one_record_a_line_in_the_files_order(zone):
    expected = [
        "lab.example. 60 CLASS1 TYPE6 \\# 56 036E7331036C6162076578616D706C65000561646D696E036C6162076578616D706C6500"
        "0000000700000E1000000258000151800000000A",
        "lab.example. 60 CLASS1 TYPE2 \\# 17 036E7331036C6162076578616D706C6500",
        "ns1.lab.example. 60 CLASS1 TYPE1 \\# 4 C0000235",
        "web.lab.example. 300 CLASS1 TYPE1 \\# 4 C0000207",
    ]
    assert succeeded(betterdns("zone", "canon", "lab.example", str(zone))).splitlines() == expected
    assert succeeded(betterdns("zone", "canon", "lab.example", "-", stdin=ZONE)).splitlines() == expected


def test_zone_canon_prints_nothing_of_a_file_that_it_refuses():
    stderr = refused(betterdns("zone", "canon", "lab.example", "-", stdin=ZONE + "bad A 1.2.3\n"), 7)
    assert "standard input:6:7: error: " in stderr
    stderr = refused(betterdns("zone", "canon", "lab.example", "-", stdin=ZONE + "web CNAME ns1\n"), 7)
    assert stderr.count("standard input:6:1: error: 'web.lab.example.' has a CNAME") == 1
    stderr = refused(betterdns("zone", "canon", "lab.example", "-", stdin="; nothing\n"), 7)
    assert "the zone has no SOA record" in stderr


def test_zone_files_include_files_below_their_directory(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "zone").write_text(ZONE + "$INCLUDE sub/hosts east\n$GENERATE 1-2 g$ A 192.0.2.$\n")
    (tmp_path / "sub/hosts").write_text("a A 192.0.2.8\n$INCLUDE more\n")
    (tmp_path / "more").write_text("b A 192.0.2.9\n")
    for argument, options in [(str(tmp_path / "zone"), {}), ("zone", {"cwd": tmp_path}), ("./zone", {"cwd": tmp_path}),
                              ("../zone", {"cwd": tmp_path / "sub"}),
                              ("-", {"cwd": tmp_path, "stdin": (tmp_path / "zone").read_text()})]:
        lines = succeeded(betterdns("zone", "canon", "lab.example", argument, **options)).splitlines()
        assert [line.split(" ")[0] for line in lines[4:]] == ["a.east.lab.example.", "b.east.lab.example.", "g1.lab.example.",
                                                              "g2.lab.example."]
        assert "8 record sets" in succeeded(betterdns("zone", "check", argument, **options))
    (tmp_path / "more").write_text("b AAA ::1\n")
    stderr = refused(betterdns("zone", "check", str(tmp_path / "zone")), 7)
    assert stderr == f"{tmp_path}/more:1:3: error: unknown record type 'AAA' (did you mean 'AAAA'?)\n  1 | b AAA ::1\n    |   ^~~\n"
    assert betterdns("zone", "check", "zone", cwd=tmp_path).stderr.startswith("more:1:3: error: ")


@pytest.mark.parametrize("name, why", [("none", "'none' cannot be included: No such file or directory"),
                                       ("../outside", "'../outside' cannot be included: it is outside the directory"),
                                       ("/etc/passwd", "'/etc/passwd' cannot be included: it is outside the directory"),
                                       ("link", "'link' cannot be included: it is outside the directory"),
                                       ("fifo", "'fifo' cannot be included: it is a FIFO, not a file"),
                                       (".", "'.' cannot be included: it is a directory"),
                                       ("zone", "'zone' cannot be included: it is the zone file itself"),
                                       ("loop", "loop:1:10: error: 'loop' includes itself")])
def test_what_cannot_be_included_is_said(tmp_path, name, why):
    folder = tmp_path / "zones"
    folder.mkdir()
    (tmp_path / "outside").write_text("a A 192.0.2.8\n")
    (folder / "link").symlink_to("../outside")
    (folder / "loop").write_text("$INCLUDE loop\n")
    os.mkfifo(folder / "fifo")
    (folder / "zone").write_text(ZONE + f"$INCLUDE {name}\n")
    stderr = refused(betterdns("zone", "check", "zone", cwd=folder), 7)
    assert why in stderr and stderr.count("error: ") == 1
    assert stderr.startswith("zone:6:10: error: " if name != "loop" else "loop:1:10: error: ")


# ---- tidying ----

UNTIDY = "$ORIGIN lab.example.\n@  60 SOA ns1 admin ( 7 ; serial\n 3600 600 86400 10 )\n  NS ns1 ;x\nns1   A 192.0.2.53\n"
TIDY = """$ORIGIN lab.example.
@   60 SOA ns1 admin ( 7 ; serial
           3600 600 86400 10 )
       NS  ns1 ;x
ns1    A   192.0.2.53
"""


def test_zone_fmt_prints_the_tidy_zone_and_leaves_the_file(zone):
    zone.write_text(UNTIDY)
    assert succeeded(betterdns("zone", "fmt", str(zone))) == TIDY
    assert succeeded(betterdns("zone", "fmt", "lab.example", str(zone))) == TIDY
    assert succeeded(betterdns("zone", "fmt", "-", stdin=UNTIDY)) == TIDY
    assert zone.read_text() == UNTIDY


def test_zone_fmt_check_says_whether_anything_would_change(zone):
    zone.write_text(UNTIDY)
    assert "zone fmt would change it" in refused(betterdns("zone", "fmt", "--check", str(zone)), 1)
    zone.write_text(TIDY)
    assert succeeded(betterdns("zone", "fmt", "--check", str(zone))) == ""


def test_zone_fmt_prints_nothing_of_a_file_that_it_refuses(zone):
    zone.write_text(UNTIDY + "bad A 1.2.3\n")
    for option in ([], ["--check"]):
        assert f"{zone}:6:7: error: " in refused(betterdns("zone", "fmt", *option, str(zone)), 7)
    assert "No such file" in refused(betterdns("zone", "fmt", str(zone) + "x"), 3)
    assert "--check" in refused(betterdns("zone", "check", "--check", str(zone)), 2)


def test_zone_check_with_warnings_alone_is_0(zone):
    zone.write_text(ZONE + "web 5m A 192.0.2.7\n")
    result = betterdns("zone", "check", str(zone))
    assert result.returncode == 0
    assert result.stdout == f"{zone}: zone lab.example. is valid: 4 record sets, serial 7\n"
    assert result.stderr == f"{zone}:6:1: warning: the same record as in line 5\n  6 | web 5m A 192.0.2.7\n    | ^~~\n"
