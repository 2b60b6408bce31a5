"""Code that was written for Algorithmia in other languages than Python, by its own templates."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from algo.project.project import Project

from tests.languages.language import languages
from tests.machine.lacking import lacking
from tests.runtimes.conftest import GatewayProcess

PROJECTS = Path(__file__).parents[1] / "commands" / "projects"


@pytest.mark.parametrize("name", ["js-greeter", "ruby-greeter", "r-greeter", "java-greeter"])
def test_an_old_algorithm_of_another_language_runs_as_it_is(name: str, tmp_path: Path) -> None:
    app = tmp_path / name
    shutil.copytree(PROJECTS / name, app)
    algorithm = Project.open(app).manifest.algorithm
    (language,) = (one for one in languages() if one.name == algorithm.language)
    if language.lacking:
        reason = f"{language.lacking} is not installed: python3 -m tests.machine setup"
        lacking(reason)
    made = tmp_path / "made"
    language.build(app, made, algorithm.entrypoint)
    with GatewayProcess(
        app,
        "--development",
        *("--packages", str(made / "packages"), "--program", str(made / "program")),
        language=algorithm.language,
        runtime=language.runtime,
        entrypoint=algorithm.entrypoint,
        written_for=algorithm.written_for,
    ) as served:
        known = served.post("Ada", "/v1/algo/Acme/Anything-else")
        assert "no algorithm" in known.json["error"]["message"]
        assert served.post("Ada").json == {"greeting": "Hello Ada", "known": True}
        assert served.post("Bob").json == {"greeting": "Hello Bob", "known": False}
        turned = served.ask("POST", "/", b"\x00\x01", {"Content-Type": "application/octet-stream"})
        assert turned.body == b"\x01\x00"
        failed = served.post(7, "/v1/algo/ACME/It")
        assert failed.json["error"]["message"].endswith("give a name")
