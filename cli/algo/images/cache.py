"""Blobs by digest, and notes on which inputs made them, in the user's cache."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from algo.oci.digest import Digest
from algo.oci.seal import holds
from algo.resources import runs, writing
from algo.storage.disk import DISK, Disk
from algo.storage.held import PROCESS, Held
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from algo.resources import Folders

Record = TypeVar("Record", bound=msgspec.Struct)


class Cache(Value, frozen=True):
    """The part of the user's cache that images are made from; safe for many processes.

    What a process uses of it is held until the process ends. Nothing here is synced when it is
    written: a blob counts once its content was compared with its digest, and only a seal, which
    is put on what is on the disk, spares that.

    Args:
        root: The folder.
        disk: What it is written with.
        held: What this process uses.
    """

    root: Path
    disk: Disk = DISK
    held: Held = PROCESS

    @classmethod
    def of(cls, folders: Folders) -> Cache:
        """Return the cache below `folders`."""
        return cls(folders.cache)

    def blob(self, digest: Digest) -> Path:
        """Return where the blob of `digest` lies, or would lie."""
        return self.root / "blobs" / "sha256" / digest.hex

    def has(self, digest: Digest, size: int) -> bool:
        """Tell whether the whole blob is there, and is still what it was."""
        path = self.blob(digest)
        return self.held.hold(path) and holds(path, digest, size, self.disk)

    def put(self, content: bytes) -> Digest:
        """Store a small blob and return its digest."""
        digest = Digest.of(content)
        if not self.has(digest, len(content)):
            with self.scratch() as folder:
                self.adopt(self._written(folder, content), digest)
        return digest

    def adopt(self, path: Path, digest: Digest) -> Path:
        """Move the finished file at `path` to the blob's place and return that."""
        place = self.blob(digest)
        place.parent.mkdir(parents=True, exist_ok=True)
        path.chmod(0o644)
        self.held.hold(path)
        self.disk.rename(path, place)
        return place

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Give a folder for unfinished work, removed at the end.

        Its name holds our process id, so that what a killed process left can be told apart.

        Raises:
            DiskFull: No space is left.
        """
        home = self.root / "tmp"
        with writing(self.root):
            home.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=home))
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Let one process of this machine at a time do the work called `name`."""
        with writing(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            with (self.root / f"{name}.lock").open("w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield

    def recall(self, kind: str, key: str, form: type[Record]) -> Record | None:
        """Return the record that was kept under `kind` and `key`, None when there is none."""
        note = self._note(kind, key)
        try:
            record = msgspec.json.decode(note.read_bytes(), type=form)
            # When it was used last, for whoever makes room.
            os.utime(note)
        except (OSError, msgspec.DecodeError):
            return None
        return record

    def remember(self, kind: str, key: str, record: msgspec.Struct) -> None:
        """Keep `record` under `kind` and `key`."""
        note = self._note(kind, key)
        note.parent.mkdir(parents=True, exist_ok=True)
        with self.scratch() as folder:
            content = msgspec.json.format(msgspec.json.encode(record))
            self.disk.rename(self._written(folder, content), note)

    def _written(self, folder: Path, content: bytes) -> Path:
        descriptor, path = self.disk.create(folder)
        try:
            self.disk.write(descriptor, content)
        finally:
            os.close(descriptor)
        return path

    def _note(self, kind: str, key: str) -> Path:
        return self.root / kind / f"{hashlib.sha256(key.encode()).hexdigest()[:40]}.json"


def leftovers(folders: Folders) -> tuple[Path, ...]:
    """Return the unfinished work of processes that are gone; removing it does no harm."""
    home = folders.cache / "tmp"
    if not home.is_dir():
        return ()
    return tuple(path for path in sorted(home.iterdir()) if not _alive(path.name.split("-")[0]))


def _alive(pid: str) -> bool:
    return pid.isdigit() and runs(int(pid))
