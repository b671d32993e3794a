"""What the tests of tests/e2e and tests/fault share: their conftest.py imports all of it."""
import shutil

import pytest

import bd

NOT_APPLICABLE = []  # lines for the report


def pytest_configure(config):
    config.addinivalue_line("markers", "sanitize: also run against the sanitizer builds")
    config.addinivalue_line("markers", "soak: a campaign of hours, make soak")
    config.addinivalue_line("markers", "slow: takes more than ten seconds")
    config.addinivalue_line("markers", "mounts: mounts something; needs root or user namespaces")
    config.addinivalue_line("markers", "cgroup: limits the memory of a control group; needs root, or one of its own")
    config.addinivalue_line("markers", "netns: makes network namespaces; needs root or user namespaces")
    config.addinivalue_line("markers", "systemd: runs systemd in namespaces; needs root")
    config.addinivalue_line("markers", "root: needs root, to be two users")
    config.addinivalue_line("markers", "power: has a disk of its own, to cut its power or to fill it; needs root and loop devices")


def leave_out(config, items, marker, what, missing):
    """Tests that this machine cannot run, for the reason that missing() gives, are neither passed nor skipped: they are not among the
    tests, and the report says so. True: there are such tests, and they can be run."""
    marked = [item for item in items if item.get_closest_marker(marker)]
    lacks = missing() if marked else None
    if lacks:
        items[:] = [item for item in items if item not in marked]
        config.hook.pytest_deselected(items=marked)
        NOT_APPLICABLE.append(f"not applicable: {len(marked)} tests {what} ({lacks})")
    return bool(marked) and not lacks


def pytest_terminal_summary(terminalreporter):
    while NOT_APPLICABLE:
        terminalreporter.write_line(NOT_APPLICABLE.pop())


@pytest.fixture(scope="session", autouse=True)
def tools():
    """A missing tool is a failure with a name, never a skipped test."""
    for tool in ("curl", "dig"):
        assert shutil.which(tool), f"{tool} is not installed: make deps-test"
    assert bd.COREDNS, "COREDNS is not set: run the tests by make test"


@pytest.fixture(scope="module")
def server():
    """A running server that the tests of one file share: use names of your own."""
    yield from bd.shared_server()


@pytest.fixture
def make_server():
    """A factory for tests that start, stop and kill: make_server(zones=…).start()."""
    made = []

    def make(**options):
        folder = bd.temporary_folder()
        made.append((bd.Server(folder, **options), folder))
        return made[-1][0]

    yield make
    for s, folder in made:
        s.close()
        shutil.rmtree(folder, ignore_errors=True)
