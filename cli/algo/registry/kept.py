"""Uploads under way, on the disk: a push that was killed goes on where the registry has got to."""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import msgspec

from algo.values import Record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from algo.oci.digest import Digest

# Registries purge uploads after a week (distribution, `uploadpurging`).
LIFE_SECONDS = 7 * 86_400.0
LONGEST = 64 << 10


class Saved(msgspec.Struct, frozen=True):
    """An upload: where its next request goes, how many bytes are stored, the least of a request.

    The hash is no part of it: OpenSSL's cannot be saved, so what is stored is read again.
    """

    registry: str
    repository: str
    digest: str
    location: str
    stored: int
    least: int = 0
    version: int = 1


class Upload(Record):
    """The record of one upload, which is ours while it is open."""

    key: tuple[str, str, str]
    _descriptor: int
    _path: Path

    def read(self) -> Saved | None:
        """Return what was saved, `None` when that is nothing that can be used."""
        data = os.pread(self._descriptor, LONGEST, 0)
        with suppress(msgspec.MsgspecError, UnicodeDecodeError):
            saved = msgspec.json.decode(data, type=Saved)
            if (saved.registry, saved.repository, saved.digest, saved.version) == (*self.key, 1):
                return saved
        return None

    def save(self, location: str, stored: int, least: int) -> None:
        """Write it down. Only a hint: what cannot be written is not."""
        data = msgspec.json.encode(Saved(*self.key, location, stored, least))
        with suppress(OSError):
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, data, 0)

    def drop(self) -> None:
        """Forget it: the upload ended."""
        with suppress(FileNotFoundError):
            self._path.unlink()


class Uploads:
    """The records of uploads in a folder, one file each, locked while it is in use.

    Args:
        root: The folder; made when there is something to write.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextmanager
    def hold(self, registry: str, repository: str, digest: Digest) -> Iterator[Upload | None]:
        """Open the record of an upload; `None` where another one holds it, or none can be kept."""
        key = (registry, repository, str(digest))
        name = hashlib.sha256("\n".join(key).encode()).hexdigest()[:32]
        path = self.root / f"{name}.json"
        descriptor = open_locked(path)
        if descriptor is None:
            yield None
            return
        upload = Upload(key, descriptor, path)
        try:
            yield upload
            # Left in order, with nothing in it that could go on.
            if upload.read() is None:
                upload.drop()
        finally:
            os.close(descriptor)

    def sweep(self) -> None:
        """Remove the records of uploads that no registry remembers."""
        oldest = time.time() - LIFE_SECONDS
        for path in self.root.glob("*.json"):
            with suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()


def open_locked(path: Path) -> int | None:
    """Open a file for reading and writing, made when new, and lock it.

    `None` when somebody else has it, or it cannot be had.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # The one before us may have removed the file that we opened.
                if os.fstat(descriptor).st_ino == path.stat().st_ino:
                    return descriptor
            except FileNotFoundError:
                pass
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)
    except OSError:
        return None
