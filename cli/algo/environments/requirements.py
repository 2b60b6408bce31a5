"""The files that say what a project needs, and a digest of what they say."""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from algo.environments.errors import RequirementInvalid

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = ("requirements.in", "requirements.txt", "pyproject.toml")
TEST_SOURCE = "requirements-test.in"
_INCLUDE = re.compile(r"(?:-r|-c|--requirement|--constraint)[\s=]+(\S+)")


@dataclass(frozen=True, slots=True)
class Requirements:
    """The requirement files of a project; each is empty when there is none."""

    runtime: tuple[Path, ...]
    test: tuple[Path, ...]


def find_requirements(root: Path) -> Requirements:
    """Return the first of `SOURCES` that lies in `root`, and its test requirements."""
    found = [root / name for name in SOURCES if _states_packages(root / name)]
    test = root / TEST_SOURCE
    return Requirements(tuple(found[:1]), (test,) if test.is_file() else ())


def inputs_digest(requirements: Requirements, python: str) -> str:
    """Return the digest of what the lock is made from, by content alone.

    Comments and blank lines do not count; files that are included by `-r` or `-c` do.

    Args:
        requirements: The project's requirement files.
        python: `python` of `algo.toml`.

    Raises:
        RequirementInvalid: An included file is not there.
    """
    total = hashlib.sha256(f"python {python}\n".encode())
    for group in (requirements.runtime, requirements.test):
        total.update(b"group\n")
        for path in group:
            for line in _lines(path, ()):
                total.update(f"{line}\n".encode())
    return f"sha256:{total.hexdigest()}"


def _states_packages(path: Path) -> bool:
    if not path.is_file():
        return False
    return path.name != "pyproject.toml" or bool(_pyproject(path))


def _lines(path: Path, above: tuple[Path, ...]) -> list[str]:
    if path.name == "pyproject.toml":
        return _pyproject(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise RequirementInvalid(f"{path.name} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RequirementInvalid(f"{path.name} is not UTF-8 at byte {error.start}") from error
    lines: list[str] = []
    for raw in text.splitlines():
        line = re.sub(r"(^|\s)#.*", "", raw).strip()
        include = _INCLUDE.match(line)
        if include and path not in above:
            lines += [line, *_lines(path.parent / include[1], (*above, path))]
        elif line:
            lines.append(line)
    return lines


def _pyproject(path: Path) -> list[str]:
    try:
        project = tomllib.loads(path.read_text(encoding="utf-8")).get("project", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RequirementInvalid(f"{path.name} cannot be read: {error}") from error
    return [str(line) for line in project.get("dependencies", [])]
