"""Fixtures of the whole-binary tests. They need root: sandboxes are made of namespaces, mounts and cgroups."""

import os
import re
import subprocess

import pytest

import apps
import kubectl
import oci
from running_platform import BIN, ROOT, SERVICES, Platform

PACKAGES = {"nginx": ["nginx-light"], "python": ["python3"], "node": ["nodejs"], "npm": ["nodejs", "npm"],
            "busybox": ["busybox-static"], "websockets": ["python3", "python3-websockets"], "venv": ["python3", "python3-venv"],
            "cmake": ["cmake", "g++", "make", "findutils", "grep"]}


def pytest_terminal_summary(terminalreporter):
    for version in set(kubectl.VERSIONS) - set(kubectl.here()):
        terminalreporter.write_line(f"NOT TESTED: kubectl {version} is not on this machine")


def pytest_sessionstart(session):
    if os.geteuid() != 0:
        pytest.exit("the whole-binary tests need root: run them as `sudo ./dev test e2e`", returncode=1)
    if not BIN.exists():
        pytest.exit(f"there is no {BIN}: run ./dev build first", returncode=1)


@pytest.fixture(scope="session")
def tide_program():
    """The path of the static test app."""
    return apps.tide_program()


@pytest.fixture(scope="session")
def tide(tmp_path_factory):
    """An image of nothing but the test app: `oci:DIR`."""
    return apps.tide_image(tmp_path_factory.mktemp("tide"))


@pytest.fixture(scope="session")
def bomb(tmp_path_factory):
    """An image of app/bomb.cc: `oci:DIR`."""
    return apps.bomb_image(tmp_path_factory.mktemp("bomb"))


@pytest.fixture(scope="session")
def probe_image(debian_image, tmp_path_factory):
    """An image of app/probe.py, which runs what it is sent: `oci:DIR`."""
    layout = tmp_path_factory.mktemp("probe")
    oci.make(layout, {"app/probe.py": (ROOT / "tests" / "e2e" / "app" / "probe.py").read_bytes()},
             {"Entrypoint": ["python3", "-u", "/app/probe.py"]}, base=debian_image("python"))
    return f"oci:{layout}"


@pytest.fixture(scope="session")
def recorder_image(debian_image, tmp_path_factory):
    """An image of app/recorder.py, which remembers what it is sent and answers what it is told: `oci:DIR`."""
    layout = tmp_path_factory.mktemp("recorder")
    oci.make(layout, {"app/recorder.py": (ROOT / "tests" / "e2e" / "app" / "recorder.py").read_bytes()},
             {"Entrypoint": ["python3", "-u", "/app/recorder.py"]}, base=debian_image("python"))
    return f"oci:{layout}"


@pytest.fixture(scope="session")
def debian_image():
    """name → the layout of an image with the files of Debian's packages in PACKAGES, kept in build/images."""

    def make(name):
        layout = ROOT / "build" / "images" / name
        done = subprocess.run([str(ROOT / "tools" / "base-image"), str(layout), *PACKAGES[name]],
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"tools/base-image: {done.stdout}{done.stderr}"
        return layout

    return make


def _run(platform):
    try:
        yield platform.start()
        platform.stop()
    finally:
        platform.clean()


@pytest.fixture(scope="session")
def platform():
    """The platform that most tests share; each uses service names of its own. When the session ends it must leave
    nothing behind."""
    yield from _run(Platform())


@pytest.fixture
def own_platform():
    """A platform for this test alone."""
    yield from _run(Platform())


def _service_name(request, platform, suffix=""):
    """Made of the test's; the service is deleted afterwards, so that the next test has the machine."""
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower().removeprefix("test_"))
    chosen = words[:40].strip("-") + suffix
    yield chosen
    platform.call(f"{SERVICES}/{chosen}", "DELETE")


@pytest.fixture
def name(request, platform):
    """A service name for this test."""
    yield from _service_name(request, platform)


@pytest.fixture
def another(request, platform):
    """A second one."""
    yield from _service_name(request, platform, "-2")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows what the platform's roles said meanwhile."""
    report = (yield).get_result()
    for fixture in ("platform", "own_platform"):
        running = getattr(item, "funcargs", {}).get(fixture)
        if report.failed and running and running.log_path.exists():
            report.sections.append((f"marea serve ({fixture})", running.log()))
