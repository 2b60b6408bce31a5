"""Write a version into a project's manifest and leave everything else as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.project import algorithmia
from algo.project.lock import replace_file
from algo.project.project import manifest_in

if TYPE_CHECKING:
    from pathlib import Path


def write_version(root: Path, version: str) -> None:
    """Set the version in the manifest of the project at `root`, in one step.

    Raises:
        OSError: It cannot be written, or is not there any more.
    """
    path = manifest_in(root)
    if path is None:
        raise FileNotFoundError(f"{root} has no manifest any more")
    before = path.read_text(encoding="utf-8")
    if path.name == algorithmia.FILE:
        after = algorithmia.with_version(before, version)
    else:
        after = _in_toml(before, version)
    if after == before:
        return
    replace_file(path, after.encode())


def _in_toml(text: str, version: str) -> str:
    import tomlkit

    document = tomlkit.parse(text)
    algorithm = document["algorithm"]
    assert isinstance(algorithm, dict)
    if algorithm.get("version") == version:
        return text
    algorithm["version"] = version
    return tomlkit.dumps(document)
