"""Blobs by digest, and notes on which inputs made them, in the user's cache."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from algo.oci.digest import Digest
from algo.oci.seal import holds
from algo.resources import runs, writing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from algo.resources import Folders

Record = TypeVar("Record", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Cache:
    """The part of the user's cache that images are made from; safe for many processes."""

    root: Path

    @classmethod
    def of(cls, folders: Folders) -> Cache:
        """Return the cache below `folders`."""
        return cls(folders.cache)

    def blob(self, digest: Digest) -> Path:
        """Return where the blob of `digest` lies, or would lie."""
        return self.root / "blobs" / "sha256" / digest.hex

    def has(self, digest: Digest, size: int) -> bool:
        """Tell whether the whole blob is there, and is still what it was."""
        return holds(self.blob(digest), digest, size)

    def put(self, content: bytes) -> Digest:
        """Store a small blob and return its digest."""
        digest = Digest.of(content)
        if not self.has(digest, len(content)):
            with self.scratch() as folder:
                (folder / "blob").write_bytes(content)
                self.adopt(folder / "blob", digest)
        return digest

    def adopt(self, path: Path, digest: Digest) -> Path:
        """Move the finished file at `path` to the blob's place and return that."""
        place = self.blob(digest)
        place.parent.mkdir(parents=True, exist_ok=True)
        path.chmod(0o644)
        path.replace(place)
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
        try:
            return msgspec.json.decode(self._note(kind, key).read_bytes(), type=form)
        except (OSError, msgspec.DecodeError):
            return None

    def remember(self, kind: str, key: str, record: msgspec.Struct) -> None:
        """Keep `record` under `kind` and `key`."""
        note = self._note(kind, key)
        note.parent.mkdir(parents=True, exist_ok=True)
        with self.scratch() as folder:
            (folder / "note").write_bytes(msgspec.json.format(msgspec.json.encode(record)))
            (folder / "note").replace(note)

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
