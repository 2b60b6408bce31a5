"""The files that say what a project needs, and a digest of what they say."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from typing import TYPE_CHECKING, Any

from algo.environments.errors import RequirementInvalid
from algo.resources import data_folder
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from algo.project.project import Project

UV_LOCK = "uv.lock"
PYLOCK = "pylock.toml"
PYPROJECT = "pyproject.toml"
ENVIRONMENTS = ("environment.yml", "environment.yaml")
# Conda's comes first, as it can ask for all that the others do. Files that pin come before files
# that ask, and the most explicit of those first.
SOURCES = (*ENVIRONMENTS, UV_LOCK, PYLOCK, "requirements.in", "requirements.txt", PYPROJECT)
TEST_SOURCE = "requirements-test.in"
# Where the tests of code that was written for Algorithmia lie: beside it.
OLD_TESTS = "src/*_test.py"
_INCLUDE = re.compile(r"(?:-r|-c|--requirement|--constraint)[\s=]+(\S+)")
_CORRECT = "correct {0}, then: algo lock"
_COMMENT = re.compile(r"\s*#")
_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")


class Source(Value, frozen=True):
    """A file that says what is needed, or a part of it.

    Args:
        path: The file.
        group: A dependency group of a `pyproject.toml`, `test`; what the project itself needs
            when it is empty.
        extra: An optional dependency of a `pyproject.toml`, in the same way.
    """

    path: Path
    group: str = ""
    extra: str = ""

    @property
    def name(self) -> str:
        """What to call it: `requirements.in`, `pyproject.toml (group test)`."""
        part = f" (group {self.group})" if self.group else ""
        part = f" (extra {self.extra})" if self.extra else part
        return f"{self.path.name}{part}"

    @property
    def brings_python(self) -> bool:
        """Whether it says itself which Python there is."""
        return self.path.name in ENVIRONMENTS

    @property
    def pins(self) -> bool:
        """Whether it is a lock of another tool."""
        return self.path.name == UV_LOCK or is_pylock(self.path)


class Requirements(Value, frozen=True):
    """What a project needs; each part is empty when nothing says so.

    Args:
        runtime: What the algorithm needs.
        test: What its tests need besides.
        unread: Names of files that state packages too, and that `runtime` comes before.
    """

    runtime: tuple[Source, ...]
    test: tuple[Source, ...]
    unread: tuple[str, ...] = ()

    @property
    def brings_python(self) -> bool:
        """Whether the packages bring their own Python."""
        return any(source.brings_python for source in self.runtime)


class Line(Value, frozen=True):
    """A line of a file of requirements, without its comment."""

    path: Path
    number: int
    text: str


def is_pylock(path: Path) -> bool:
    """Tell whether `path` is named as PEP 751 wants it: `pylock.toml`, `pylock.NAME.toml`."""
    return bool(re.fullmatch(r"pylock\.([^.]+\.)?toml", path.name))


def requirements_of(project: Project) -> Requirements:
    """Return what `project` needs.

    Raises:
        RequirementInvalid: As `find_requirements`.
    """
    manifest = project.manifest
    old = bool(manifest.algorithm.written_for)
    return find_requirements(project.root, manifest.environment.requirements, old=old)


def find_requirements(root: Path, wanted: str = "", *, old: bool = False) -> Requirements:
    """Return what the project in `root` needs.

    Args:
        root: The project's folder.
        wanted: The file to read; the first of `SOURCES` that states packages when it is empty.
        old: It was written for Algorithmia, whose build brought what tests need.

    Raises:
        RequirementInvalid: The wanted file is not there, one is a folder, a link to nothing or
            cannot be read, or there is a `uv.lock` alone.
    """
    for name in (*SOURCES, TEST_SOURCE):
        if (root / name).is_dir():
            raise RequirementInvalid(
                f"{name} is a folder, where a file says what the project needs",
                hint=f"mv {name} {name}.d, then: algo lock",
            )
        if (root / name).is_symlink() and not (root / name).exists():
            raise RequirementInvalid(
                f"{name} is a link to {(root / name).readlink()}, and nothing is there",
                hint=f"ls -l {name}",
            )
    found = [name for name in SOURCES if _states_packages(root / name)]
    if wanted:
        if not (root / wanted).is_file():
            raise RequirementInvalid(
                f"algo.toml: environment.requirements names {wanted}, which is not there",
                hint=f"create {wanted}, or correct algo.toml, then: algo lock",
            )
        found = [wanted]
    elif UV_LOCK in found and PYPROJECT in found:
        found.remove(PYPROJECT)  # the lock is of it
    elif not found and (root / UV_LOCK).is_file() and not (root / PYPROJECT).is_file():
        raise RequirementInvalid(
            f"{UV_LOCK} is there without the {PYPROJECT} that it is the lock of",
            hint=f"bring the {PYPROJECT} here, or: rm {UV_LOCK}",
        )
    runtime = tuple(Source(root / name) for name in found[:1])
    test = _test(root, runtime)
    if old and not test and any(root.glob(OLD_TESTS)):
        test = (Source(data_folder("runtimes") / "python" / "workshop" / TEST_SOURCE),)
    return Requirements(runtime, test, tuple(found[1:]))


def inputs_digest(
    requirements: Requirements, python: str, *, gpu: bool = False, torch: str = ""
) -> str:
    """Return the digest of what the lock is made from, by content alone.

    Comments, blank lines and credentials do not count; files that are included by `-r` or `-c` do.

    Args:
        requirements: The project's requirement files.
        python: `python` of `algo.toml`.
        gpu: `gpu` of `algo.toml`.
        torch: `torch` of `algo.toml`.

    Raises:
        RequirementInvalid: An included file is not there.
    """
    total = hashlib.sha256(f"python {python}\n".encode())
    if gpu:
        total.update(b"gpu\n")
    if torch:
        total.update(f"torch {torch}\n".encode())
    for group in (requirements.runtime, requirements.test):
        total.update(b"group\n")
        for source in group:
            for line in _said(source):
                total.update(f"{without_credentials(line)}\n".encode())
    return f"sha256:{total.hexdigest()}"


def lines_of(source: Source) -> list[Line]:
    """Return what `source` asks for, line by line, with what it includes.

    Raises:
        RequirementInvalid: It, or an included file, cannot be read.
    """
    if source.path.name != PYPROJECT:
        return _lines(source.path, ())
    raw = text_of(source.path).splitlines()
    asked = _asked(_pyproject(source.path), source)
    return [Line(source.path, _number(raw, text), text) for text in asked]


def requires_python(source: Source) -> str:
    """Return `requires-python` of a `pyproject.toml`; empty where it, or the file, says nothing."""
    if source.path.name != PYPROJECT:
        return ""
    return str(_pyproject(source.path).get("project", {}).get("requires-python", ""))


def without_credentials(text: str) -> str:
    """Return `text` with the user and the password taken out of its addresses."""
    return _USERINFO.sub("", text)


def _said(source: Source) -> Iterable[str]:
    """Return the lines that say what is needed, for the digest."""
    if source.brings_python:
        # Comments at the end of a line may choose platforms, and how far it is indented counts.
        lines = text_of(source.path).splitlines()
        return [line.rstrip() for line in lines if line.strip() and not _COMMENT.match(line)]
    if source.path.name == UV_LOCK:
        beside = Source(source.path.with_name(PYPROJECT), source.group, source.extra)
        return [*_said(beside), *(line.text for line in _lines(source.path, ()))]
    if source.path.name != PYPROJECT:
        return [line.text for line in _lines(source.path, ())]
    document = _pyproject(source.path)
    settings = document.get("tool", {}).get("uv")
    more = [json.dumps(settings, sort_keys=True, default=str)] if settings else []
    python = document.get("project", {}).get("requires-python")
    more += [f"requires-python {python}"] if python else []
    return [*_asked(document, source), *more]


def _test(root: Path, runtime: tuple[Source, ...]) -> tuple[Source, ...]:
    """Return what the tests need: a file of their own, else a group of the project's."""
    own = root / TEST_SOURCE
    if own.is_file():
        return (Source(own),)
    if not runtime or runtime[0].path.name not in (UV_LOCK, PYPROJECT):
        return ()
    path = runtime[0].path
    document = _pyproject(path.with_name(PYPROJECT))
    for group in ("test", "tests", "dev"):
        if group in document.get("dependency-groups", {}):
            return (Source(path, group=group),)
    for extra in ("test", "tests"):
        if extra in document.get("project", {}).get("optional-dependencies", {}):
            return (Source(path, extra=extra),)
    return ()


def _states_packages(path: Path) -> bool:
    if not path.is_file():
        return False
    if path.name == UV_LOCK:
        return _states_packages(path.with_name(PYPROJECT))
    return path.name != PYPROJECT or bool(_asked(_pyproject(path), Source(path)))


def _lines(path: Path, above: tuple[Path, ...]) -> list[Line]:
    found: list[Line] = []
    for number, raw in enumerate(text_of(path).splitlines(), 1):
        text = re.sub(r"(^|\s)#.*", "", raw).strip()
        include = _INCLUDE.match(text)
        if text:
            found.append(Line(path, number, text))
        if include and path not in above:
            found += _lines(path.parent / include[1], (*above, path))
    return found


def text_of(path: Path) -> str:
    """Return the text of a file that says what is needed.

    Raises:
        RequirementInvalid: It cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise RequirementInvalid(
            f"{path.name} cannot be read: {error.strerror}", hint=_CORRECT.format(path.name)
        ) from error
    except UnicodeDecodeError as error:
        raise RequirementInvalid(
            f"{path.name} is not UTF-8 at byte {error.start}", hint=_CORRECT.format(path.name)
        ) from error


def _pyproject(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text_of(path))
    except tomllib.TOMLDecodeError as error:
        raise RequirementInvalid(
            f"{path.name} cannot be read: {error}", hint=_CORRECT.format(path.name)
        ) from error


def _asked(document: dict[str, Any], source: Source) -> list[str]:
    if source.group:
        # A group may include others: `{include-group = "lint"}`.
        groups = document.get("dependency-groups", {})
        return [text for item in groups.get(source.group, []) for text in _group(groups, item)]
    project = document.get("project", {})
    if source.extra:
        project = {"dependencies": project.get("optional-dependencies", {}).get(source.extra, [])}
    return [str(line) for line in project.get("dependencies", [])]


def _group(groups: dict[str, Any], item: Any, depth: int = 0) -> list[str]:
    if isinstance(item, str):
        return [item]
    included = groups.get(item.get("include-group"), []) if depth < len(groups) else []
    return [text for one in included for text in _group(groups, one, depth + 1)]


def _number(raw: list[str], text: str) -> int:
    return next((number for number, line in enumerate(raw, 1) if text in line), 0)
