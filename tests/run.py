#!/usr/bin/env python3
"""Runs the tests' steps three at a time, counts what they counted, and ends with `N passed, N failed`.

    tests/run.py [--build DIR] all | STEP...

A step that fails, dies, takes too long or runs no test at all counts as failed. Each step's output is in
DIR/test-logs/STEP.log; the end of it is shown when it failed.
"""
import argparse
import collections
import concurrent.futures
import glob
import os
import re
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SANITIZERS = {
    "ASAN_OPTIONS": "halt_on_error=1:detect_leaks=1:strict_string_checks=1:allow_addr2line=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1:allow_addr2line=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}
MAKING = collections.defaultdict(threading.Lock)  # one a build folder
CMOCKA = re.compile(r"\[  (PASSED|FAILED|SKIPPED) *\] (\d+) test\(s\)")
TROUBLE = re.compile(r"FAILED|ERROR|runtime error|LINE +\]|^not ok|^E  |warning: |error: ")
ABSENT = re.compile(r"^not applicable: .*", re.MULTILINE)  # what this machine cannot do, with the reason
LINT = re.compile(r"^(not ok|ok) - ", re.MULTILINE)


class Count:
    def __init__(self, passed=0, failed=0, skipped=0):
        self.passed, self.failed, self.skipped = passed, failed, skipped

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self):
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


class Step:
    """One line of the plan: it builds, runs programs and counts, all into its own log."""

    def __init__(self, name, options):
        self.name, self.options = name, options
        self.count = Count()
        self.path = os.path.join(options.build, "test-logs", name + ".log")
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        self.log = open(self.path, "w+", encoding="utf-8", errors="replace")

    def call(self, command, timeout, env=None):
        """Runs a command into the log; gives its status and what it wrote. Ends its whole group past the time."""
        self.log.write("$ " + " ".join(command) + "\n")
        self.log.flush()
        start = os.fstat(self.log.fileno()).st_size
        process = subprocess.Popen(command, cwd=TOP, stdin=subprocess.DEVNULL, stdout=self.log,
                                   stderr=subprocess.STDOUT, start_new_session=True,
                                   env={**ENVIRONMENT, **(env or {})})
        RUNNING.add(process)
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            end(process)
            status = -signal.SIGKILL
            self.log.write(f"\nno end within {timeout} s: ended\n")
        finally:
            RUNNING.discard(process)
        self.log.flush()
        with open(self.path, encoding="utf-8", errors="replace") as log:
            log.seek(start)
            return status, log.read()

    def fail(self, why):
        self.log.write(f"FAILED: {why}\n")
        self.count.failed += 1

    def make(self, build, *arguments):
        with MAKING[build]:  # two that fill one folder at the same time would link what the other one compiles
            return self.make_alone(build, *arguments)

    def make_alone(self, build, *arguments):
        status, _ = self.call(["make", "--no-print-directory", f"-j{self.options.jobs}", f"B={build}", *arguments], 1800)
        if status:
            self.fail("make " + " ".join(arguments))
        return status == 0

    def cmocka(self, build, timeout, wrapper=()):
        programs = [f"{build}/{p[:-2]}" for p in sorted(files("tests/unit/test_*.c"))]
        for program in programs:
            status, output = self.call([*wrapper, program], timeout, {"COREDNS": coredns(), **SANITIZERS})
            got = {"PASSED": 0, "FAILED": 0, "SKIPPED": 0}
            for word, number in CMOCKA.findall(output):
                got[word] += int(number)
            self.count.add(Count(got["PASSED"], got["FAILED"], got["SKIPPED"]))
            if status and not got["FAILED"]:
                self.fail(f"{program} ended with {status}")
            elif not sum(got.values()):
                self.fail(f"{program} ran no test")

    def pytest(self, build, timeout, marker=None, env=None, folders=("tests/e2e",), part=None):
        """part: it is one of several runs of this step, and may have no test that is meant."""
        if not self.make(self.options.build, "load-programs"):
            return None
        before = self.count.failed
        xml = os.path.abspath(os.path.join(self.options.build, "test-logs", f"{part or self.name}.xml"))
        if os.path.exists(xml):
            os.unlink(xml)
        environment = {"BETTERDNS": os.path.abspath(f"{build}/betterdns"), "COREDNS": coredns(),
                       "SERVERS": servers(), "LOAD_DNS": os.path.abspath(f"{self.options.build}/bench/load_dns"),
                       "BETTERDNS_FAULT": os.path.abspath(f"{build}/tests/fault"),
                       "PYTHONDONTWRITEBYTECODE": "1", "PYTHONNOUSERSITE": "1", **SANITIZERS, **(env or {})}
        command = [sys.executable, "-m", "pytest", *folders, "-q", "-ra", "-p", "no:cacheprovider",
                   f"--junitxml={xml}", *(["-m", marker] if marker else [])]
        status, output = self.call(command, timeout, environment)
        for line in ABSENT.findall(output):
            say(f"-- {self.name}: {line}")
        if not os.path.exists(xml):
            return self.fail(f"pytest ended with {status} and no report")
        for suite in ElementTree.parse(xml).getroot().iter("testsuite"):
            total, errors, failures, skipped = (int(suite.get(k, 0)) for k in ("tests", "errors", "failures", "skipped"))
            failed = errors + failures
            self.count.add(Count(max(0, total - failed - skipped), failed, skipped))
        if status and self.count.failed == before and not (part and status == NO_TESTS):
            self.fail(f"pytest ended with {status}")
        return None


# The outer make's jobs and variables are not the inner one's: all that matters is passed by name.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
RUNNING = set()
COREDNS = threading.Lock()
E2E_LOCK, E2E_FILES = threading.Lock(), collections.deque()  # with None at its left end once it is filled
NO_TESTS = 5  # pytest's


def end(process):
    """Asks first: pytest's fixtures end the servers that they started, which are in sessions of their own."""
    for number, patience in ((signal.SIGINT, 15), (signal.SIGKILL, None)):
        try:
            os.killpg(process.pid, number)
            process.wait(patience)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def files(pattern):
    return [os.path.relpath(p, TOP) for p in glob.glob(os.path.join(TOP, pattern))]


def e2e_has(marker):
    texts = (open(os.path.join(TOP, p), encoding="utf-8").read() for p in files("tests/e2e/test_*.py"))
    return any(f"mark.{marker}" in text for text in texts)


def coredns():
    with COREDNS:
        if not os.environ.get("BETTERDNS_TEST_COREDNS"):
            path = subprocess.run([os.path.join(TOP, ".mk/coredns.sh"), "path"], check=True, text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout.strip()
            os.environ["BETTERDNS_TEST_COREDNS"] = path
        return os.environ["BETTERDNS_TEST_COREDNS"]


def servers():
    """The folder of Debian's other name servers."""
    with COREDNS:
        if not os.environ.get("BETTERDNS_TEST_SERVERS"):
            path = subprocess.run([os.path.join(TOP, ".mk/unpacked.sh"), "bind9", "nsd", "knot"], check=True, text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout.strip()
            os.environ["BETTERDNS_TEST_SERVERS"] = path
        return os.environ["BETTERDNS_TEST_SERVERS"]


def unit(step):
    if step.make(step.options.build, "unit-programs"):
        step.cmocka(step.options.build, 300)


def coverage(step):
    if not step.make(step.options.build, "coverage-programs"):
        return
    status, output = step.call([sys.executable, "tests/coverage.py", "--build", step.options.build], 600)
    step.count.add(Count(status == 0, status != 0))
    if status in (0, 1):
        say("-- coverage: " + output.strip().splitlines()[-1])


def e2e_file():
    """Each file once, the largest first; None when there is none left."""
    with E2E_LOCK:
        if not E2E_FILES:
            E2E_FILES.extend(sorted(files("tests/e2e/test_*.py"), key=lambda f: os.path.getsize(os.path.join(TOP, f))) + [None])
            E2E_FILES.rotate(1)
        return E2E_FILES.pop() if E2E_FILES[-1] else None


# Two such steps share the files: most of their time is spent waiting for what a server is to do.
def e2e(step):
    if not step.make(step.options.build, "all"):
        return
    while (path := e2e_file()):
        step.pytest(step.options.build, 1800, "not soak", folders=[path], part="e2e-" + os.path.basename(path)[:-3])


def fault(step):
    if step.make(step.options.build, "all", "fault-programs"):
        step.pytest(step.options.build, 1800, "not soak", folders=["tests/fault"])


def sanitized(step, wrapper=(), **variables):
    build = f"{step.options.build}/{step.name}"
    settings = [f"{k}={v}" for k, v in variables.items()]
    if step.make(build, *settings, "unit-programs"):
        step.cmocka(build, 900, wrapper)
    if e2e_has("sanitize") and step.make(build, *settings, "all"):
        step.pytest(build, 1200, "sanitize and not soak")


# One build by clang serves the address sanitizer, the fuzzers, and clang's own warnings.
def asan(step):
    sanitized(step, CC="clang", FLAVOUR="fuzz")


# The run-time of gcc 12 cannot place its shadow under the address randomization of newer kernels.
def tsan(step):
    still = ["setarch", "-R"]
    works = subprocess.run([*still, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0
    sanitized(step, still if works else (), FLAVOUR="tsan")


def fuzz(step):
    build = f"{step.options.build}/asan"
    if not step.make(build, "CC=clang", "FLAVOUR=fuzz", "fuzz-programs"):
        return
    for source in sorted(files("tests/fuzz/fuzz_*.c")):
        target = os.path.splitext(os.path.basename(source))[0]
        found = os.path.abspath(f"{build}/corpus/{target}")
        os.makedirs(found, exist_ok=True)
        seconds = step.options.fuzz_seconds
        seeds = [d for d in (f"tests/corpus/{target[5:]}",) if os.path.isdir(os.path.join(TOP, d))]
        status, _ = step.call([f"{build}/{source[:-2]}", f"-max_total_time={seconds}", "-timeout=10",
                               "-rss_limit_mb=2048", "-print_final_stats=1",
                               f"-artifact_prefix={build}/{target}-", found, *seeds], seconds + 120, SANITIZERS)
        step.count.add(Count(status == 0, status != 0))


def lint(step):
    status, output = step.call([sys.executable, "tests/lint/lint.py", "--build", step.options.build,
                                "--jobs", str(step.options.jobs)], 1800)
    verdicts = LINT.findall(output)
    step.count.add(Count(verdicts.count("ok"), verdicts.count("not ok")))
    if status and not step.count.failed:
        step.fail(f"lint ended with {status}")


def soak(step):
    if step.make(step.options.build, "all", "fault-programs"):
        step.pytest(step.options.build, 24 * 3600, "soak", {"BETTERDNS_SOAK_ROUNDS": str(step.options.soak_rounds)},
                    ["tests/e2e", "tests/fault"])


# The plan, longest first where it can be: a step, the files without which it does not exist yet, steps that come before it.
PLAN = {
    "unit": (unit, "tests/unit/test_*.c", ()),
    "coverage": (coverage, "tests/coverage.py", ("unit",)),
    "e2e": (e2e, "tests/e2e/test_*.py", ("unit",)),
    "e2e-too": (e2e, "tests/e2e/test_*.py", ("unit",)),
    "asan": (asan, "tests/unit/test_*.c", ()),
    "fault": (fault, "tests/fault/test_*.py", ("unit",)),
    "lint": (lint, "tests/lint/lint.py", ()),
    "fuzz": (fuzz, "tests/fuzz/fuzz_*.c", ("asan",)),
    "tsan": (tsan, "tests/unit/test_*.c", ()),
    "soak": (soak, "tests/e2e/test_*.py", ()),
}


def say(text):
    """One write a message: the steps speak at the same time."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def excerpt(lines):
    """What failed, with what stands around it, and the end."""
    near, last = set(), range(max(0, len(lines) - 30), len(lines))
    for i in (i for i, line in enumerate(lines) if TROUBLE.search(line)):
        if len(near) < 120:
            near.update(range(max(0, i - 3), min(len(lines), i + 8)))
    return [lines[i] for i in sorted(near.union(last))]


def run_step(name, options):
    step, started = Step(name, options), time.monotonic()
    say(f"-- {name}: started")
    try:
        PLAN[name][0](step)
    except Exception as error:  # a step that breaks is a failed step, and the others go on
        step.fail(f"{type(error).__name__}: {error}")
    if not step.count.passed and not step.count.failed and name != "e2e-too":
        step.fail("no test was run")
    if step.count.skipped and os.environ.get("CI") == "true":
        step.fail(f"{step.count.skipped} skipped, which CI does not allow")
    step.log.close()
    if step.count.failed:
        with open(step.path, encoding="utf-8", errors="replace") as log:
            say("\n".join([f"==== from {step.path}", *excerpt(log.read().splitlines()), "===="]))
    say(f"-- {name}: {step.count}, {time.monotonic() - started:.0f} s")
    return step.count


def run_all(names, options):
    """Some at a time, in the order of the plan; a step waits for those before it, where they run at all."""
    total, waiting, running = Count(), list(names), {}
    with concurrent.futures.ThreadPoolExecutor(options.slots) as pool:
        while waiting or running:
            for name in list(waiting):
                blocked = any(n in waiting or n in running.values() for n in PLAN[name][2])
                if len(running) < options.slots and not blocked:
                    waiting.remove(name)
                    running[pool.submit(run_step, name, options)] = name
            done, _ = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in done:
                running.pop(future)
                total.add(future.result())
    return total


def end_all(number, _frame):
    for process in list(RUNNING):
        end(process)
    os._exit(128 + number)


def main():
    cores = len(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--fuzz-seconds", type=int, default=10)
    parser.add_argument("--soak-rounds", type=int, default=10000)
    parser.add_argument("--slots", type=int, default=max(3, cores // 2))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("steps", nargs="+", choices=["all", *PLAN])
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, end_all)
    signal.signal(signal.SIGINT, end_all)

    names = [n for n in PLAN if n != "soak"] if options.steps == ["all"] else options.steps
    if "e2e" in names and "e2e-too" not in names:
        names.append("e2e-too")
    present = [n for n in names if files(PLAN[n][1])]
    for name in names:
        if name not in present:
            say(f"-- {name}: absent ({PLAN[name][1]})")
    if any(n in present for n in ("e2e", "fault", "soak", "asan", "tsan")) and files("tests/e2e/test_*.py"):
        coredns()  # built before anything else, with its progress in sight
        servers()
    total = run_all(present, options)
    print(total)
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main())
