"""Write a version into `algo.toml` and leave everything else as it is, comments included."""

from __future__ import annotations

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
    temporary.write_text(tomlkit.dumps(document), encoding="utf-8")
    temporary.chmod(path.stat().st_mode & 0o777)
    temporary.replace(path)
