"""A small project and small runtimes to build images from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.images.build import Builder
from algo.images.cache import Cache
from algo.images.config import Below
from algo.languages.runtimes import Runtimes
from algo.oci.descriptor import Platform
from algo.oci.digest import Digest
from algo.project.lock import Lock, Pin, Target
from algo.project.project import Project

from tests.fakes.packages import FakePackages, hash_of

if TYPE_CHECKING:
    from pathlib import Path

    from algo.images.interface import ImageEngine

AMD64 = Platform("linux", "amd64")
BELOW = Below("algo.local/runtime/python:1", Digest.of(b"runtime"), "/bin", "3.13")
MANIFEST = """
[algorithm]
name = "acme/p"
version = "1.0.0"
language = "python"
entrypoint = "src/p.py:apply"
[models]
small = "models/small.bin"
"""


def runtimes(root: Path) -> Path:
    (root / "gateway" / "algo_gateway").mkdir(parents=True)
    (root / "gateway" / "algo_gateway" / "__init__.py").write_text("")
    (root / "gateway" / "requirements.txt").write_text("six==1.16\n")
    (root / "python").mkdir()
    (root / "python" / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\n")
    (root / "python" / "runtime.toml").write_text(
        'language = "python"\nversion = "3.13"\nbase = "debian:trixie-slim"\n'
        '[packages]\nmanager = "pip"\n'
    )
    (root / "python" / "runner.py").write_text("print('runner')\n")
    return root


def project(root: Path) -> Project:
    for folder in ("src", "models", "tests", ".git"):
        (root / folder).mkdir(parents=True)
    (root / "algo.toml").write_text(MANIFEST)
    (root / "requirements.in").write_text("six\n")
    (root / "src" / "p.py").write_text("def apply(x):\n    return x\n")
    (root / "models" / "small.bin").write_bytes(bytes(1000))
    (root / "tests" / "test_p.py").touch()
    (root / ".git" / "HEAD").touch()
    return Project.open(root)


def lock(version: str = "1.17") -> Lock:
    pin = Pin("six", version, (hash_of("six", version),))
    targets: dict[Target, tuple[Pin, ...]] = {
        Target(f"linux/{arch}", "3.13"): (pin,) for arch in ("amd64", "arm64")
    }
    return Lock("", targets, {})


def builder(
    root: Path, cache: Path, engine: ImageEngine | None, packages: FakePackages | None = None
) -> Builder:
    return Builder(
        cache=Cache(cache),
        runtimes=Runtimes(root),
        installer=packages or FakePackages(),
        engine=engine,
        find_python=lambda minor: None,
        host=AMD64,
    )
