"""Where a version's files come from: what git says of them, and what it does not know."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from algo.images.code import code_entries, describes
from algo.images.config import APP
from algo.oci.digest import Digest
from algo.publish.errors import NotCommitted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from algo.project.project import Project

_NAMED = 5
# Not in the image, and still a part of what is promised.
_PROMISES = ("cases/", "tests/")


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
    """

    commit: str = ""
    ref: str = ""
    repository: str = ""
    folder: str = ""
    changed: tuple[str, ...] = ()
    untracked: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """What a version is made from, as its provenance says it.

    Args:
        checkout: What git says; None where there is no repository.
        uncommitted: The files that matter to the version and are in no commit.
        extra: The SHA-256 of each file that is shipped although git ignores it.
    """

    checkout: Checkout | None
    uncommitted: tuple[str, ...] = ()
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def line(self) -> str:
        """How people read it: `main 1a2b3c4 of https://…`."""
        if self.checkout is None:
            return "no git repository"
        ref = self.checkout.ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
        known = f"{ref} {self.checkout.commit[:12] or 'without a commit'}".strip()
        where = f" of {self.checkout.repository}" if self.checkout.repository else ""
        return known + where


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
    return Source(checkout, tuple(sorted({*checkout.changed, *loose})), extra)


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


def _is_model(project: Project, path: str) -> bool:
    return _below(path, [place.rstrip("/") for place in project.manifest.model_paths.values()])


def _below(path: str, places: Iterable[str]) -> bool:
    return any(path == place or path.startswith(f"{place.rstrip('/')}/") for place in places)
