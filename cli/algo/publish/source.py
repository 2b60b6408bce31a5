"""Where a version's files come from: what git says of them, and what it does not know."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from algo.images.code import code_entries, describes
from algo.images.config import APP
from algo.oci.digest import Digest
from algo.project.errors import LockInvalid
from algo.project.lock import parse, render
from algo.publish.errors import NotCommitted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from algo.project.project import Project

_NAMED = 5
# Not in the image, and still a part of what is promised.
_PROMISES = ("cases/", "tests/")
_LOCK = "algo.lock"


@dataclass(frozen=True, slots=True)
class Checkout:
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
    lock: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Source:
    """What a version is made from, as its provenance says it.

    Args:
        checkout: What git says; None where there is no repository.
        uncommitted: The files that matter to the version and are in no commit.
        extra: The SHA-256 of each file that is shipped although git ignores it.
        lock_written: The tables of `algo.lock` that building added to the committed one.
    """

    checkout: Checkout | None
    uncommitted: tuple[str, ...] = ()
    extra: Mapping[str, str] = field(default_factory=dict)
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

    def with_lock(self, used: bytes) -> Source:
        """Return it with `used` as the text of `algo.lock`, compared with the committed one."""
        if self.checkout is None:
            return self
        written = _written_by_builds(self.checkout.lock, used)
        others = {path for path in self.uncommitted if path != _LOCK}
        files = others if written is not None else {*others, _LOCK}
        return replace(self, uncommitted=tuple(sorted(files)), lock_written=written or ())


def source_of(project: Project, checkout: Checkout | None) -> Source:
    """Return what `project` is made from.

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
    return source.with_lock(lock.read_bytes()) if lock.is_file() else source


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


def _written_by_builds(committed: bytes | None, used: bytes) -> tuple[str, ...] | None:
    """Return the tables that builds added to a committed lock, None where more than that differs.

    Git may check a file out with other ends of lines than it stores.
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
    tables = {"runtime": (old.runtimes, new.runtimes), "base": (old.bases, new.bases)}
    kept = all(was.items() <= have.items() for was, have in tables.values())
    same = replace(old, runtimes=new.runtimes, bases=new.bases) == new
    if not (kept and same and now == render(new).encode()):
        return None
    return tuple(name for name, (was, have) in tables.items() if was != have)


def _is_model(project: Project, path: str) -> bool:
    return _below(path, [place.rstrip("/") for place in project.manifest.model_paths.values()])


def _below(path: str, places: Iterable[str]) -> bool:
    return any(path == place or path.startswith(f"{place.rstrip('/')}/") for place in places)
