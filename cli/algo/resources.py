"""Where our data files and the user's folders are."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shlex
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from algo.errors import DiskFull, InternalError, OutputInvalid
from algo.events import sized
from algo.signals import deferred, postponed

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Folders:
    """The user's folders: `data` is precious, `cache` can be made again, `state` is this run's."""

    data: Path
    cache: Path
    state: Path
    config: Path

    @property
    def store(self) -> Path:
        """The embedded registry: one OCI image layout per owner/name."""
        return self.data / "store"

    @property
    def hosted(self) -> Path:
        """What code that was written for Algorithmia writes to `data://`.

        Its users in containers are many, so all may write there who come so far: nobody but us.
        """
        return self.data / "hosted" / "data"

    def jobs(self, name: str, place: str) -> Path:
        """Return the folder for the jobs of the algorithm `name` that is served from `place`."""
        key = hashlib.sha256(f"{name}\n{place}".encode()).hexdigest()[:12]
        return self.data / "jobs" / f"{re.sub(r'[^a-z0-9.]+', '-', name)}-{key}"


def user_folders(home: str | None = None) -> Folders:
    """Return the user's folders, all below `home` when it is given (`ALGO_HOME`).

    Nothing is created here; the writers create what they need.
    """
    if home:
        root = Path(home).expanduser().absolute()
        return Folders(root / "data", root / "cache", root / "state", root / "config")
    from platformdirs import PlatformDirs

    dirs = PlatformDirs("algo", appauthor=False)
    return Folders(
        Path(dirs.user_data_dir),
        Path(dirs.user_cache_dir),
        Path(dirs.user_state_dir),
        Path(dirs.user_config_dir),
    )


@contextmanager
def writing(folder: Path, needed: int = 0) -> Iterator[None]:
    """Name a full disk, or a quota that is used up, while something below `folder` is written.

    Args:
        folder: Where.
        needed: How many bytes all of it takes, where that is known.

    Raises:
        DiskFull: No space is left there.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        free = sized(shutil.disk_usage(folder).free) if folder.is_dir() else "nothing"
        text = f"the disk is full: {folder} cannot be written, {free} is free"
        raise DiskFull(f"{text} and {sized(needed)} is needed" if needed else text) from error


@contextmanager
def scratch(kind: str, within: Path | None = None) -> Iterator[str]:
    """Give a temporary folder for a block, which a signal leaves behind at no moment.

    Its name tells whose it is, for `abandoned` to find it when we are killed.

    Args:
        kind: What it is for: one word.
        within: The folder to make it in, where it is hidden. Default: the system's temporary one.
    """
    folder, hidden = "", "." if within else ""
    try:
        with deferred():
            prefix = f"{hidden}algo-{kind}-{os.getpid()}-"
            folder = tempfile.mkdtemp(prefix=prefix, dir=within)
        yield folder
    finally:
        with postponed():
            shutil.rmtree(folder, ignore_errors=True)


def abandoned(temporary: Path) -> tuple[Path, ...]:
    """Return the folders in `temporary` of processes that are gone, the gateway's included."""
    found = []
    for path in sorted(temporary.glob("algo-*-*-*")):
        named = re.fullmatch(r"algo-[a-z]+-(\d+)-\w+", path.name)
        if named and path.stat().st_uid == os.getuid() and not runs(int(named[1])):
            found.append(path)
    return tuple(found)


def runs(pid: int) -> bool:
    """Tell whether there is a process of this number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def output_file(cwd: Path, path: Path) -> Path:
    """Return where a command writes what `-o` names, before it does the work for it.

    Raises:
        OutputInvalid: It is a folder, or in a folder that is not there.
    """
    whole = cwd / path
    if whole.is_dir():
        raise OutputInvalid(f"{path} is a folder", hint=f"pass -o {path / 'NAME'}")
    if not whole.parent.is_dir():
        raise OutputInvalid(
            f"there is no folder {path.parent} to write {path.name} into",
            hint=f"mkdir -p {shlex.quote(str(path.parent))}",
        )
    return whole


def data_folder(name: str) -> Path:
    """Return the folder of shipped data called `name` (`runtimes` or `scaffolds`).

    It lies in the wheel under `algo/_data`, or at the root of a checkout.

    Raises:
        InternalError: The installation lacks the data.
    """
    package = Path(__file__).resolve().parent
    for root in (package / "_data", package.parent.parent):
        if (root / name).is_dir():
            return root / name
    raise InternalError(f"this installation of algo lacks its {name} folder")
