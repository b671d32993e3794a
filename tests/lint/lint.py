#!/usr/bin/env python3
"""All that is checked without running the program. Prints `ok - NAME` or `not ok - NAME` and the complaints for each check.

    tests/lint/lint.py [--build DIR] [--jobs N] [FILE...]     the files: all of the tree, if none is named
"""
import argparse
import concurrent.futures
import os
import subprocess
import sys
import unittest

import checks
import test_checks

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ROOTS = ("include", "src", "zonefile_parser", "controller", "tests")
STANDARD = ["-std=c17", "-D_GNU_SOURCE", "-DBETTERDNS_VERSION=\"lint\"", "-Iinclude"]
# The analyzer stays inside a function: twenty times faster than following every call, which the sanitizers do anyway.
SHALLOW = ["-Xclang", "-analyzer-config", "-Xclang", "mode=shallow"]
CPPCHECK = [
    "cppcheck", "--quiet", "--std=c11", "--error-exitcode=1", "--inline-suppr", "-D_GNU_SOURCE", "-D__linux__=1", "-Iinclude",
    "--enable=warning,performance,portability",
    "--suppress=missingIncludeSystem",         # the system's headers are not read
    "--suppress=normalCheckLevelMaxBranches",  # a branch too deep to follow is not a finding
    "--suppress=uninitvar",                    # a struct filled through a pointer into it; gcc and clang-analyzer know better
    "--suppress=ctunullpointer",               # takes sizeof(p->field) for a read
    "--suppress=nullPointerOutOfMemory:tests/*",  # a test without memory may die of it
    "--suppress=nullPointerArithmeticOutOfMemory:tests/*",
    "--suppress=memleakOnRealloc:tests/*",     # a test that finds no memory may leak some
]


def all_files():
    found = []
    for root in ROOTS:
        for folder, _, names in os.walk(os.path.join(TOP, root)):
            found += [os.path.relpath(os.path.join(folder, n), TOP) for n in names if n.endswith((".c", ".h"))]
    return sorted(found)


def run(command):
    done = subprocess.run(command, cwd=TOP, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", check=False)
    return done.stdout if done.returncode else ""


def misformatted(path):
    return run(["clang-format", "--dry-run", "-Werror", path]) and f"{path}:1: `make format` would change it"


def scripts():
    """What bash finds wrong with the set-up scripts before it runs them."""
    folder = os.path.join(TOP, ".mk")
    return [run(["bash", "-n", os.path.join(folder, n)]) for n in sorted(os.listdir(folder))]


def search_path(path):
    """The folders that the Makefile gives to a file beyond include/."""
    if path.startswith("tests/"):
        return [f"-iquote{d}" for d in sorted({os.path.dirname(p) for p in all_files() if not p.startswith("include")})]
    return {"controller": ["-iquotecontroller"], "src": ["-iquotesrc"]}.get(path.split("/")[0], [])


def tidy(path):
    return run(["clang-tidy", "--quiet", "--warnings-as-errors=*", path, "--", *STANDARD, *SHALLOW, *search_path(path)])


def header_alone(compiler, path):
    return run([compiler, *STANDARD, *search_path(path), "-Wall", "-Wextra", "-Werror",
                "-fsyntax-only", "-x", "c", "-include", os.path.join(TOP, path), "/dev/null"])


class Report:
    def __init__(self):
        self.failed = False

    def add(self, name, complaints):
        text = "\n".join(c.rstrip() for c in complaints if c)
        self.failed |= bool(text)
        print(f"{'not ok' if text else 'ok'} - {name}" + (f"\n{text}" if text else ""), flush=True)


def own_checks(report, paths):
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromModule(test_checks).run(result)
    report.add("the checks themselves", [text for _, text in result.errors + result.failures])
    sources = {p: open(os.path.join(TOP, p), encoding="utf-8").read() for p in paths}
    for name, check in checks.CHECKS.items():
        report.add(name, check(sources))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    report, paths = Report(), options.files or all_files()
    units = [p for p in paths if p.endswith(".c")]
    headers = [p for p in paths if p.endswith(".h")]

    own_checks(report, paths)
    report.add("scripts: bash -n", scripts())
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        report.add("clang-format", pool.map(misformatted, paths))
        for compiler in ("gcc", "clang"):
            report.add(f"each header compiles alone: {compiler}", pool.map(lambda p, c=compiler: header_alone(c, p), headers))
        cache = os.path.join(TOP, options.build, "cppcheck")
        os.makedirs(cache, exist_ok=True)
        report.add("cppcheck", [run([*CPPCHECK, f"--cppcheck-build-dir={cache}", f"-j{options.jobs}", *units])])
        for path, complaint in zip(units, pool.map(tidy, units)):
            report.add(f"clang-tidy {path}", [complaint])
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
