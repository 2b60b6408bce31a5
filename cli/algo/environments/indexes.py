"""Where packages are looked for, as the project's own files say it; no lock holds any of it."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from algo.environments.requirements import PYPROJECT, lines_of
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from algo.environments.requirements import Line, Source

_OPTION = re.compile(
    r"(-i|-f|--index-url|--extra-index-url|--find-links|--trusted-host|--no-index)(?:[\s=]+(.*))?"
)
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_URL = re.compile(r"https?://[^\s`'\"<>)]+")
_HOST = re.compile(r"https?://(?:[^/@\s]*@)?([^/\s`'\"]+)")
_FIND_LINKS = ("-f", "--find-links")


class Indexes(Value, frozen=True):
    """The indexes that a project names.

    Args:
        lines: Options for the head of a file of requirements; they may hold credentials.
        named: `name=URL` of each index of `[tool.uv]`, which may hold them, too.
        folders: Folders of package files.
    """

    lines: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    folders: tuple[Path, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.lines or self.named)


def indexes_of(sources: Sequence[Source], env: Mapping[str, str]) -> Indexes:
    """Return what the files of a project name.

    Args:
        sources: The project's requirements.
        env: UV_FIND_LINKS counts.

    Raises:
        RequirementInvalid: A file cannot be read.
    """
    lines: dict[str, None] = {}
    folders = [Path(one) for one in re.split(r"[,\s]+", env.get("UV_FIND_LINKS", "")) if one]
    for source in sources:
        for option, value, folder in _options(source):
            place = folder / value
            if option in _FIND_LINKS and "://" not in value:
                folders.append(place)
                value = str(place)
            lines[f"{option} {value}".strip()] = None
    named: tuple[str, ...] = ()
    for root in {source.path.parent for source in sources}:
        named, links = _of_tool(root / PYPROJECT)
        folders += [root / one for one in links]
    return Indexes(tuple(lines), named, tuple(folders))


def naming(said: str, sources: Sequence[Source], env: Mapping[str, str]) -> str:
    """Return the line or variable that names an index of which uv's words `said` tell, or nothing.

    Args:
        said: What uv said, with the address that it asked.
        sources: The requirements.
        env: The variables that uv reads.
    """
    hosts = {_host(url) for url in _URL.findall(said)}
    for source in sources:
        for option, line in _option_lines(source):
            if _host(option[2] or "") in hosts:
                return f"{line.path.name}:{line.number}"
    for name in sorted(env):
        if re.fullmatch(r"UV_\w*(?:INDEX(?:_URL)?|FIND_LINKS)", name) and hosts & {
            _host(url) for url in _URL.findall(env[name])
        }:
            return name
    for source in sources:
        named, _ = _of_tool(source.path.with_name(PYPROJECT))
        if hosts & {_host(url) for one in named for url in _URL.findall(one)}:
            return f"[tool.uv] of {PYPROJECT}"
    return ""


def unset(sources: Sequence[Source], env: Mapping[str, str]) -> tuple[str, ...]:
    """Return the variables that addresses of indexes ask for, `${NAME}`, and `env` does not have.

    They stay in the address as they stand there, so an index would get them as a user or password.
    """
    asked = [option[2] or "" for source in sources for option, _ in _option_lines(source)]
    names = [name for value in asked for name in _VARIABLE.findall(value)]
    return tuple(dict.fromkeys(name for name in names if name not in env))


def local_hashes(name: str, version: str, folders: Iterable[Path]) -> tuple[str, ...]:
    """Return the SHA-256 of each file of a package in `folders`, sorted: uv knows none there."""
    from packaging.utils import InvalidSdistFilename, InvalidWheelFilename

    found = set()
    files = [path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir())]
    for path in files:
        try:
            known = _file_of(path.name)
        except (InvalidSdistFilename, InvalidWheelFilename):
            continue
        if known == (name, version):
            with path.open("rb") as file:
                found.add(f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}")
    return tuple(sorted(found))


def _file_of(filename: str) -> tuple[str, str]:
    from packaging.utils import InvalidSdistFilename, parse_sdist_filename, parse_wheel_filename

    if filename.endswith(".whl"):
        name, version, *_ = parse_wheel_filename(filename)
    elif filename.endswith((".tar.gz", ".zip")):
        name, version = parse_sdist_filename(filename)
    else:
        raise InvalidSdistFilename(filename)
    return str(name), str(version)


def _host(url: str) -> str:
    found = _HOST.search(url)
    return found[1].lower() if found else "-"


def _options(source: Source) -> Iterable[tuple[str, str, Path]]:
    for option, line in _option_lines(source):
        yield option[1], (option[2] or "").strip().strip("'\""), line.path.parent


def _option_lines(source: Source) -> Iterable[tuple[re.Match[str], Line]]:
    if source.path.suffix == ".lock" or source.path.suffix == ".toml":
        return
    for line in lines_of(source):
        option = _OPTION.fullmatch(line.text)
        if option:
            yield option, line


def _of_tool(path: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return index and find-links of `[tool.uv]`; a file that is no TOML says nothing of them."""
    try:
        document: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return (), ()
    settings = document.get("tool", {}).get("uv", {})
    named = tuple(
        f"{index.get('name', f'index{number}')}={index['url']}"
        for number, index in enumerate(settings.get("index", []))
        if "url" in index and not index.get("default")
    )
    links = settings.get("find-links", [])
    return named, tuple(one for one in links if "://" not in one)
