"""Build twice, the second time as on another machine, and compare."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from algo.children import run
from algo.events import Note, Step
from algo.images.cache import Cache
from algo.images.compare import difference
from algo.images.errors import CheckFailed, NotReproducible
from algo.oci.digest import Digest
from algo.publish.contents import built_from
from algo.resources import user_folders
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from algo.deps import Deps
    from algo.images.image import BuiltImage
    from algo.oci.descriptor import Platform
    from algo.project.lock import Lock
    from algo.project.project import Project

VARIED = (
    "folder",
    "umask",
    "caches",
    "directory order",
    "time zone",
    "locale",
    "clock",
    "file times",
    "hash seed",
)
_AHEAD = 400 * 24 * 3600
_ODD_TIME = 951_782_400  # 29 February 2000
# What is never a part of an image (watch.ignore), and large.
_LEFT = frozenset({".git", ".venv", "__pycache__"})


class CheckedImage(Value, frozen=True):
    """An image that was built twice with the same digest."""

    platform: str
    digest: str


class CheckReport(Value, frozen=True):
    """What `algo build --check` found; `varied` is what differed between the two builds."""

    name: str
    images: tuple[CheckedImage, ...]
    varied: tuple[str, ...]


class _Told(msgspec.Struct):
    message: str = ""
    details: str = ""


class _Answer(msgspec.Struct):
    """What a build said with `--json`: a report, or an error."""

    digest: str = ""
    name: str = ""
    error: _Told | None = None


class _Place(Value, frozen=True):
    """Where and how one of the builds runs: the user's folders, the project, the machine."""

    home: Path
    project: Path
    env: Mapping[str, str]
    ahead: int
    umask: str


def check(deps: Deps, project: Project, lock: Lock, platforms: Sequence[Platform]) -> CheckReport:
    """Build the images of `project` twice from scratch, and compare.

    The runtime image is an input of both: Debian's packages change from day to day, and its digest
    is in the lock. All other layers are made anew, each time by a process of its own.

    Raises:
        NotReproducible: Two builds differ.
        CheckFailed: One of them fails.
    """
    builder, notify = deps.builder(), deps.output.event
    checked = []
    for platform in platforms or (builder.host,):
        runtimes = builder.runtimes_for(project, lock, platform, notify=notify)
        with builder.cache.scratch() as folder:
            places = _places(folder.resolve(), project, deps.languages)
            for place in places:
                for runtime in runtimes:
                    runtime.share(builder.cache, Cache.of(user_folders(str(place.home))))
            notify(Step(f"Building for {platform} with empty caches"))
            first = _build(places[0], platform)
            notify(Step(f"Building for {platform} again, as on another machine"))
            second = _build(places[1], platform)
            checked.append(same(first, second))
    notify(Note(f"built twice with another {', '.join(VARIED)}: the same bytes"))
    return CheckReport(project.name, tuple(checked), VARIED)


def same(first: BuiltImage, second: BuiltImage) -> CheckedImage:
    """Return the image that was built twice.

    Raises:
        NotReproducible: The two differ.
    """
    found = difference(first, second)
    if found is not None:
        raise NotReproducible(f"two builds for {first.platform} are not the same: {found}")
    return CheckedImage(str(first.platform), str(first.digest))


def _places(folder: Path, project: Project, languages: Sequence[Path]) -> tuple[_Place, _Place]:
    """Return where the two builds run; the second has a copy of the project."""
    copy = folder / "another folder" / "with a much longer name" / project.short_name
    _copy(project.root, copy, project.root)
    temporary = folder / "t"
    temporary.mkdir()
    more = {"ALGO_RUNTIMES": os.pathsep.join(map(str, languages))}
    here = {"PYTHONHASHSEED": "1", **more}
    there = {
        "PYTHONHASHSEED": "4242",
        "TZ": "Pacific/Kiritimati",
        "LC_ALL": "C",
        "LANG": "tr_TR.UTF-8",
        "TMPDIR": str(temporary),
        "UV_CACHE_DIR": str(folder / "uv"),
        **more,
    }
    return (
        _Place(folder / "1", project.root, here, 0, "022"),
        _Place(folder / "elsewhere" / "2", copy, there, _AHEAD, "077"),
    )


def _copy(source: Path, target: Path, root: Path) -> None:
    """Copy a project in reverse order, with other times and for its owner alone.

    Links that lead out of `root` become what they lead to.
    """
    target.mkdir(parents=True)
    for path in sorted(source.iterdir(), reverse=True):
        if path.name in _LEFT:
            continue
        aim = target / path.name
        if path.is_symlink() and path.resolve().is_relative_to(root):
            aim.symlink_to(path.readlink())
        elif path.is_dir():
            _copy(path, aim, root)
        elif path.is_file():
            shutil.copyfile(path, aim)
            aim.chmod(0o700 if path.stat().st_mode & 0o100 else 0o600)
            os.utime(aim, (_ODD_TIME, _ODD_TIME))


def _build(place: _Place, platform: Platform) -> BuiltImage:
    """Run `algo build` in a process of its own and return what it made."""
    launcher = [sys.executable, "-m", "algo.elsewhere", str(place.ahead)]
    words = ["build", "--json", "--into", "store", "--platform", str(platform)]
    env = {**os.environ, **place.env, "ALGO_HOME": str(place.home)}
    command = [*launcher, place.umask, *words]
    done = run(command, cwd=place.project, env=env, stderr=subprocess.PIPE)
    answer = _answer(done.stdout)
    if done.returncode or not answer.digest:
        told = answer.error or _Told(f"it ended with {done.returncode}")
        details = told.details or done.stderr.decode(errors="replace").strip()
        raise CheckFailed(f"a build for {platform} failed: {told.message}", details=details)
    blobs = user_folders(str(place.home)).store / answer.name / "blobs" / "sha256"
    manifest = (blobs / Digest.parse(answer.digest).hex).read_bytes()
    return built_from(answer.name, platform, manifest, blobs)


def _answer(said: bytes) -> _Answer:
    return msgspec.json.decode(said, type=_Answer) if said.strip() else _Answer()
