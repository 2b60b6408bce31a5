from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from algo.events import Event, Note
from algo.images.cache import Cache
from algo.languages.errors import RuntimeInvalid, ToolMissing, ToolTooOld
from algo.languages.host import HostBench, HostFirst, lacking, program_of, programs_of, unusable
from algo.languages.interface import Finished, Work
from algo.languages.runtimes import Runtimes
from algo.languages.spec import RuntimeSpec, filled, read_spec
from algo.languages.steps import hint_of, place_in, plain
from algo.languages.versions import Programs
from algo.resources import data_folder
from msgspec.structs import replace

if TYPE_CHECKING:
    from pathlib import Path

    from algo.events import Notify

SPEC = RuntimeSpec("x", "1", "debian:trixie-slim", oldest={"node": "20"})

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
        with pytest.raises(RuntimeInvalid, match="no language") as caught:
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
    bench = HostBench(SPEC, Programs({"PATH": "/usr/bin:/bin"}))
    work = Work(("sh", "-c", "echo {app}; exit 3"), {"app": tmp_path}, frozenset(), "app")
    done = bench.run(work, notify=lambda event: None)
    assert (done.code, done.said) == (3, f"{tmp_path}\n")
    missing = Work(("sh",), {"app": tmp_path}, frozenset(), "app", needs=("no-such-program",))
    with pytest.raises(ToolMissing, match="no-such-program is not on PATH, and x needs it"):
        bench.run(missing, notify=lambda event: None)


class Elsewhere:
    """A container: it counts the steps that it ran."""

    key = "there"

    def __init__(self) -> None:
        self.ran = 0

    def run(self, work: Work, *, notify: Notify) -> Finished:
        self.ran += 1
        return Finished(0, "")


def program(folder: Path, name: str, said: str, code: int = 0) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{said}'\nexit {code}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("said", "old"),
    [
        ("v18.19.0", True),
        ("v20.20.2", False),
        ('openjdk version "1.8.0_392"', True),
        ("Bundler version 20", False),
        ("no number", False),
    ],
)
def test_a_program_that_is_too_old_is_told_before_it_is_used(
    tmp_path: Path, said: str, old: bool
) -> None:
    program(tmp_path, "node", said)
    bench = HostBench(SPEC, Programs({"PATH": f"{tmp_path}:/usr/bin:/bin"}))
    work = Work(("sh", "-c", "exit 0"), {"app": tmp_path}, frozenset(), "app", needs=("node",))
    if not old:
        assert bench.run(work, notify=lambda event: None).code == 0
        return
    with pytest.raises(ToolTooOld, match="is too old: x needs 20 or a newer one") as caught:
        bench.run(work, notify=lambda event: None)
    assert caught.value.hint == "install node 20 or newer, or pass --engine docker"
    assert caught.value.exit_code == 3


def test_a_step_may_want_more_of_a_program_than_the_language_does(tmp_path: Path) -> None:
    program(tmp_path, "bundle", "Bundler version 2.3.15")
    spec = Runtimes(data_folder("runtimes")).spec("ruby")
    assert spec.tools is not None
    known = Programs({"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert "bundle 2.6" in unusable(spec, known)
    work = Work(("sh", "-c", "exit 0"), {"app": tmp_path}, frozenset(), "app", needs=("bundle",))
    assert HostBench(spec, known).run(work, notify=lambda event: None).code == 0
    with pytest.raises(ToolTooOld, match=r"bundle 2\.3\.15 is too old: ruby needs 2\.6"):
        HostBench(spec, known).run(
            replace(work, oldest=spec.tools.oldest), notify=lambda event: None
        )


def test_a_program_is_asked_for_its_version_once(tmp_path: Path) -> None:
    known = Programs({"PATH": str(tmp_path)}, Cache(tmp_path / "cache"))
    for said, stamp, expected in (("v20.1", 1, "20.1"), ("v21.1", 1, "20.1"), ("v21.1", 2, "21.1")):
        program(tmp_path, "node", said)
        os.utime(tmp_path / "node", (stamp, stamp))
        assert known.version("node") == expected
    assert known.version("absent") == ""


def test_a_step_that_wants_a_newer_program_than_is_here_runs_in_a_container_and_says_so(
    tmp_path: Path,
) -> None:
    there, told = Elsewhere(), list[Event]()
    program(tmp_path, "xpm", "xpm 2.3")
    host = HostBench(SPEC, Programs({"PATH": f"{tmp_path}:/usr/bin:/bin"}))
    here = Work(("sh", "-c", "exit 3"), {"app": tmp_path}, frozenset(), "app", needs=("xpm",))
    newer = replace(here, oldest={"xpm": "2.6"})
    bench = HostFirst(host, lambda: there)
    assert bench.run(here, notify=told.append).code == 3
    assert (there.ran, told) == (0, [])
    assert bench.run(newer, notify=told.append).code == 0
    assert there.ran == 1
    text = (
        "xpm 2.3 is too old: x needs 2.6 or a newer one outside a container: this step runs in one"
    )
    assert told == [Note(text)]
    with pytest.raises(ToolTooOld):
        HostFirst(host, lambda: None).run(newer, notify=told.append)


def test_a_program_that_is_missing_here_is_told_before_a_container_locks_for_it(
    tmp_path: Path,
) -> None:
    there = Elsewhere()
    host = HostBench(SPEC, Programs({"PATH": "/usr/bin:/bin"}))
    missing = Work(("no-such-program",), {"app": tmp_path}, frozenset(), "app")
    with pytest.raises(ToolMissing, match="no-such-program is not on PATH") as caught:
        HostFirst(host, lambda: there).run(missing, notify=lambda event: None)
    assert caught.value.hint == "install no-such-program, or pass --engine docker"
    assert there.ran == 0


def test_the_last_line_of_a_step_may_be_its_hint() -> None:
    assert hint_of("a.go:1: no\nhint: go get x, then: algo lock\n") == (
        "a.go:1: no",
        "go get x, then: algo lock",
    )
    assert hint_of("hint: of the compiler\na.go:1: no") == (
        "hint: of the compiler\na.go:1: no",
        None,
    )
