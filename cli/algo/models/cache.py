"""Files of fetched models, by content: each once, whatever uses it."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import msgspec

from algo.oci.digest import Digest
from algo.oci.seal import holds, seal
from algo.project.models import LockedFile
from algo.resources import writing
from algo.storage.files import sync_folder
from algo.storage.held import PROCESS
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# ioctl(2), FICLONE: a file that shares its blocks with another until one of them is written.
_FICLONE = 0x40049409
_LARGE = 1 << 20
_NO_LINK = {errno.EXDEV, errno.EMLINK, errno.EPERM, errno.ENOTSUP, errno.EACCES}


class _Note(msgspec.Struct, frozen=True):
    sha256: str
    size: int


class ModelCache(Value, frozen=True):
    """A folder of files named by their SHA-256; safe for many processes.

    They can only be read: one that is hard-linked into a project must not be edited there.
    """

    root: Path

    def path(self, sha256: str) -> Path:
        """Return where the content lies, or would lie."""
        return self.root / "sha256" / sha256

    def has(self, file: LockedFile) -> bool:
        """Tell whether the file is there and is still what it was."""
        path = self.path(file.sha256)
        return PROCESS.hold(path) and holds(path, Digest(file.sha256), file.size)

    def find(self, sha256: str, name: str) -> LockedFile | None:
        """Return the file with this hash, called `name`, when it is here and whole."""
        try:
            file = LockedFile(name, sha256, self.path(sha256).stat().st_size)
        except FileNotFoundError:
            return None
        return file if self.has(file) else None

    @contextmanager
    def partial(self, key: str, size: int = 0) -> Iterator[Path]:
        """Give the place of an unfinished download, to this process alone.

        What was written there stays when the block fails, and is there the next time.

        Args:
            key: Names the content: the same text for the same download.
            size: How many bytes it has, where that is known.

        Raises:
            DiskFull: No space is left.
        """
        name = hashlib.sha256(key.encode()).hexdigest()[:40]
        folder = self.root / "partial"
        with writing(self.root, size):
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / f"{name}.lock").open("w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield folder / name

    def adopt(self, path: Path, name: str) -> LockedFile:
        """Move a finished file into the cache; `name` is what it is called at its origin."""
        digest, size = Digest.of_file(path), path.stat().st_size
        file = LockedFile(name, digest.hex, size)
        with writing(self.root):
            if self.has(file):
                path.unlink()
                return file
            place = self.path(digest.hex)
            place.parent.mkdir(parents=True, exist_ok=True)
            path.chmod(0o444)
            with path.open("rb") as opened:
                os.fsync(opened.fileno())
            seal(path)
            PROCESS.hold(path)
            path.replace(place)
            sync_folder(place.parent)
        return file

    def recall(self, key: str, name: str) -> LockedFile | None:
        """Return the file that `key` was the content of, when the cache still has it."""
        note = self._read(key)
        if note is None:
            return None
        file = LockedFile(name, note.sha256, note.size)
        return file if self.has(file) else None

    def remember(self, key: str, file: LockedFile) -> None:
        """Note that `key`, which never changes its meaning, is the content of `file`."""
        note = self._note(key)
        note.parent.mkdir(parents=True, exist_ok=True)
        temporary = note.with_name(f"{note.name}.{os.getpid()}")
        temporary.write_bytes(msgspec.json.encode(_Note(file.sha256, file.size)))
        temporary.replace(note)

    def give(self, file: LockedFile, target: Path) -> None:
        """Put the file at `target`, in place of what is there, as a second name where possible.

        Raises:
            DiskFull: It had to be copied and no space is left.
        """
        source = self.path(file.sha256)
        temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
        with writing(target.parent, file.size):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                if not (_cloned(source, temporary) or _linked(source, temporary)):
                    shutil.copyfile(source, temporary)
                temporary.chmod(0o444)
                temporary.replace(target)
            finally:
                temporary.unlink(missing_ok=True)

    def is_at(self, path: Path, file: LockedFile) -> bool:
        """Tell whether the file at `path`, here or in a project, is `file`."""
        try:
            if path.stat().st_size != file.size:
                return False
            known = self.path(file.sha256)
            if known.exists() and known.samefile(path):
                return self.has(file)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return self._digest(path) == file.sha256

    def knows(self, path: Path) -> bool:
        """Tell whether the content of the file at `path` is in the cache as well."""
        return path.is_file() and self.path(self._digest(path)).exists()

    def _digest(self, path: Path) -> str:
        """Return the digest of a file; a large one is not read again until it changes."""
        found = path.stat()
        stamp = f"{path} {found.st_ino} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"
        if found.st_size < _LARGE:
            return Digest.of_file(path).hex
        note = self._read(stamp)
        if note is not None:
            return note.sha256
        digest = Digest.of_file(path).hex
        self.remember(stamp, LockedFile(path.name, digest, found.st_size))
        return digest

    def _read(self, key: str) -> _Note | None:
        try:
            return msgspec.json.decode(self._note(key).read_bytes(), type=_Note)
        except (OSError, msgspec.MsgspecError):
            return None

    def _note(self, key: str) -> Path:
        return self.root / "notes" / f"{hashlib.sha256(key.encode()).hexdigest()[:40]}.json"


def _cloned(source: Path, target: Path) -> bool:
    """Make a copy that takes no space, if the file system can."""
    try:
        with source.open("rb") as read, target.open("wb") as write:
            fcntl.ioctl(write.fileno(), _FICLONE, read.fileno())
    except OSError:
        with suppress(FileNotFoundError):
            target.unlink()
        return False
    return True


def _linked(source: Path, target: Path) -> bool:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno in _NO_LINK:
            return False
        raise
    return True
