#!/usr/bin/env python3
"""Line coverage of zonefile_parser/ by the unit tests: tests/coverage.py [--build DIR] [--lines].

The programs are built by `make coverage-programs`: zonefile_parser/ is compiled for gcov, the rest is
the unit tests' own. Prints a line a file and the whole; --lines: also the lines that no test reaches.
Fails below LEAST percent, and where a test fails.
"""
import argparse
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDER = "zonefile_parser"
LEAST = 90.0
EXECUTED = re.compile(r"File '([^']+)'\nLines executed:([0-9.]+)% of (\d+)")
UNREACHED = re.compile(r"^ *#####: *(\d+):(.*)$", re.MULTILINE)


def run_tests(build, data):
    """Each program writes its counts below data, merged with those of the programs before."""
    environment = {**os.environ, "GCOV_PREFIX": data, "GCOV_PREFIX_STRIP": "0"}
    programs = sorted(p for p in glob.glob(os.path.join(build, "coverage/test_*")) if os.access(p, os.X_OK))
    if not programs:
        sys.exit("coverage: no program in " + build + "/coverage: make coverage-programs")
    for program in programs:
        done = subprocess.run([program], cwd=TOP, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", timeout=300, check=False)
        if done.returncode:
            sys.exit(f"{done.stdout}\ncoverage: {program} ended with {done.returncode}")


def gcov(data, objects, sources, lines):
    """(source, percent, lines, what no test reaches) of each file."""
    counts = data + os.path.abspath(objects)
    for notes in glob.glob(os.path.join(objects, "*.gcno")):
        os.makedirs(counts, exist_ok=True)
        shutil.copy(notes, counts)
    for source in sources:
        where = tempfile.mkdtemp(dir=data)
        os.symlink(os.path.join(TOP, FOLDER), os.path.join(where, FOLDER))  # gcov knows the sources by these names
        out = subprocess.run(["gcov", "-o", counts, source], cwd=where, check=True, text=True,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout
        found = [m for m in EXECUTED.findall(out) if m[0].endswith(source)]
        if not found:
            sys.exit(f"coverage: gcov says nothing of {source}:\n{out}")
        unreached = []
        if lines:
            with open(os.path.join(where, os.path.basename(source) + ".gcov"), encoding="utf-8") as text:
                unreached = UNREACHED.findall(text.read())
        yield source, float(found[0][1]), int(found[0][2]), unreached


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--lines", action="store_true")
    options = parser.parse_args()
    sources = sorted(os.path.relpath(p, TOP) for p in glob.glob(os.path.join(TOP, FOLDER, "*.c")))
    total = reached = 0.0
    with tempfile.TemporaryDirectory() as data:
        run_tests(options.build, data)
        objects = os.path.join(options.build, "coverage", FOLDER)
        for source, percent, count, unreached in gcov(data, objects, sources, options.lines):
            print(f"{percent:6.2f} % of {count:4d} lines  {source}")
            for number, text in unreached:
                print(f"    {source}:{number}:{text}")
            total += count
            reached += percent * count / 100
    percent = 100 * reached / total
    verdict = "" if percent >= LEAST else f", but {LEAST:.0f} % are asked for"
    print(f"{FOLDER}/: {percent:.1f} % of {total:.0f} lines are reached by the unit tests{verdict}")
    return 0 if percent >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
