"""What the user points at: a folder, a published version, or a running service."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from algo.project.project import MANIFESTS, Project
from algo.serving.errors import InputInvalid, TargetUnknown
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class VersionTarget(Value, frozen=True):
    """A published version, `[host/]owner/name[:version|@digest]`, not yet parsed."""

    reference: str


class UrlTarget(Value, frozen=True):
    """A running service."""

    url: str


Target = Project | VersionTarget | UrlTarget

_REFERENCE = re.compile(r"[^\s/]+(/[^\s/]+)+")


def find_target(text: str, cwd: Path) -> Target:
    """Return what `text` points at, seen from `cwd`; empty is the project that holds `cwd`.

    A folder that exists wins over a reference of the same spelling.

    Raises:
        ProjectNotFound: It is a folder without a manifest.
        ManifestInvalid: Its manifest cannot be read.
        TargetUnknown: It is nothing that we know.
    """
    if text.startswith(("http://", "https://")):
        return UrlTarget(text.rstrip("/"))
    if text in ("", "."):
        return Project.find(cwd)
    folder = cwd / text
    if folder.is_dir():
        return Project.open(folder)
    if folder.name in MANIFESTS and folder.is_file():
        return Project.open(folder.parent)
    if text.startswith((".", "/", "~")) or not _REFERENCE.fullmatch(text):
        raise TargetUnknown(f"{text!r} is no folder here, and not a reference")
    return VersionTarget(text)


def split_words(words: Sequence[str]) -> tuple[str, bool]:
    """Return the target among `[TARGET] [-]`, empty for none, and whether `-` stood there.

    Raises:
        InputInvalid: There are two targets.
    """
    targets = [word for word in words if word != "-"]
    if len(targets) > 1:
        raise InputInvalid(f"{targets[1]!r} is a second target: give JSON with -d")
    return (targets[0] if targets else ""), "-" in words
