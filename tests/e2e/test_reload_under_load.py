"""Twenty edits of a running algorithm at 500 requests a second: nothing is lost or mixed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e.load import Load
from tests.e2e.served import Served

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import Installed

GOOD = """
import json
from pathlib import Path

FIRST, SECOND = {number}, {number}


def load(models):
    return json.loads(Path(models["weights"]).read_text())


def apply(input, state):
    return {{"first": FIRST, "weights": state["weights"], "second": SECOND, "echo": input}}
"""
SYNTAX_ERROR = "def apply(input, state:\n    return 1\n"
FAILING_LOAD = GOOD.replace("    return json.loads", "    raise OSError('no weights')\n    return ")
RAISED_AT_IMPORT = "value = 1 / 0\n"
MANIFEST = """
[algorithm]
name = "acme/digits"
language = "python"
entrypoint = "src/digits.py:apply"

[models]
weights = "models/weights.json"
"""
EDITS = 20


@pytest.fixture(params=["virtualenv", pytest.param("docker", marks=pytest.mark.engine)])
def engine_name(request: pytest.FixtureRequest) -> str:
    if request.param == "docker":
        request.getfixturevalue("engine")
    return str(request.param)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "digits"
    (folder / "src").mkdir(parents=True)
    (folder / "models").mkdir()
    (folder / "algo.toml").write_text(MANIFEST)
    (folder / "models" / "weights.json").write_text('{"weights": 7}')
    (folder / "src" / "digits.py").write_text(GOOD.format(number=0))
    return folder


def test_twenty_edits_under_load_lose_and_mix_nothing(
    installed: Installed, engine_name: str, project: Path
) -> None:
    source = project / "src" / "digits.py"
    command = [installed.algo, "serve", "--engine", engine_name]
    bad = {5: SYNTAX_ERROR, 9: FAILING_LOAD.format(number=9), 13: None, 17: RAISED_AT_IMPORT}
    with (
        Served.start(command, project, env=installed.env) as served,
        Load(served.url, b"41", per_second=500) as load,
    ):
        for number in range(1, EDITS + 1):
            errors = len(served.of("error"))
            if number not in bad:
                source.write_text(GOOD.format(number=number))
                load.wait_for(b'"first":%d,' % number, timeout=15)
                continue
            text = bad[number]
            if text is None:
                source.unlink()
            else:
                source.write_text(text)
            served.wait_for("error", errors + 1)
            load.wait_for(b'"first":%d,' % (number - 1), timeout=5)
    assert load.failures == []
    assert load.total > 10 * EDITS
    for answer in map(json.loads, load.answers):
        assert answer["first"] == answer["second"]
        assert answer["first"] not in bad
        assert (answer["weights"], answer["echo"]) == (7, 41)
    shown = served.of("error")
    assert [error["file"] for error in shown] == ["src/digits.py"] * len(bad), shown
    assert [error["line"] for error in shown] == [1, 9, 0, 1], shown
    assert served.stop_seconds < 5


def test_a_changed_model_is_loaded_by_a_new_worker(
    installed: Installed, engine_name: str, project: Path
) -> None:
    command = [installed.algo, "serve", "--engine", engine_name]
    with (
        Served.start(command, project, env=installed.env) as served,
        Load(served.url, b"1", per_second=200) as load,
    ):
        (project / "models" / "weights.json").write_text('{"weights": 8}')
        load.wait_for(b'"weights":8', timeout=15)
        served.wait_for_reloads(1)
        assert served.of("reload")[0]["rung"] == "worker"
        (project / "src" / "digits.py").write_text(GOOD.format(number=3))
        load.wait_for(b'"first":3', timeout=15)
        served.wait_for_reloads(2)
        assert served.of("reload")[1]["rung"] == "swap"
    assert load.failures == []
