from __future__ import annotations

import json
import os
import pty
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from algo.main import run
from algo.resources import data_folder
from algo.scaffold.templates import template_names


@pytest.fixture
def cwd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_a_terminal_the_minimal_template_is_taken(
    cwd: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["init", "acme/hello"]) == 0
    assert capsys.readouterr().out == (
        "Created acme/hello from python/minimal: 11 files\n"
        "next:\n  cd hello\n  algo serve\n  algo test\n"
    )
    assert (cwd / "hello" / "src" / "hello.py").is_file()


def test_the_three_next_commands_of_a_model_begin_with_training(
    cwd: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["init", "acme/digits", "--template", "python/sklearn", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["next"] == ["cd digits", "algo exec -- python train.py", "algo serve"]
    assert document["folder"] == str(cwd / "digits")
    assert "src/digits.py" in document["files"]


def test_a_folder_is_named_by_an_option(cwd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", "acme/hand-digits", "--dir", "my services/x"]) == 0
    assert "  cd 'my services/x'\n" in capsys.readouterr().out
    manifest = tomllib.loads((cwd / "my services" / "x" / "algo.toml").read_text())
    assert manifest["algorithm"]["entrypoint"] == "src/hand_digits.py:apply"


def test_the_current_folder_needs_no_cd(cwd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", "acme/hello", "--dir", "."]) == 0
    assert "cd " not in capsys.readouterr().out
    assert (cwd / "algo.toml").is_file()


@pytest.mark.parametrize(
    ("arguments", "code", "exit_code", "hint"),
    [
        (["init", "Acme/Digits"], "bad_name", 2, "use acme/digits"),
        (["init", "digits"], "bad_name", 2, "use a name such as acme/digits"),
        (
            ["init", "acme/x", "-t", "python/minimla"],
            "template_unknown",
            2,
            "algo init acme/x --template python/minimal",
        ),
    ],
)
def test_a_wrong_wish_has_its_message_code_and_exit_code(
    cwd: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: str,
    exit_code: int,
    hint: str,
) -> None:
    assert run([*arguments, "--json"]) == exit_code
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["code"], error["hint"]) == (code, hint)
    assert list(cwd.iterdir()) == []


def test_a_template_that_one_language_has_needs_no_language(
    cwd: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["init", "acme/x", "-t", "sklearn", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["template"] == "python/sklearn"


def test_the_command_with_the_nearest_template_can_be_pasted(
    cwd: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["init", "acme/x", "--dir", "my x", "-t", "sklaern"]) == 2
    hint = capsys.readouterr().err.splitlines()[-1].removeprefix("hint: ")
    assert hint == "algo init acme/x --dir 'my x' --template python/sklearn"
    assert run(shlex.split(hint)[1:]) == 0
    assert (cwd / "my x" / "algo.toml").is_file()


def test_nothing_is_overwritten_and_all_that_would_be_is_named(
    cwd: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (cwd / "hello").mkdir()
    (cwd / "hello" / "README.md").write_text("mine")
    (cwd / "hello" / "algo.toml").write_text("mine")
    assert run(["init", "acme/hello"]) == 1
    said = capsys.readouterr().err
    assert "error[would_overwrite]: 2 of 11 files" in said
    assert "  README.md\n  algo.toml\n" in said
    assert sorted(path.name for path in (cwd / "hello").iterdir()) == ["README.md", "algo.toml"]


def test_a_file_is_no_folder_for_a_project(cwd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (cwd / "hello").write_text("mine")
    assert run(["init", "acme/hello"]) == 1
    said = capsys.readouterr().err
    assert "hello is there, and no folder" in said
    assert (cwd / "hello").read_text() == "mine"


KNOWN = template_names(data_folder("scaffolds"))


@pytest.mark.parametrize(
    ("answer", "template"),
    [(str(KNOWN.index("python/sklearn") + 1), "python/sklearn"), ("", "python/minimal")],
)
def test_on_a_terminal_it_asks_with_a_list(tmp_path: Path, answer: str, template: str) -> None:
    terminal, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "algo", "init", "acme/x"],
        cwd=tmp_path, stdin=theirs, stderr=theirs, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        os.close(theirs)
        shown = b""
        while b"Number [1]: " not in shown:
            shown += os.read(terminal, 1024)
        os.write(terminal, answer.encode() + b"\n")
        out, _ = process.communicate(timeout=30)
    os.close(terminal)
    assert re.search(rb"  1  python/minimal +one function and nothing else", shown)
    assert f"Created acme/x from {template}".encode() in out


def test_the_next_commands_find_a_language_that_an_option_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    more = Path(__file__).parents[1] / "languages" / "more"
    monkeypatch.chdir(tmp_path)
    made = ["--template", "perl/minimal"]
    assert run(["--runtimes", str(more), "init", "acme/words", *made]) == 0
    assert f"\n  algo --runtimes {shlex.quote(str(more))} serve\n" in capsys.readouterr().out

    assert run(["--runtimes", str(more), "init", "acme/plain"]) == 0
    assert "\n  algo serve\n" in capsys.readouterr().out

    monkeypatch.setenv("ALGO_RUNTIMES", str(more))
    assert run(["init", "acme/others", *made]) == 0
    assert "\n  algo serve\n" in capsys.readouterr().out
