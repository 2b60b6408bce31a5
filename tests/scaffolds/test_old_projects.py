"""Projects of Algorithmia in all its languages, in containers: nothing in them is changed first."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.e2e.served import Served
from tests.scaffolds.test_languages import ALGO, algo, ask

PROJECTS = Path(__file__).parents[1] / "commands" / "projects"
# What is asked, what comes back, and what the templates of that time had beside the code.
KNOWN = {"greeting": "Hello Ada", "known": True}
GEMFILE = "source 'https://rubygems.org'\nruby \"~> 2.2\"\n\ngem 'algorithmia', '~>1.0.0'\n"
NODE = {"name": "jsGreeter", "version": "0.1.0", "dependencies": {"algorithmia": "0.3.x"}}
EACH = {
    "greeter": ("world", "hello world", {}),
    "js-greeter": ("Ada", KNOWN, {"package.json": json.dumps(NODE)}),
    "ruby-greeter": ("Ada", KNOWN, {"Gemfile": GEMFILE}),
    "r-greeter": ("Ada", KNOWN, {"packages.txt": "# One package per line\nalgorithmia\n"}),
    "java-greeter": ("Ada", KNOWN, {}),
    "JavaSum": ([1, 2.5], 6.5, {}),
    "JavaPerson": (
        {"first_name": "Ada", "last_name": None},
        {"greeting": "hello Ada", "person": {"first_name": "Ada", "last_name": None}},
        {},
    ),
    "JavaRules": ({"value": 2}, {"value": 2, "triggered": True}, {}),
    "OldScala": ("Ada", KNOWN, {}),
    "ScalaGreeter": ({"name": "ada"}, {"greeting": "Hello Ada", "known": False}, {}),
    "RustGreeter": ("Ada", KNOWN, {}),
}
# How many tests of their own they have, by what their templates came with.
TESTS = {"greeter": 1, "js-greeter": 2, "ruby-greeter": 1, "r-greeter": 1, "JavaSum": 1, "ScalaGreeter": 1, "RustGreeter": 1}


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.usefixtures("engine", "algo_home")
@pytest.mark.parametrize("name", EACH)
def test_an_old_project_is_tested_served_and_imported_as_it_is(name: str, tmp_path: Path) -> None:
    sent, wanted, beside = EACH[name]
    app, body = tmp_path / name, json.dumps(sent)
    shutil.copytree(PROJECTS / name, app)
    for file, text in beside.items():
        (app / file).write_text(text)
    said = json.loads(algo(app, "test", "--engine", "docker", "--json"))
    passed = [one for one in said["outcomes"] if one["part"] == "tests"]
    assert [one["result"] for one in passed] == ["passed"] * TESTS.get(name, 0)
    with Served.start([*ALGO, "serve", "--engine", "docker"], app) as served:
        conf = json.loads((app / "algorithmia.conf").read_text())
        path = f"v1/algo/{conf['username']}/{conf['algoname']}"
        assert ask(f"{served.url}/{path}", body)["result"] == wanted
    algo(app, "import", "algorithmia")
    (app / "algorithmia.conf").unlink()
    answer = algo(app, "run", "--engine", "docker", "-d", body).rstrip("\n")
    assert (answer if isinstance(wanted, str) else json.loads(answer)) == wanted
