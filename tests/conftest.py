"""Fixtures for the real components, and for a user's folders.

Where `CI` is set a missing component fails the test; elsewhere it skips it and says what to type.
"""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.fakes import conda
from tests.machine import base, pinned, registries, tools
from tests.machine import browser as machine_browser
from tests.machine import engine as machine_engine
from tests.machine.commands import output_of
from tests.machine.lacking import lacking
from tests.machine.say import MachineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.machine.browser import Browser

# A run in the background of a script inherits that Ctrl-C is ignored, and so would all it starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

LABEL = "dev.algo."
_BEFORE = pytest.StashKey[frozenset[str]]()


@dataclass(frozen=True, slots=True)
class Engine:
    """A Docker Engine that answers and has the base image."""

    version: str

    def docker(self, *words: str, timeout: float = 120) -> str:
        """Run `docker` with `words` and return its standard output, stripped."""
        return output_of(["docker", *words], timeout=timeout)

    def algo_containers(self) -> dict[str, str]:
        """Return id and labels of each container that carries one of algo's labels."""
        lines = self.docker("ps", "--all", "--format", "{{.ID}} {{.Labels}}").splitlines()
        containers = dict(line.partition(" ")[::2] for line in lines)
        return {key: labels for key, labels in containers.items() if LABEL in labels}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by the real component that its fixtures ask for."""
    marks = {
        "engine": "engine",
        "docker_registry": "registry",
        "referrers_registry": "registry",
        "cosign2": "cosign",
        "cosign3": "cosign",
    }
    for item in items:
        for fixture in getattr(item, "fixturenames", ()):
            if fixture in marks:
                item.add_marker(marks[fixture])


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """See to the programs that a test's `program` marks name, before its fixtures ask for them."""
    for mark in item.iter_markers("program"):
        for name in mark.args:
            if shutil.which(name) is None:
                lacking(f"{name} is not installed: python3 -m tests.machine setup")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Note which of our containers are there before the first test."""
    if is_worker(session) or machine_engine.version() is None:
        return
    session.config.stash[_BEFORE] = frozenset(Engine("").algo_containers())


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Remove the containers that tests left behind, and fail for them."""
    before = session.config.stash.get(_BEFORE, None)
    # An engine that other runs use at the same time holds their containers, too.
    if before is None or not ("CI" in os.environ or machine_engine.is_leased()):
        return
    running = Engine("")
    left = {key: value for key, value in running.algo_containers().items() if key not in before}
    if left:
        running.docker("rm", "--force", *left)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.write_line(f"tests left containers behind: {left}", red=True)


def is_worker(session: pytest.Session) -> bool:
    """Tell whether this process runs tests for another, which decides at the end."""
    return hasattr(session.config, "workerinput")


@pytest.fixture(scope="session")
def engine() -> Engine:
    """A Docker Engine with the base image; at the end no container of ours may be left in it."""
    found = machine_engine.version()
    if found is None:
        lacking("no Docker Engine answers: python3 -m tests.machine engine")
    try:
        base.ensure()
    except MachineError as error:
        lacking(str(error))
    return Engine(found)


@pytest.fixture(scope="session")
def docker_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The `host:port` of a registry without the Referrers API (distribution 2.8)."""
    _bring("docker-registry")
    with registries.docker_registry(tmp_path_factory.mktemp("docker-registry")) as address:
        yield address


@pytest.fixture(scope="session")
def referrers_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The `host:port` of a registry with the Referrers API."""
    if not registries.referrers_program().is_file():
        lacking("the referrers registry is not built: python3 -m tests.machine registry")
    with registries.referrers_registry(tmp_path_factory.mktemp("referrers")) as address:
        yield address


@pytest.fixture(scope="session")
def cosign3() -> Path:
    """The program of cosign 3."""
    return _bring("cosign3")


@pytest.fixture(scope="session")
def cosign2() -> Path:
    """The program of cosign 2.5."""
    return _bring("cosign2")


@pytest.fixture(scope="session")
def oras() -> Path:
    """The program of oras."""
    return _bring("oras")


@pytest.fixture(scope="session")
def crane() -> Path:
    """The program of crane."""
    return _bring("crane")


@pytest.fixture(scope="session")
def prometheus() -> Path:
    """The program of Prometheus; promtool lies beside it."""
    return _bring("prometheus")


@pytest.fixture(scope="session")
def qemu() -> Path:
    """The program that runs those of another processor."""
    try:
        return tools.fetch("qemu")
    except MachineError as error:
        lacking(str(error))


@pytest.fixture(scope="session")
def skopeo() -> Path:
    """The program of skopeo."""
    return _bring("skopeo")


@pytest.fixture(scope="session")
def client_python() -> Callable[[str], Path]:
    """The interpreter that has a client of `tests/runtimes/clients`, by the client's name."""

    def bring(name: str) -> Path:
        try:
            return pinned.client(name)
        except MachineError as error:
            lacking(str(error))

    return bring


@pytest.fixture(scope="session")
def onnx_models() -> Path:
    """A folder of ONNX files of many forms, written by onnx and skl2onnx."""
    return _written("onnx_models.py", "models")


@pytest.fixture(scope="session")
def sklearn_models() -> Path:
    """A folder of pickled estimators of many forms."""
    return _written("sklearn_models.py", "models")


@pytest.fixture(scope="session")
def mlflow_models() -> Path:
    """A folder of MLflow models of several flavours, written by MLflow."""
    return _written("mlflow_models.py", "mlflow")


@pytest.fixture(scope="session")
def conda_channel() -> Path:
    """A conda channel with a real Python for this machine; nothing may be changed in it."""
    try:
        return conda.channel()
    except MachineError as error:
        lacking(f"{error}: python3 -m tests.machine packages patchelf")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium with an empty profile."""
    if not machine_browser.installed():
        lacking("no browser: python3 -m tests.machine packages chromium chromium-driver")
    with machine_browser.browser() as opened:
        yield opened


@pytest.fixture(scope="session")
def session_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder that all of this session's `algo_home` share, in every test process."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "algo-cache"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def algo_home(tmp_path: Path, session_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folders, new and named by `ALGO_HOME`; only the cache is the session's."""
    home = tmp_path / "algo-home"
    home.mkdir()
    (home / "cache").symlink_to(session_cache, target_is_directory=True)
    monkeypatch.setenv("ALGO_HOME", str(home))
    return home


def part_from_the_cache(blob: Path) -> None:
    """Make a store's blob a file of its own, so that a test may damage it.

    It is one with the cache's, which every test reads.
    """
    copy = blob.with_suffix(".copy")
    shutil.copy2(blob, copy)
    copy.replace(blob)


def _written(script: str, client: str) -> Path:
    try:
        return pinned.written(script, client)
    except MachineError as error:
        lacking(str(error))


def _bring(name: str) -> Path:
    try:
        return tools.tool(name)
    except MachineError as error:
        lacking(str(error))
