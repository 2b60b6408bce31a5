"""Take the files of a version out of its layers, and nothing that does not belong there."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

from algo.publish.errors import UnsafeArchive

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

APP = "opt/algo/app/"
DESCRIPTION = "opt/algo/algorithm.json"
_MAX_DESCRIPTION = 1 << 20


def unpack(layers: Iterable[Path], folder: Path) -> bytes:
    """Write the files below `/opt/algo/app` of plain tar `layers` into `folder`.

    Returns:
        The bytes of `algorithm.json`.

    Raises:
        UnsafeArchive: An entry leads out of the folder or is no file, folder or link within
            it; or a layer is no plain tar; or there is no description.
    """
    description = b""
    for layer in layers:
        try:
            # Plain tars only: they cannot hold more than their size says.
            with tarfile.open(layer, mode="r:") as archive:
                for entry in archive:
                    if entry.name == DESCRIPTION and entry.isreg():
                        description = _read(archive, entry)
                    elif entry.name.startswith(APP):
                        _write(archive, entry, folder)
        except (tarfile.TarError, OSError) as error:
            raise UnsafeArchive(f"the layer {layer.name} cannot be unpacked: {error}") from error
    if not description:
        raise UnsafeArchive("the image holds no algorithm.json: it was not made by algo")
    return description


def read_description(layer: Path) -> bytes:
    """Return the bytes of `algorithm.json` in the code layer of an image.

    Raises:
        UnsafeArchive: It is not there, or the layer is no plain tar.
    """
    try:
        with tarfile.open(layer, mode="r:") as archive:
            for entry in archive:
                if entry.name == DESCRIPTION and entry.isreg():
                    return _read(archive, entry)
    except (tarfile.TarError, OSError) as error:
        raise UnsafeArchive(f"the layer {layer.name} cannot be read: {error}") from error
    raise UnsafeArchive("the image holds no algorithm.json: it was not made by algo")


def _read(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(entry)
    if file is None or entry.size > _MAX_DESCRIPTION:
        raise UnsafeArchive(f"{entry.name} is {entry.size} bytes long")
    return file.read()


def _write(archive: tarfile.TarFile, entry: tarfile.TarInfo, folder: Path) -> None:
    path = _inside(entry.name.removeprefix(APP), folder, entry.name)
    if entry.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if entry.issym():
        target = (path.parent / entry.linkname).resolve()
        if entry.linkname.startswith("/") or not target.is_relative_to(folder.resolve()):
            raise UnsafeArchive(f"{entry.name} is a link out of the version: {entry.linkname}")
        path.symlink_to(entry.linkname)
        return
    file = archive.extractfile(entry) if entry.isreg() else None
    if file is None:
        raise UnsafeArchive(f"{entry.name} is no file, folder or link")
    path.unlink(missing_ok=True)
    with path.open("wb") as target_file:
        while chunk := file.read(1 << 20):
            target_file.write(chunk)
    path.chmod(0o755 if entry.mode & 0o100 else 0o644)


def _inside(name: str, folder: Path, shown: str) -> Path:
    """Return the place of `name` below `folder`, through no link that leads out of it."""
    parts = name.rstrip("/").split("/")
    if name and any(part in ("", ".", "..") for part in parts):
        raise UnsafeArchive(f"{shown} leads out of the version")
    path = folder.joinpath(*parts)
    if not path.parent.resolve().is_relative_to(folder.resolve()):
        raise UnsafeArchive(f"{shown} leads out of the version")
    return path
