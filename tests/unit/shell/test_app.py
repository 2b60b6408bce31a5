"""The command tree: every verb is there, its help is true, and nothing is loaded in vain."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from algo.app import VERBS, build, load
from algo.commands.options import spell_out
from algo.main import run

COMMANDS = Path(__file__).resolve().parents[3] / "cli" / "algo" / "commands"


def test_every_verb_has_one_file_and_every_file_one_verb() -> None:
    files = {path.stem.rstrip("_") for path in COMMANDS.glob("*.py")} - {"__init", "options"}
    assert files == set(VERBS)


@pytest.mark.parametrize("name", VERBS)
def test_the_summary_in_the_table_is_the_first_line_of_the_verbs_help(name: str) -> None:
    assert load(name).get_short_help_str(limit=200).rstrip(".") == VERBS[name].summary.rstrip(".")


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_shows_examples(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    assert f"algo {name}" in capsys.readouterr().out.replace("Usage: algo", "")


def test_help_goes_to_stdout_and_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    bare = capsys.readouterr()
    assert run(["--help"]) == 0
    assert capsys.readouterr().out == bare.out
    assert all(name in bare.out for name in VERBS)


def test_a_mistyped_verb_gets_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["servee"]) == 2
    assert "did you mean 'serve'?" in capsys.readouterr().err


def test_a_usage_error_is_json_when_json_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", "tcsh", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "usage"


def test_the_version_needs_no_command_framework() -> None:
    code = (
        "import sys; from algo.main import run; run(['--version']); print('typer' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines()[-1] == "False"


def test_help_loads_no_heavy_module() -> None:
    code = (
        "import sys; from algo.main import run; run(['--help']);"
        "heavy = {'rich', 'docker', 'httpx', 'cryptography', 'watchdog', 'msgspec', 'tomlkit'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines()[-1] == "[]"


def test_the_root_knows_its_verbs_without_importing_them() -> None:
    assert build().list_commands(None) == list(VERBS)


@pytest.mark.parametrize(
    ("words", "spelled"),
    [
        ("serve --gpu", "serve --gpu=all"),
        ("serve --gpu 2", "serve --gpu 2"),
        ("serve --gpu 0,1 .", "serve --gpu 0,1 ."),
        ("serve --gpu .", "serve --gpu=all ."),
        ("serve --gpu --port 0", "serve --gpu=all --port 0"),
        ("run --gpu id:0 -", "run --gpu id:0 -"),
        ("test --gpu GPU-77", "test --gpu GPU-77"),
        ("exec -- train --gpu", "exec -- train --gpu"),
        ("run -- --gpu", "run -- --gpu"),
    ],
)
def test_gpu_takes_a_value_or_none(words: str, spelled: str) -> None:
    assert spell_out(words.split()) == spelled.split()
