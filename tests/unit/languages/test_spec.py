from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from algo.languages.errors import RuntimeInvalid, ToolMissing
from algo.languages.host import HostBench, lacking, program_of, programs_of
from algo.languages.interface import Work
from algo.languages.runtimes import Runtimes
from algo.languages.spec import filled, read_spec
from algo.languages.steps import place_in, plain
from algo.resources import data_folder

if TYPE_CHECKING:
    from pathlib import Path

LEAST = 'language = "x"\nversion = "1"\nbase = "debian:trixie-slim"\n'


def folder(root: Path, text: str, name: str = "x") -> Path:
    (root / name).mkdir(parents=True)
    (root / name / "runtime.toml").write_text(text)
    return root / name


def test_every_language_that_is_shipped_can_be_read() -> None:
    runtimes = Runtimes(data_folder("runtimes"))
    assert {"python", "javascript", "go"} <= set(runtimes.known)
    for language in runtimes.known:
        spec = runtimes.spec(language)
        assert spec.language == language
        assert spec.command


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("tset = []\n", "tset"),
        ('command = ["{nothing}"]\n', "names {nothing}"),
        ('[packages]\nmanager = "m"\nresolve = ["x", "{packages}"]\n', "names {packages}"),
        ("[build]\n", "command"),
    ],
)
def test_a_mistake_in_a_folder_is_named(tmp_path: Path, more: str, message: str) -> None:
    with pytest.raises(RuntimeInvalid, match=message) as caught:
        read_spec(folder(tmp_path, LEAST + more))
    assert "x/runtime.toml" in caught.value.message


def test_a_folder_that_is_named_comes_before_ours(tmp_path: Path) -> None:
    shipped, more = tmp_path / "ours", tmp_path / "more"
    folder(shipped, LEAST)
    folder(more, LEAST.replace('"1"', '"2"'))
    assert Runtimes(shipped).spec("x").version == "1"
    assert Runtimes(shipped, (more,)).spec("x").version == "2"
    for name in ("y", "../more/x"):
        with pytest.raises(RuntimeInvalid, match="no runtime") as caught:
            Runtimes(shipped, (more,)).folder(name)
        assert "set language to one of: x;" in caught.value.hint


def test_placeholders_are_filled_in_once_and_a_shells_own_are_left() -> None:
    words = filled(["sh", "-c", "echo ${HOME} {app}/{app}", "{app}"], {"app": "{cache}"})
    assert words == ["sh", "-c", "echo ${HOME} {cache}/{cache}", "{cache}"]


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ("src/a.go:4:9: cannot use x", ("src/a.go", 4)),
        ("error: no\n --> src/a.go:12:5\n", ("src/a.go", 12)),
        ("gone.go:1: x\n./src/a.go:2: y", ("src/a.go", 2)),
        ("at load (src/a.go:7:1)", ("src/a.go", 7)),
        ("../src/a.go:7", ("", 0)),
        ("12:30:01 all is well", ("", 0)),
    ],
)
def test_the_first_file_of_the_project_that_a_step_names_is_its_place(
    tmp_path: Path, said: str, place: tuple[str, int]
) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.go").touch()
    assert place_in(said, tmp_path) == place


def test_what_a_step_says_has_no_colours_and_no_folders_of_ours() -> None:
    assert plain("\x1b[31m/opt/app/src/a.js:3\x1b[0m file:///opt/app/b", "/opt/app") == (
        "src/a.js:3 b"
    )


def test_the_program_of_a_command_is_behind_env_and_its_variables() -> None:
    assert program_of(["env", "A=1", "node", "x"]) == "node"
    assert program_of(["go", "env"]) == "go"
    spec = Runtimes(data_folder("runtimes")).spec("javascript")
    assert programs_of(spec) == ("node", "npm")
    assert list(lacking(programs_of(spec), {"PATH": "/nowhere"})) == ["node", "npm"]


def test_a_program_that_is_missing_here_is_named_with_what_to_do(tmp_path: Path) -> None:
    bench = HostBench("x", {"PATH": "/usr/bin:/bin"})
    work = Work(("sh", "-c", "echo {app}; exit 3"), {"app": tmp_path}, frozenset(), "app")
    done = bench.run(work, notify=lambda event: None)
    assert (done.code, done.said) == (3, f"{tmp_path}\n")
    missing = Work(("sh",), {"app": tmp_path}, frozenset(), "app", needs=("no-such-program",))
    with pytest.raises(ToolMissing, match="no-such-program is not on PATH, and x needs it"):
        bench.run(missing, notify=lambda event: None)
