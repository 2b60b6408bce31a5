"""What the layers of an image hold, as far as a bill of materials is concerned."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from msgspec import field

from algo.images.image import LayerKind
from algo.images.layer import members
from algo.storage.tar import Kind
from algo.values import Record, Value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from algo.images.image import Layer
    from algo.storage.tar import Content, Member

_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_LARGEST = 32 << 20
_WANTED = re.compile(
    r"(?:var/lib/dpkg/status|var/lib/dpkg/status\.d/[^/]+|usr/lib/os-release"
    r"|opt/algo/packages/conda-meta/[^/]+\.json"
    r"|usr/share/doc/[^/]+/copyright|.*\.(?:dist|egg)-info/(?:METADATA|RECORD|PKG-INFO))"
)
# The standard library's first file tells which Python the image has.
_PYTHON = re.compile(r"(?:usr|usr/local|opt/algo/packages)/lib/python(3\.\d+)/os\.py")


class ModelFile(Value, frozen=True):
    """A file of a model: its path in the image, its SHA-256 in hex, its size."""

    path: str
    sha256: str
    size: int


class Contents(Record):
    """What was found.

    Attributes:
        files: By path: what describes packages, and the kind of the layer that holds it.
        models: The files of each model, by its name, sorted by path.
        python: The minor version of the Python in the image, empty without one.
    """

    files: dict[str, tuple[bytes, LayerKind]] = field(default_factory=dict)
    models: dict[str, list[ModelFile]] = field(default_factory=dict)
    python: str = ""

    def text(self, path: str) -> str:
        """Return the text of a file, empty when it is not there."""
        content, _ = self.files.get(path, (b"", None))
        return content.decode("utf-8", "replace")


def read_contents(layers: Iterable[Layer]) -> Contents:
    """Return what `layers` hold, from the bottom up; a file that a later one removed is gone."""
    found = Contents()
    for layer in layers:
        _read(layer, found)
    for files in found.models.values():
        files.sort(key=lambda one: one.path)
    return found


def _read(layer: Layer, found: Contents) -> None:
    for member, content in members(layer):
        path = member.name
        folder, _, name = path.rpartition("/")
        if name == _OPAQUE:
            _remove(found, folder)
        elif name.startswith(_WHITEOUT):
            _remove(found, f"{folder}/{name.removeprefix(_WHITEOUT)}".lstrip("/"))
        elif member.kind == Kind.FILE:
            _take(layer, path, member, content, found)


def _take(layer: Layer, path: str, member: Member, content: Content, found: Contents) -> None:
    if layer.kind is LayerKind.MODEL:
        digest = hashlib.sha256()
        for chunk in content:
            digest.update(chunk)
        file = ModelFile(path, digest.hexdigest(), member.size)
        found.models.setdefault(layer.model, []).append(file)
    elif _WANTED.fullmatch(path) and member.size <= _LARGEST:
        found.files[path] = (b"".join(content), layer.kind)
    elif python := _PYTHON.fullmatch(path):
        found.python = python[1]


def _remove(found: Contents, path: str) -> None:
    for held in [one for one in found.files if one == path or one.startswith(f"{path}/")]:
        del found.files[held]
