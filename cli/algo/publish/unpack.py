"""Take the files of a version out of its layers, and nothing that does not belong there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.storage.errors import UnsafeArchive
from algo.storage.tar import Kind, read_tar
from algo.storage.unpacking import Unpacking

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from algo.storage.tar import Content, Member

APP = "opt/algo/app"
DESCRIPTION = "opt/algo/algorithm.json"
_ABOVE = ("opt", "opt/algo", APP)
_MAX_DESCRIPTION = 1 << 20


def unpack(layers: Iterable[Path], folder: Path) -> bytes:
    """Write the files below `/opt/algo/app` of plain tar `layers` into the new folder `folder`.

    Returns:
        The bytes of `algorithm.json`.

    Raises:
        UnsafeArchive: A member is none of ours, leads out of the folder or is in the way of
            another; or a layer is no plain tar; or there is no description.
    """
    description = b""
    folder.mkdir(parents=True)
    target = Unpacking(folder)
    for layer in layers:
        for member, content in _members(layer):
            if member.name == DESCRIPTION and member.kind == Kind.FILE:
                description = _read(member, content)
            elif member.name.startswith(f"{APP}/"):
                target.write(member, member.name.removeprefix(f"{APP}/"), content)
            elif member.name not in _ABOVE or member.kind != Kind.FOLDER:
                raise UnsafeArchive(f"the layer {layer.name} holds {member.name[:100]!r}")
    if not description:
        raise UnsafeArchive("the image holds no algorithm.json: it was not made by algo")
    return description


def unpack_below(layers: Iterable[Path], places: Collection[str], folder: Path) -> None:
    """Write those files of plain tar `layers` that lie at or below `places` of the project.

    Args:
        layers: The layers, from the bottom up.
        places: Paths in the project.
        folder: Takes them at their paths; must not be there.

    Raises:
        UnsafeArchive: As `unpack`.
    """
    folder.mkdir(parents=True)
    target = Unpacking(folder)
    for layer in layers:
        for member, content in _members(layer):
            path = member.name.removeprefix(f"{APP}/")
            if any(path == place or path.startswith(f"{place}/") for place in places):
                target.write(member, path, content)


def read_description(layer: Path) -> bytes:
    """Return the bytes of `algorithm.json` in the code layer of an image.

    Raises:
        UnsafeArchive: It is not there, or the layer is no plain tar.
    """
    for member, content in _members(layer):
        if member.name == DESCRIPTION and member.kind == Kind.FILE:
            return _read(member, content)
    raise UnsafeArchive("the image holds no algorithm.json: it was not made by algo")


def _members(layer: Path) -> Iterator[tuple[Member, Content]]:
    # Plain tars only: they cannot hold more than their size says.
    try:
        with layer.open("rb") as file:
            yield from read_tar(file)
    except UnsafeArchive as error:
        text = f"the layer {layer.name} cannot be unpacked: {error.message}"
        raise UnsafeArchive(text) from error


def _read(member: Member, content: Content) -> bytes:
    if member.size > _MAX_DESCRIPTION:
        raise UnsafeArchive(f"{member.name} is {member.size} bytes long")
    return b"".join(content)
