"""Write a version into `algo.toml` and leave everything else as it is, comments included."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from algo.project.manifest import FILE

if TYPE_CHECKING:
    from pathlib import Path


def write_version(root: Path, version: str) -> None:
    """Set `[algorithm] version` in the project at `root`, in one step."""
    import tomlkit

    path = root / FILE
    document = tomlkit.parse(path.read_text(encoding="utf-8"))
    algorithm = document["algorithm"]
    assert isinstance(algorithm, dict)
    if algorithm.get("version") == version:
        return
    algorithm["version"] = version
    temporary = path.with_name(f".{FILE}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(tomlkit.dumps(document))
        file.flush()
        os.fsync(file.fileno())  # else a loss of power could leave the author an empty file
    temporary.chmod(path.stat().st_mode & 0o777)
    temporary.replace(path)
