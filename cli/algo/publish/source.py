"""Where a version's files come from: what git says of them, and what it does not know."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from algo.images.code import code_entries, describes
from algo.images.config import APP
from algo.oci.digest import Digest
from algo.project.errors import LockInvalid
from algo.project.lock import parse, render
from algo.publish.errors import NotCommitted
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from algo.project.lock import Lock, Target
    from algo.project.project import Project

_NAMED = 5
# Not in the image, and still a part of what is promised.
_PROMISES = ("cases/", "tests/")
_LOCK = "algo.lock"


class Checkout(Value, frozen=True):
    """What git says of the folder of a project; all paths are relative to that folder.

    Args:
        commit: The commit that is checked out, empty when there is none yet.
        ref: `refs/heads/main` or `refs/tags/v1`; empty when neither leads there.
        repository: The address it is fetched from, without credentials; empty when it has none
            that others could use.
        folder: Where the project is in the repository, empty for its root.
        changed: Files that git follows and that differ from the commit.
        untracked: Files that git does not follow.
        ignored: Files and folders that git was told to ignore.
        lock: The text of `algo.lock` in the commit, None when it has none.
    """

    commit: str = ""
    ref: str = ""
    repository: str = ""
    folder: str = ""
    changed: tuple[str, ...] = ()
    untracked: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    lock: bytes | None = None


class Source(Value, frozen=True):
    """What a version is made from, as its provenance says it.

    Args:
        checkout: What git says; None where there is no repository.
        uncommitted: The files that matter to the version and are in no commit.
        extra: The SHA-256 of each file that is shipped although git ignores it.
        lock_written: What `algo` itself added to the committed `algo.lock`: `targets`, `runtime`,
            `base`.
    """

    checkout: Checkout | None
    uncommitted: tuple[str, ...] = ()
    extra: Mapping[str, str] = msgspec.field(default_factory=dict)
    lock_written: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """How people read it: `main 1a2b3c4 of https://…`."""
        if self.checkout is None:
            return "no git repository"
        ref = self.checkout.ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
        known = f"{ref} {self.checkout.commit[:12] or 'without a commit'}".strip()
        where = f" of {self.checkout.repository}" if self.checkout.repository else ""
        return known + where

    def with_lock(self, used: bytes, shipped: Collection[Target]) -> Source:
        """Return it with `used` as the text of `algo.lock`, compared with the committed one.

        Args:
            used: The text.
            shipped: The targets of images: a commit must have their packages.
        """
        if self.checkout is None:
            return self
        written = _added_to(self.checkout.lock, used, shipped)
        others = {path for path in self.uncommitted if path != _LOCK}
        files = others if written is not None else {*others, _LOCK}
        return replace(self, uncommitted=tuple(sorted(files)), lock_written=written or ())


def source_of(project: Project, checkout: Checkout | None, targets: Collection[Target]) -> Source:
    """Return what `project` is made from; `targets` are those of its images.

    A file that git does not follow counts where it is shipped or promises something: models
    and other files that git ignores are named by their digest instead.
    """
    if checkout is None:
        return Source(None)
    shipped = {entry.path.removeprefix(f"{APP}/"): entry for entry in code_entries(project)}
    loose = [
        path
        for path in checkout.untracked
        if path in shipped
        or describes(path)
        or path.startswith(_PROMISES)
        or _is_model(project, path)
    ]
    extra = {
        path: Digest.of_file(entry.source).hex
        for path, entry in shipped.items()
        if isinstance(entry.source, Path) and _below(path, checkout.ignored)
    }
    source = Source(checkout, tuple(sorted({*checkout.changed, *loose})), extra)
    lock = project.lock_path
    return source.with_lock(lock.read_bytes(), targets) if lock.is_file() else source


def require_committed(source: Source) -> None:
    """Refuse what no commit says.

    Raises:
        NotCommitted: Files differ from the commit, or are in none.
    """
    files = source.uncommitted
    if not files:
        return
    names = " ".join(shlex.quote(path) for path in files[:_NAMED])
    more = f"\nand {len(files) - _NAMED} more" if len(files) > _NAMED else ""
    many = f"{len(files)} files are" if len(files) > 1 else "a file is"
    raise NotCommitted(
        f"{many} not as committed, so nobody could tell later what was published",
        hint=f"git add {names if not more else '.'} && git commit, or algo publish --allow-dirty",
        details="\n".join(files[:_NAMED]) + more,
    )


def _added_to(
    committed: bytes | None, used: bytes, shipped: Collection[Target]
) -> tuple[str, ...] | None:
    """Return what `algo` added to a committed lock, None where more than that differs.

    A build writes down the runtime image and what that is made on; a machine with another Python
    adds its own targets, which are in no image. Git may store other ends of lines.
    """
    if committed is None:
        return None
    before, now = (text.replace(b"\r\n", b"\n") for text in (committed, used))
    if before == now:
        return ()
    try:
        old, new = parse(before.decode()), parse(now.decode())
    except (LockInvalid, UnicodeDecodeError):
        return None
    # For other system packages, which algo.toml has, the runtime image is another one.
    platforms = {*old.asked, *new.asked}
    moved = {one for one in platforms if old.asked.get(one) != new.asked.get(one)}
    parts = {
        "targets": (_by_name(old), _by_name(new)),
        "runtime": (_without(moved, old.runtimes), new.runtimes),
        "asked": (_without(moved, old.asked), new.asked),
        "base": (old.bases, new.bases),
    }
    kept = all(was.items() <= have.items() for was, have in parts.values())
    taken = replace(old, targets=new.targets, runtimes=new.runtimes)
    same = replace(taken, asked=new.asked, bases=new.bases) == new
    ships = any(target in shipped for target in new.targets.keys() - old.targets.keys())
    if ships or not (kept and same and now == render(new).encode()):
        return None
    return tuple(name for name, (was, have) in parts.items() if was != have)


def _without(names: Collection[str], table: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in table.items() if name not in names}


def _by_name(lock: Lock) -> dict[str, str]:
    """Return all that a lock says of each target, in one line."""
    return {
        str(target): " ".join(f"{pin.kind} {pin.identity} {pin.tools}" for pin in pins)
        for target, pins in lock.targets.items()
    }


def _is_model(project: Project, path: str) -> bool:
    return _below(path, [place.rstrip("/") for place in project.manifest.model_paths.values()])


def _below(path: str, places: Iterable[str]) -> bool:
    return any(path == place or path.startswith(f"{place.rstrip('/')}/") for place in places)
