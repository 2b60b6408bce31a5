"""What lies at `data://`: a folder that is written to, over one that came with the project."""

from __future__ import annotations

import contextlib
import difflib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from algo_gateway.calls.call import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator

# Who may read what: `{"owner/collection": ["user://*"]}`; no path leads to it.
_ACCESS = ".access.json"
_UNFINISHED = ".unfinished-"
# Collections that Algorithmia made by itself: the owner's, of a session, of an algorithm.
_SPECIAL = frozenset({".my", ".session", ".algo"})
# Of one name, as file systems have it.
_LONGEST = 255


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or a folder, and what is known of it; `modified` is seconds since 1970."""

    name: str
    folder: bool
    size: int = 0
    modified: float = 0.0


class Folders:
    """The files at `data://OWNER/COLLECTION/NAME`.

    Args:
        owner: Whose `data://.my` is.
        written: The folder that is written to; None for a temporary one.
        shipped: The folder of the project, which is read and never changed.
    """

    def __init__(self, owner: str, written: Path | None, shipped: Path | None) -> None:
        self._owner = owner
        self._written = written
        self._temporary: Path | None = None
        self._shipped = shipped

    def find(self, path: str) -> Path | None:
        """Return where the file or folder at `path` is, None when there is none.

        Raises:
            Failure: 400, it is no path, or a link leads out.
        """
        parts = self._parts(path)
        found = (self._below(root, parts) for root in self._roots())
        return next((place for place in found if place.exists()), None)

    def nearest(self, path: str) -> str:
        """Return the name beside `path` that is most like its own, empty for none.

        Raises:
            Failure: As `find`.
        """
        parent, _, name = path.rstrip("/").rpartition("/")
        known = [one.name for one in self.entries(parent)]
        return next(iter(difflib.get_close_matches(name, known, n=1)), "")

    def entries(self, path: str) -> list[Entry]:
        """Return what lies in the folder at `path`, by name.

        Raises:
            Failure: As `find`.
        """
        parts = self._parts(path)
        found: dict[str, Entry] = {}
        for root in reversed(self._roots()):
            place = self._below(root, parts)
            for one in place.iterdir() if place.is_dir() else ():
                if not one.name.startswith(".") or (not parts and one.name in _SPECIAL):
                    with contextlib.suppress(OSError):  # a link that leads nowhere
                        found[one.name] = _entry(one)
        return [found[name] for name in sorted(found)]

    def make(self, path: str) -> None:
        """Make the folder at `path`.

        Raises:
            Failure: 409, something is there; 400, it is no path.
        """
        if self.find(path) is not None:
            raise Failure(409, "data_exists", f"data://{path} is there already")
        _made(self._target(path))

    @contextlib.contextmanager
    def writing(self, path: str) -> Iterator[int]:
        """Give a descriptor to write the file at `path` to; it is there at the end of the block.

        Raises:
            Failure: 409, a folder is there; 400, it is no path, or lies in no collection.
        """
        parts = self._parts(path)
        if len(parts) < 2:
            raise Failure(400, "data_path", f"data://{path} lies in no collection")
        found = self.find(path)
        if found is not None and found.is_dir():
            raise Failure(409, "data_exists", f"data://{path} is a folder")
        target = self._target(path)
        _made(target.parent)
        handle, name = tempfile.mkstemp(prefix=_UNFINISHED, dir=target.parent)
        try:
            yield handle
            os.close(handle)
            Path(name).replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.close(handle)
            Path(name).unlink(missing_ok=True)
            raise

    def delete(self, path: str, *, force: bool) -> int:
        """Delete a file or a folder; return how many files went.

        Raises:
            Failure: 404, there is none; 403, it came with the project; 409, it holds something.
        """
        parts = self._parts(path)
        found = self.find(path)
        if not parts or found is None:
            raise Failure(404, "no_data", f"there is nothing at data://{path}")
        if self._shipped is not None and self._below(self._shipped, parts).exists():
            raise Failure(403, "data_shipped", f"data://{path} came with the project")
        if not found.is_dir():
            found.unlink()
            return 1
        count = sum(1 for one in found.rglob("*") if one.is_file())
        if any(found.iterdir()) and not force:
            raise Failure(409, "data_not_empty", f"data://{path} holds something: force=true")
        shutil.rmtree(found)
        return count

    def access(self, path: str) -> list[str]:
        """Return who may read the folder at `path`: the owner's algorithms, if nobody said.

        Raises:
            Failure: As `find`.
        """
        self.find(path)
        return self._access().get("/".join(self._parts(path)), ["algo://.my/*"])

    def check(self, path: str, *, change: bool = False) -> None:
        """Refuse what another owner's access list keeps from the algorithms of this one.

        The nearest folder that has a list counts; where none has, nobody said who may read it.

        Raises:
            Failure: 403, it is not for them; otherwise as `find`.
        """
        parts = self._parts(path)
        if not parts or parts[0] in _SPECIAL or parts[0].lower() == self._owner.lower():
            return
        lists = self._access()
        above = ("/".join(parts[:count]) for count in range(len(parts), 0, -1))
        folder = next((one for one in above if one in lists), None)
        if folder is None or (not change and self._reads(lists[folder])):
            return
        what = "may change" if change else "may read"
        raise Failure(
            403,
            "data_forbidden",
            f"only algorithms of {parts[0]} {what} data://{folder}: {parts[0]} lets others read it "
            'by dir.update_permissions(ReadAcl.public), that is by the access list ["user://*"]',
        )

    def _reads(self, readers: list[str]) -> bool:
        """Tell whether a list names everybody, or this owner or his algorithms."""
        named = {one.lower() for one in readers}
        owner = self._owner.lower()
        ours = any(one.startswith(f"algo://{owner}/") for one in named)
        return ours or not named.isdisjoint({"user://*", f"user://{owner}"})

    def let(self, path: str, readers: list[str]) -> None:
        """Write down who may read the folder at `path`.

        Raises:
            Failure: As `find`.
        """
        self.find(path)
        known = self._access() | {"/".join(self._parts(path)): readers}
        root = self._root()
        temporary = root / f"{_UNFINISHED}access"
        temporary.write_bytes(msgspec.json.encode(known))
        temporary.replace(root / _ACCESS)

    def close(self) -> None:
        """Remove what was temporary."""
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def _access(self) -> dict[str, list[str]]:
        place = self._written or self._temporary
        if place is None or not (place / _ACCESS).is_file():
            return {}
        with contextlib.suppress(msgspec.DecodeError):
            return msgspec.json.decode((place / _ACCESS).read_bytes(), type=dict[str, list[str]])
        return {}

    def _root(self) -> Path:
        """Return the folder that is written to, made when it is first needed."""
        if self._written is not None:
            return self._written
        if self._temporary is None:
            self._temporary = Path(tempfile.mkdtemp(prefix="algo-data-"))
        return self._temporary

    def _roots(self) -> list[Path]:
        roots = (self._written or self._temporary, self._shipped)
        return [root for root in roots if root is not None and root.is_dir()]

    def _parts(self, path: str) -> list[str]:
        """Return the names that make up `path`; the owner as a folder has it.

        Raises:
            Failure: 400, one of them is none.
        """
        parts = [part for part in path.split("/") if part]
        for at, part in enumerate(parts):
            hidden = part.startswith(".") and not (at == 0 and part in _SPECIAL)
            if hidden or not part.isprintable() or "\\" in part or len(part.encode()) > _LONGEST:
                raise Failure(400, "data_path", f"data://{path[:200]} is no path")
        if parts and parts[0] == ".my":
            parts[0] = self._owner
        if parts:
            parts[0] = self._spelt(parts[0])
        return parts

    def _spelt(self, owner: str) -> str:
        """Return the folder of an owner, whose name is the same in capitals."""
        for root in self._roots():
            for one in root.iterdir():
                if one.name.lower() == owner.lower():
                    return one.name
        return owner

    def _target(self, path: str) -> Path:
        return self._below(self._root(), self._parts(path))

    @staticmethod
    def _below(root: Path, parts: list[str]) -> Path:
        """Return the place below `root`.

        Raises:
            Failure: 400, a link leads out of it.
        """
        place = root.joinpath(*parts)
        if not place.resolve().is_relative_to(root.resolve()):
            raise Failure(400, "data_path", f"data://{'/'.join(parts)} leads out of the data")
        return place


def _entry(place: Path) -> Entry:
    status = place.stat()
    return Entry(place.name, place.is_dir(), status.st_size, status.st_mtime)


def _made(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise Failure(409, "data_exists", f"{folder.name} is a file") from error
    except NotADirectoryError as error:
        raise Failure(409, "data_exists", "a file is in the way") from error
