"""A project's own Dockerfile: steps that come before ours in its runtime image."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from typing import TYPE_CHECKING

from msgspec.structs import replace

from algo.images.errors import DockerfileInvalid
from algo.images.tree import collect, fingerprint, single
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from algo.images.tree import Entry

_FROM = re.compile(r"(?is)(\s*FROM\s+(?:--\S+\s+)*)(\S+)(\s+AS\s+(\S+))?\s*")
_ARG = re.compile(r"(?i)\s*ARG\s+(\w+)(?:=(.*))?\s*")
_COPY = re.compile(r"(?is)\s*(?:COPY|ADD)\s+(.*)")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_SCRATCH = "scratch"
_ELSEWHERE = ("<<", "http://", "https://", "git@")


class Prelude(Value, frozen=True):
    """A Dockerfile and what it copies.

    Args:
        text: Its text.
        files: The files that it names, at their paths in the project.
        bases: The images that it begins with, as they are written there.
    """

    text: str
    files: tuple[Entry, ...]
    bases: tuple[str, ...]

    @property
    def key(self) -> str:
        """A digest over all of it, in hex."""
        return hashlib.sha256(f"{self.text}\0{fingerprint(self.files)}".encode()).hexdigest()

    def on(self, replaced: Mapping[str, str]) -> bytes:
        """Return the Dockerfile with other images in place of its bases."""
        lines = []
        for line in _lines(self.text):
            match = _FROM.fullmatch(line)
            if match:
                image = _expand(match[2], _arguments(self.text))
                line = f"{match[1]}{replaced.get(image, match[2])}{match[3] or ''}"
            lines.append(line)
        return "\n".join([*lines, ""]).encode()


def read_prelude(root: Path, path: str) -> Prelude:
    """Return the Dockerfile at `path` below the project's folder `root`.

    What it copies is all that it gets: files that it does not name change nothing.

    Raises:
        DockerfileInvalid: It is not there, no UTF-8, has no FROM, or copies from an image that is
            no stage.
    """
    file = root / path
    if not file.is_file():
        raise DockerfileInvalid(f"there is no {path}", hint=f"create {path}, or remove dockerfile")
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DockerfileInvalid(
            f"{path} is not UTF-8 at byte {error.start}", hint="save it as UTF-8"
        ) from error
    arguments, stages, bases = _arguments(text), set[str](), list[str]()
    sources: list[str] = []
    for line in _lines(text):
        begun, copied = _FROM.fullmatch(line), _COPY.fullmatch(line)
        if begun:
            image = _expand(begun[2], arguments)
            if image not in stages and image != _SCRATCH:
                bases.append(image)
            stages.add((begun[4] or str(len(stages))).lower())
        elif copied:
            sources += _sources(copied[1], stages, path)
    if not bases:
        raise DockerfileInvalid(f"{path} begins with no image", hint="begin it with FROM IMAGE")
    entries = {entry.path: entry for source in sources for entry in _entries(root, source)}
    return Prelude(
        text, tuple(entries[name] for name in sorted(entries)), tuple(dict.fromkeys(bases))
    )


def _lines(text: str) -> Iterator[str]:
    """Yield the instructions, each on one line, without comments."""
    joined = ""
    for line in text.splitlines():
        if line.lstrip().startswith("#") and not _is_directive(line, joined):
            continue
        if line.rstrip().endswith("\\"):
            joined += line.rstrip()[:-1] + " "
            continue
        yield joined + line
        joined = ""
    if joined:
        yield joined


def _is_directive(line: str, before: str) -> bool:
    return not before and bool(re.match(r"#\s*(syntax|escape|check)\s*=", line.strip()))


def _arguments(text: str) -> dict[str, str]:
    """Return the defaults of the arguments before the first FROM."""
    found: dict[str, str] = {}
    for line in _lines(text):
        if _FROM.fullmatch(line):
            break
        argument = _ARG.fullmatch(line)
        if argument and argument[2] is not None:
            found[argument[1]] = argument[2].strip().strip("\"'")
    return found


def _expand(word: str, arguments: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda match: arguments.get(match[1] or match[2], match[0]), word)


def _sources(words: str, stages: Iterable[str], path: str) -> list[str]:
    """Return what a COPY or ADD takes from the project."""
    said = shlex.split(words)
    flags = [word for word in said if word.startswith("--")]
    for flag in flags:
        if flag.startswith("--from="):
            stage = flag.removeprefix("--from=").lower()
            if stage not in stages and not stage.isdigit():
                raise DockerfileInvalid(
                    f"{path} copies from {stage}, which is no stage of it",
                    hint=f"begin a stage with it: FROM {stage} AS name",
                )
            return []
    rest = [word for word in said if not word.startswith("--")]
    if rest and rest[0].startswith("["):
        rest = json.loads(words[words.index("[") :])
    return [
        word for word in rest[:-1] if not word.startswith(("<<", "http://", "https://", "git@"))
    ]


def _entries(root: Path, source: str) -> Iterator[Entry]:
    pattern = source.lstrip("/").removeprefix("./").rstrip("/")
    if ".." in pattern.split("/"):
        raise DockerfileInvalid(f"{source!r} leads out of the project")
    found = [root] if pattern in ("", ".") else sorted(root.glob(pattern))
    for path in found:
        if not path.resolve().is_relative_to(root):
            raise DockerfileInvalid(f"{source!r} leads out of the project")
        place = path.relative_to(root).as_posix()
        if path.is_dir():
            for entry in collect(path, place, ignored=_never):
                yield replace(entry, path=entry.path.removeprefix("./"))
        else:
            yield single(path, place)


def _never(relative: str, folder: bool) -> bool:
    return relative.split("/")[0] in {".git", ".venv"}
