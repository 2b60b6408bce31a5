"""`algo serve` while requirements, the lock and the manifest are edited."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.load import Load
from tests.e2e.served import Served
from tests.fakes.wheels import offline, wheel

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Engine

ALGO = [sys.executable, "-c", "from algo.main import main; main()"]
MANIFEST = """
[algorithm]
name = "acme/p"
language = "python"
entrypoint = "src/p.py:apply"
"""
SOURCE = """
import os

import greeting


def load():
    return os.urandom(4).hex()


def apply(value, state):
    return [greeting.NUMBER, state]
"""


@pytest.fixture(params=["virtualenv", pytest.param("docker", marks=pytest.mark.engine)])
def where(request: pytest.FixtureRequest) -> str:
    if request.param == "docker":
        request.getfixturevalue("built")
    return str(request.param)


@pytest.fixture
def built(engine: Engine, tmp_path: Path, algo_home: Path) -> None:
    """An image was made: what is ours in it comes from the index, which is out of reach later."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("UV_")}
    for words, folder in ((["init", "acme/warm"], ""), (["build", "--into", "docker"], "warm")):
        command, place = [*ALGO, *words], tmp_path / folder
        done = subprocess.run(command, cwd=place, env=env, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def project(tmp_path: Path, algo_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for version in (1, 2):
        wheel(tmp_path / "wheels", "greeting", f"{version}.0", f"NUMBER = {version}\n")
    wheel(tmp_path / "wheels", "old", "1.0", "", requires=["greeting<2"])
    for name, value in offline(tmp_path / "wheels").items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "p"
    (folder / "src").mkdir(parents=True)
    (folder / "algo.toml").write_text(MANIFEST)
    (folder / "requirements.in").write_text("greeting==1.0\n")
    (folder / "src" / "p.py").write_text(SOURCE)
    return folder


def serving(folder: Path, engine: str) -> Served:
    return Served.start([*ALGO, "serve", "--engine", engine], folder)


def ask(served: Served) -> Any:
    request = urllib.request.Request(served.url, b"1", {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.loads(response.read())


def test_a_package_comes_in_while_the_old_code_serves(where: str, project: Path) -> None:
    with serving(project, where) as served:
        assert ask(served)[0] == 1
        (project / "requirements.in").write_text("greeting==2.0\n")
        served.wait_for_reloads(1, timeout=30)
        (reload,) = served.of("reload")
        assert (reload["trigger"], reload["rung"]) == ("requirements.in", "environment")
        assert reload["packages"] == 1
        (number, state) = ask(served)
        assert number == 2
        assert 'version = "2.0"' in (project / "algo.lock").read_text()
        # Code goes on to be swapped in the new environment, and back is as near as forth.
        (project / "src" / "p.py").write_text(SOURCE.replace("NUMBER", "NUMBER + 10"))
        served.wait_for_reloads(2)
        assert ask(served) == [12, state]
        (project / "requirements.in").write_text("greeting==1.0\n")
        served.wait_for_reloads(3, timeout=30)
        assert ask(served)[0] == 11
        assert served.stop() == 0
    assert served.of("error") == []


def test_requirements_that_cannot_be_met_leave_all_as_it_was(project: Path) -> None:
    with serving(project, "virtualenv") as served:
        before = ask(served)
        lock = (project / "algo.lock").read_bytes()
        (project / "requirements.in").write_text("greeting==2.0\nold==1.0\n")
        served.wait_for("error", 1, timeout=30)
        (error,) = served.of("error")
        assert error["trigger"] == "requirements.in"
        reason = " ".join(error["details"].split())
        assert "old depend on greeting<2 and you require greeting==2.0" in reason
        assert ask(served) == before
        assert (project / "algo.lock").read_bytes() == lock
        # Other edits are served meanwhile, and it is not told again.
        (project / "src" / "p.py").write_text(SOURCE.replace("NUMBER", "NUMBER + 10"))
        served.wait_for_reloads(1)
        assert ask(served) == [11, before[1]]
        (project / "requirements.in").write_text("greeting==2.0\n")
        served.wait_for_reloads(2, timeout=30)
        assert ask(served)[0] == 12
    assert len(served.of("error")) == 1


def test_code_that_lacks_its_package_waits_for_it(project: Path) -> None:
    with serving(project, "virtualenv") as served:
        (project / "requirements.in").write_text("")
        served.wait_for("error", 1, timeout=30)
        assert served.of("error")[0]["message"].startswith("ModuleNotFoundError")
        assert ask(served)[0] == 1
        source = SOURCE.replace("import greeting\n", "").replace("greeting.NUMBER", "3")
        (project / "src" / "p.py").write_text(source)
        served.wait_for_reloads(1)
        assert served.of("reload")[0]["rung"] == "environment"
        assert ask(served)[0] == 3


def test_packages_wait_for_a_file_that_is_missing(project: Path) -> None:
    entry = project / "src" / "p.py"
    with serving(project, "virtualenv") as served:
        entry.rename(project / "src" / "p.away")
        served.wait_for("error", 1)
        (project / "requirements.in").write_text("greeting==2.0\n")
        served.wait_for("error", 2, timeout=30)
        assert ask(served)[0] == 1
        (project / "src" / "p.away").rename(entry)
        served.wait_for_reloads(1, timeout=30)
        assert ask(served)[0] == 2


def test_a_manifest_is_applied_or_its_error_shown_once(project: Path) -> None:
    manifest = project / "algo.toml"
    with serving(project, "virtualenv") as served:
        (_, state) = ask(served)
        manifest.write_text(MANIFEST + '[serving]\ntimeout = "5s"\n')
        served.wait_for_reloads(1)
        manifest.write_text(MANIFEST + "[serving\n")
        served.wait_for("error", 1)
        assert "not valid TOML" in served.of("error")[0]["message"]
        manifest.write_text(MANIFEST + "# as it was\n")
        served.wait_for_reloads(2)
        manifest.write_text(MANIFEST + "# as it was, in other words\n")
        served.wait_for_reloads(3)
        assert ask(served)[1] == state
        (project / "weights.bin").write_bytes(b"7")
        served.wait_for_reloads(4)
        manifest.write_text(MANIFEST + '[models]\nweights = "weights.bin"\n')
        served.wait_for_reloads(5)
        assert ask(served)[1] != state
        manifest.write_text(MANIFEST + '[models]\nweights = "nowhere.bin"\n')
        served.wait_for("error", 2)
        manifest.write_text(MANIFEST.replace("acme/p", "acme/q"))
        served.wait(lambda: any("algo.toml changed: stop" in line for line in served.story))
    rungs = [one["rung"] for one in served.of("reload")]
    assert rungs == ["limits", "limits", "none", "worker", "worker"]
    assert [one["message"] for one in served.of("error")][1:] == [
        "the model weights is not at nowhere.bin"
    ]


def test_ctrl_c_while_packages_are_locked_leaves_nothing(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    with serving(project, "virtualenv") as served:
        lock = (project / "algo.lock").read_bytes()
        (project / "requirements.in").write_text("greeting==2.0\n")
        served.wait(lambda: sum("Locking" in line for line in served.story) > 3)
        assert served.stop() == 0
    assert served.stop_seconds < 5
    assert served.events[-1] == {"event": "stopped", "reason": "interrupted"}
    assert list((tmp_path / "temporary").iterdir()) == []
    assert (project / "algo.lock").read_bytes() == lock or "2.0" in project.joinpath(
        "algo.lock"
    ).read_text()


@pytest.mark.usefixtures("built")
def test_another_container_takes_over_under_load(engine: Engine, project: Path) -> None:
    manifest = project / "algo.toml"
    with (
        serving(project, "docker") as served,
        Load(served.url, b"1", per_second=300) as load,
    ):
        (first,) = containers(engine)
        manifest.write_text(MANIFEST.replace("acme/p", "acme/q"))
        served.wait_for_reloads(1, timeout=60)
        assert served.of("reload")[0]["rung"] == "container"
        at = load.total
        (project / "src" / "p.py").write_text(SOURCE.replace("NUMBER", "NUMBER + 10"))
        served.wait_for_reloads(2)
        load.wait_for(b"[11,", timeout=5)
        # The old one ends by itself once nobody is connected to it.
        served.wait(lambda: first not in containers(engine), timeout=20)
        (second,) = containers(engine)
        assert first != second
        # What does not load leaves the container that serves; what mends it gets the other one.
        (project / "src" / "p.py").write_text("import nowhere\n")
        served.wait_for("error", 1)
        manifest.write_text(MANIFEST.replace("acme/p", "acme/r"))
        served.wait_for("error", 2, timeout=60)
        assert containers(engine) == [second]
        load.wait_for(b"[11,", timeout=5)
        (project / "src" / "p.py").write_text(SOURCE.replace("NUMBER", "NUMBER + 20"))
        served.wait_for_reloads(3, timeout=60)
        assert served.of("reload")[2]["rung"] == "container"
        load.wait_for(b"[21,", timeout=5)
    assert load.failures == []
    assert load.total > at
    assert containers(engine) == []


@pytest.mark.usefixtures("built")
def test_an_edit_takes_the_place_of_what_another_container_loads(
    engine: Engine, project: Path
) -> None:
    manifest, entry = project / "algo.toml", project / "src" / "p.py"
    with (
        serving(project, "docker") as served,
        Load(served.url, b"1", per_second=300) as load,
    ):
        endless = SOURCE + "\nwhile True:\n    pass\n"
        for number, name in ((10, "acme/q"), (20, "acme/r")):
            entry.write_text(endless)
            manifest.write_text(MANIFEST.replace("acme/p", name))
            served.wait(lambda: len(containers(engine)) == 2, timeout=60)
            time.sleep(2)
            assert len(served.of("reload")) == number // 10 * 2 - 2
            entry.write_text(SOURCE.replace("NUMBER", f"NUMBER + {number}"))
            served.wait_for_reloads(number // 10 * 2, timeout=20)
            assert "container" in {one["rung"] for one in served.of("reload")[-2:]}
            load.wait_for(f"[{number + 1},".encode(), timeout=5)
            served.wait(lambda: len(containers(engine)) == 1, timeout=20)
        # As the first image had it; the one that serves has that since it was made.
        manifest.write_text(MANIFEST.replace("acme/p", "acme/q"))
        (project / "requirements.in").write_text("greeting==2.0\n")
        load.wait_for(b"[22,", timeout=60)
        (project / "requirements.in").write_text("greeting==1.0\n")
        load.wait_for(b"[21,", timeout=20)
    assert load.failures == []
    assert containers(engine) == []


@pytest.mark.usefixtures("built")
def test_another_container_takes_over_from_a_first_load_that_never_ends(
    engine: Engine, project: Path
) -> None:
    entry = project / "src" / "p.py"
    entry.write_text(SOURCE + "\nprint('loading')\nwhile True:\n    pass\n")
    command = [*ALGO, "serve", "--engine", "docker"]
    with Served.begin(command, project) as served:
        served.wait(lambda: served.of("log"), timeout=60)
        entry.write_text(SOURCE)
        (project / "algo.toml").write_text(MANIFEST.replace("acme/p", "acme/q"))
        served.wait_until_ready(60)
        served.wait(lambda: len(containers(engine)) == 1, timeout=20)
        with urllib.request.urlopen(served.url, b"1") as response:
            assert json.load(response)[0] == 1
    assert containers(engine) == []


@pytest.mark.usefixtures("built")
def test_ctrl_c_while_another_container_starts_leaves_none(engine: Engine, project: Path) -> None:
    with serving(project, "docker") as served:
        (first,) = containers(engine)
        source = SOURCE.replace("def load():", "def load():\n    import time; time.sleep(5)")
        (project / "algo.toml").write_text(MANIFEST.replace("acme/p", "acme/q"))
        (project / "src" / "p.py").write_text(source)
        served.wait(lambda: len(containers(engine)) == 2, timeout=60)
        assert first in containers(engine)
        assert served.stop() == 0
    assert served.stop_seconds < 8
    assert containers(engine) == []


def containers(engine: Engine) -> list[str]:
    """Return the containers of this test's commands: others may use the engine, too."""
    listed = engine.docker("ps", "--all", "--format", "{{.ID}} {{.Names}}").splitlines()
    names = ("algo-acme-p-", "algo-acme-q-", "algo-acme-r-")
    return [line.split()[0] for line in listed if line.split()[1].startswith(names)]
