"""What goes into a layer: entries, collected from folders in one fixed order."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from algo.images.errors import LinkOutside, NamesCollide, UnreadableFile
from algo.storage.spelling import folded
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_SKIPPED = frozenset({"__pycache__", ".DS_Store"})


class Entry(Value, frozen=True):
    """A file of a layer.

    Args:
        path: Where it lies in the image, without a slash at the beginning.
        source: A file of this machine, or the content itself.
        executable: Whether its mode is 0755 rather than 0644.
        link: The target when it is a symbolic link; then there is no content.
    """

    path: str
    source: Path | bytes
    executable: bool = False
    link: str = ""

    @property
    def size(self) -> int:
        """The content's size in bytes."""
        if self.link:
            return 0
        return len(self.source) if isinstance(self.source, bytes) else self.source.stat().st_size


def collect(
    folder: Path,
    place: str,
    *,
    ignored: Callable[[str, bool], bool] | None = None,
    compiled: bool = False,
    alone: bool = False,
) -> list[Entry]:
    """Return the files below `folder` as they will lie below `place`, sorted by path.

    Links that stay inside stay links; links to files elsewhere become the files, as weights often
    lie in a cache.

    Args:
        folder: A folder of this machine.
        place: A folder of the image.
        ignored: Tells of a relative path, and whether it is a folder, if it stays out.
        compiled: Take Python's compiled files too, which we made ourselves.
        alone: Refuse links to files elsewhere: nobody means to ship what lies there.

    Raises:
        LinkOutside: A link leads to a folder elsewhere, or nowhere; with `alone` also to a file.
        UnreadableFile: An entry is neither a file, a folder nor a link.
        NamesCollide: Two names, of files that are not compiled, differ in spelling alone.
    """
    skipped = _SKIPPED - ({"__pycache__"} if compiled else set())

    def left_out(relative: str, is_folder: bool) -> bool:
        if relative.rpartition("/")[2] in skipped:
            return True
        return ignored is not None and ignored(relative, is_folder)

    found = sorted(_walk(folder, "", folder, place, left_out, alone), key=lambda entry: entry.path)
    if not compiled:
        _check_spelling(found)
    return found


def single(path: Path, place: str) -> Entry:
    """Return the entry of one file at `place`.

    Raises:
        UnreadableFile: It is no file, or cannot be read.
    """
    if not path.is_file() or not os.access(path, os.R_OK):
        raise UnreadableFile(f"{path.name} is not a file that can be read")
    return Entry(place, path, bool(path.stat().st_mode & 0o100))


def fingerprint(entries: Iterable[Entry]) -> str:
    """Return a digest over paths, modes and contents; times and owners do not count."""
    total = hashlib.sha256()
    for entry in entries:
        total.update(f"{entry.path}\0{int(entry.executable)}\0{entry.link}\0".encode())
        if not entry.link:
            total.update(_content_digest(entry.source))
    return total.hexdigest()


def _walk(
    folder: Path | str,
    below: str,
    root: Path,
    place: str,
    left_out: Callable[[str, bool], bool],
    alone: bool,
) -> Iterator[Entry]:
    """Yield what is in a folder, which is called `below` under `root`, empty or with a slash."""
    with os.scandir(folder) as scan:
        items = list(scan)
    for item in items:
        relative = f"{below}{item.name}"
        is_folder = item.is_dir(follow_symlinks=False)
        if left_out(relative, is_folder):
            continue
        if not _is_utf8(relative):
            hint = "rename it, or name it in .algoignore"
            raise UnreadableFile(f"the name of {relative!r} is not UTF-8", hint=hint)
        target = f"{place}/{relative}"
        if item.is_symlink():
            yield _link(Path(item.path), root, target, alone)
        elif is_folder:
            yield from _walk(item.path, f"{relative}/", root, place, left_out, alone)
        elif stat.S_ISREG((status := item.stat()).st_mode):
            if not os.access(item.path, os.R_OK):
                raise UnreadableFile(f"{item.name} is not a file that can be read")
            yield Entry(target, Path(item.path), bool(status.st_mode & 0o100))
        else:
            raise UnreadableFile(f"{relative} is neither a file, a folder nor a link")


def _check_spelling(entries: Iterable[Entry]) -> None:
    """Refuse what could be published here and not be unpacked on macOS or Windows."""
    spelled: dict[str, str] = {}
    known: set[str] = set()
    for entry in entries:
        name = entry.path
        while name and name not in known:
            known.add(name)
            other = spelled.setdefault(folded(name), name)
            if other != name:
                first, second = sorted((name, other))
                raise NamesCollide(f"{first!r} and {second!r} differ in spelling alone")
            name = name.rpartition("/")[0]


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _link(path: Path, root: Path, place: str, alone: bool) -> Entry:
    aim = path.readlink()
    if _leads_to_itself(path):
        raise LinkOutside(f"{path.relative_to(root)} is a link that leads to itself ({aim})")
    end = path.resolve()
    if not aim.is_absolute() and end.is_relative_to(root.resolve()) and end.exists():
        # Straight: the way of a link that goes down and up again depends on other links.
        straight = os.path.relpath(end, path.parent.resolve()) if ".." in aim.parts else aim
        return Entry(place, b"", link=Path(straight).as_posix())
    if not end.is_file() or (alone and not end.is_relative_to(root.resolve())):
        kind = "a folder outside the project" if end.is_dir() else "nothing"
        kind = "a file outside the project" if end.is_file() else kind
        raise LinkOutside(f"{path.relative_to(root)} is a link to {kind} ({aim})")
    return single(end, place)


def _leads_to_itself(path: Path) -> bool:
    # resolve() raises for such a link up to Python 3.12 and returns some path from 3.13 on.
    try:
        path.stat()
    except OSError as error:
        return error.errno == errno.ELOOP
    return False


def _content_digest(source: Path | bytes) -> bytes:
    if isinstance(source, bytes):
        return hashlib.sha256(source).digest()
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
