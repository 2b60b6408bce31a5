"""A real image of a small algorithm, made once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from algo.commands.shared.preparing import prepare
from algo.deps import Deps
from algo.engines.interface import Image
from algo.output import Output
from algo.project.project import Project
from algo.resources import user_folders

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Engine

MANIFEST = """
[algorithm]
name = "acme/hello"
language = "python"
entrypoint = "src/hello.py:apply"
"""


@pytest.fixture(scope="session")
def minimal_image(
    engine: Engine, session_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """What the engine calls the image of an algorithm that adds one."""
    home = tmp_path_factory.mktemp("home")
    (home / "cache").symlink_to(session_cache, target_is_directory=True)
    root = home / "hello"
    (root / "src").mkdir(parents=True)
    (root / "algo.toml").write_text(MANIFEST)
    (root / "requirements.in").write_text("")
    (root / "src" / "hello.py").write_text("def apply(input):\n    return input + 1\n")
    deps = Deps(root, os.environ, user_folders(str(home)), Output.for_process(json=False))
    servable = prepare(deps, Project.open(root), image=True)
    assert isinstance(servable.artifact, Image)
    return servable.artifact.reference
