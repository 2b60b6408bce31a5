"""The layers of a language whose steps its folder names."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pytest
from algo.images.cache import Cache
from algo.images.layer import members
from algo.images.tooling import Tooling
from algo.languages.host import HostBench
from algo.languages.spec import read_spec
from algo.project.lock import Lock, Pin, Target
from algo.project.project import Project

if TYPE_CHECKING:
    from pathlib import Path

    from algo.events import Event, Notify
    from algo.images.bytecode import Compiler
    from algo.images.image import Layer, LayerKind
    from algo.languages.interface import Bench

RUNTIME = """
language = "made"
version = "1"
base = "debian:trixie-slim"
[packages]
manager = "made"
files = ["needs.txt"]
lock = ["needs.lock"]
unshipped = ["workshop"]
[build]
command = ["cp", "{packages}/workshop/tool", "{program}/made"]
"""
TARGET = Target("linux/amd64", "made")
PIN = Pin("library", "1", ("sha256:" + "0" * 64,), "made")


@dataclass
class FakeInstaller:
    """Leaves a library, and a tool that is not shipped."""

    installed: list[str] = field(default_factory=list)

    def install(
        self, origin: Path, platform: str, folder: Path, bench: Bench, *, notify: Notify
    ) -> None:
        self.installed.append(platform)
        (folder / "library").write_text("library")
        (folder / "workshop").mkdir()
        (folder / "workshop" / "tool").write_text("tool")


class NoCompiler:
    """Stands for the compiler of Python, which other languages have no use for."""

    best = "runtime"

    def check(self, kind: LayerKind) -> None:
        """Allow it."""


COMPILER = cast("Compiler", NoCompiler())


def quiet(event: Event) -> None:
    """Say nothing."""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root = tmp_path / "project"
    (root / "src").mkdir(parents=True)
    (root / "src" / "it.made").touch()
    (root / "algo.toml").write_text(
        '[algorithm]\nname = "acme/p"\nlanguage = "made"\nentrypoint = "src/it.made:apply"\n'
    )
    return Project.open(root)


@pytest.fixture
def tooling(tmp_path: Path) -> Tooling:
    folder = tmp_path / "runtimes" / "made"
    folder.mkdir(parents=True)
    (folder / "runtime.toml").write_text(RUNTIME)
    cache = Cache(tmp_path / "cache")
    bench = HostBench("made", dict(os.environ))
    return Tooling(read_spec(folder), folder, bench, FakeInstaller(), cache)


def lock(*pins: Pin) -> Lock:
    return Lock("sha256:0", {TARGET: pins}, {}, {"needs.lock": "sha256:1"})


def names(layer: Layer) -> set[str]:
    return {member.name.rpartition("/")[2] for member, _ in members(layer)}


def test_what_is_not_shipped_of_the_packages_is_there_to_build_with(
    tooling: Tooling, project: Project
) -> None:
    locked = lock(PIN)
    packages = tooling.packages(project, locked, TARGET, COMPILER, quiet)
    assert "library" in names(packages)
    assert not {"workshop", "tool"} & names(packages)
    (program,) = tooling.program(project, locked, TARGET, packages, COMPILER, quiet)
    assert "made" in names(program)
    assert tooling.tools.installed == ["linux/amd64"]  # type: ignore[attr-defined]


def test_tools_alone_are_installed_too(tooling: Tooling, project: Project) -> None:
    folder = tooling.packages_here(project, lock(), TARGET, quiet)
    assert folder is not None
    assert (folder / "workshop" / "tool").read_text() == "tool"
    assert tooling.packages_here(project, Lock("sha256:0", {}, {}), TARGET, quiet) is None
