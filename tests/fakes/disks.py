"""Disks that fail: full ones, ones that stop in the middle, and a machine that loses power."""

from __future__ import annotations

import errno
import functools
import os
import stat
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from algo.storage.disk import Disk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Lazy(Disk):
    """A disk that syncs nothing: for what a test does before and after."""

    def sync(self, descriptor: int) -> None:
        """Do nothing."""


class PowerCut(BaseException):
    """Nothing of the process runs on: not even its cleaning up does anything."""


class Failing(Lazy):
    """A disk whose call number `at` fails; with `cut` every later call does, too.

    Half of what is written when it fails arrives.
    """

    def __init__(self, at: int, error: int = errno.ENOSPC, *, cut: bool = False) -> None:
        self.at = at
        self.error = error
        self.cut = cut
        self.calls = 0
        self._lock = threading.Lock()

    def create(self, folder: Path) -> tuple[int, Path]:
        self._call()
        return super().create(folder)

    def write(self, descriptor: int, data: bytes) -> None:
        try:
            self._call()
        except BaseException:
            if self.calls == self.at:
                os.write(descriptor, data[: len(data) // 2])
            raise
        super().write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        self._call()

    def rename(self, source: Path, target: Path) -> None:
        self._call()
        super().rename(source, target)

    def link(self, source: Path, target: Path) -> None:
        self._call()
        super().link(source, target)

    def remove(self, path: Path) -> None:
        # Space is not needed to remove a file.
        if self.cut and self.calls >= self.at:
            raise PowerCut
        super().remove(path)

    def make_folder(self, path: Path) -> None:
        self._call()
        super().make_folder(path)

    def stamp(self, path: Path, seconds: int) -> None:
        self._call()
        super().stamp(path, seconds)

    def _call(self) -> None:
        with self._lock:
            self.calls += 1
            number = self.calls
        if self.cut and number >= self.at:
            raise PowerCut
        if number == self.at:
            raise OSError(self.error, os.strerror(self.error))


@dataclass(frozen=True, slots=True)
class Found:
    """What is on the disk when the power is back: folders, and files with their times."""

    folders: tuple[Path, ...]
    files: dict[Path, tuple[bytes, int | None]]

    def lay_out(self, folder: Path) -> None:
        """Write it all below `folder`."""
        for name in self.folders:
            (folder / name).mkdir(parents=True, exist_ok=True)
        for name, (content, time) in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            if time is not None:
                os.utime(path, (time, time))


def _alone(method: Callable[_P, _R]) -> Callable[_P, _R]:
    """Let one thread at a time do it."""

    @functools.wraps(method)
    def locked(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with args[0].lock:  # type: ignore[attr-defined]
            return method(*args, **kwargs)

    return locked


@dataclass
class Recording(Disk):
    """A disk that knows, after each call, what a loss of power would leave of it.

    A file's content is safe once it is synced, a name once its folder is. What is not safe may be
    there or not, each by itself; the extremes are kept: everything that is not safe is gone; all
    names and times are there and the contents that are not safe are zeros, or nothing at all.

    Args:
        root: What is looked at. Only what happens below it through this disk has happened.
    """

    root: Path
    moments: list[tuple[Found, ...]] = field(default_factory=list)
    names: dict[Path, int] = field(default_factory=dict)
    safe_names: dict[Path, int] = field(default_factory=dict)
    safe_content: dict[int, bytes] = field(default_factory=dict)
    content: dict[int, bytes] = field(default_factory=dict)
    times: dict[int, int] = field(default_factory=dict)
    folders: set[Path] = field(default_factory=set)
    safe_folders: set[Path] = field(default_factory=set)
    lock: threading.RLock = field(default_factory=threading.RLock)

    @_alone
    def create(self, folder: Path) -> tuple[int, Path]:
        descriptor, path = super().create(folder)
        number = os.fstat(descriptor).st_ino
        for kept in (self.safe_content, self.content, self.times):
            kept.pop(number, None)
        self.names[path], self.content[number] = number, b""
        self._moment()
        return descriptor, path

    @_alone
    def write(self, descriptor: int, data: bytes) -> None:
        super().write(descriptor, data)
        number = os.fstat(descriptor).st_ino
        self.content[number] += data
        self.times.pop(number, None)
        self._moment()

    @_alone
    def sync(self, descriptor: int) -> None:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            folder = Path(f"/proc/self/fd/{descriptor}").readlink()
            here = {path: number for path, number in self.names.items() if path.parent == folder}
            gone = [path for path in self.safe_names if path.parent == folder and path not in here]
            for path in gone:
                del self.safe_names[path]
            self.safe_names |= here
            self.safe_folders |= {path for path in self.folders if path.parent == folder}
        else:
            self.safe_content[status.st_ino] = os.pread(descriptor, status.st_size, 0)
        self._moment()

    @_alone
    def rename(self, source: Path, target: Path) -> None:
        number = source.stat().st_ino
        if source not in self.names:
            # It was written without us.
            self.safe_content.pop(number, None)
            self.times.pop(number, None)
            self.content[number] = source.read_bytes()
        super().rename(source, target)
        self.names.pop(source, None)
        self.names[target] = number
        self._moment()

    @_alone
    def link(self, source: Path, target: Path) -> None:
        super().link(source, target)
        number = target.stat().st_ino
        self.content.setdefault(number, source.read_bytes())
        self.names[target] = number
        self._moment()

    @_alone
    def remove(self, path: Path) -> None:
        super().remove(path)
        self.names.pop(path, None)
        self._moment()

    @_alone
    def make_folder(self, path: Path) -> None:
        if not path.is_dir():
            super().make_folder(path)
            self.folders.add(path)
        self._moment()

    @_alone
    def stamp(self, path: Path, seconds: int) -> None:
        super().stamp(path, seconds)
        self.times[path.stat().st_ino] = seconds
        self._moment()

    def _moment(self) -> None:
        safe: dict[Path, tuple[bytes, int | None]] = {
            path: (self.safe_content.get(number, b""), None)
            for path, number in self.safe_names.items()
            if self._reached(path)
        }
        zeros: dict[Path, tuple[bytes, int | None]] = {}
        nothing: dict[Path, tuple[bytes, int | None]] = {}
        for path, number in self.names.items():
            content, time = self.content[number], self.times.get(number)
            kept = self.safe_content.get(number) == content
            zeros[path] = (content if kept else bytes(len(content)), time)
            nothing[path] = (content if kept else b"", time)
        reached = [path for path in self.safe_folders if self._reached(path)]
        there = self._found(reached, safe)
        self.moments.append((there, *(self._found(self.folders, one) for one in (zeros, nothing))))

    def _found(self, folders: Iterable[Path], files: dict[Path, tuple[bytes, int | None]]) -> Found:
        below = {path.relative_to(self.root): known for path, known in files.items()
                 if path.is_relative_to(self.root)}  # fmt: skip
        return Found(tuple(path.relative_to(self.root) for path in folders), below)

    def _reached(self, path: Path) -> bool:
        above = [one for one in path.parents if one.is_relative_to(self.root) and one != self.root]
        return all(one in self.safe_folders for one in above)
