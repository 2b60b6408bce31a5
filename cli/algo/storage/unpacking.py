"""Write members of a tar into a folder that nothing leads out of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.storage.errors import UnsafeArchive
from algo.storage.spelling import folded
from algo.storage.tar import Kind, shown

if TYPE_CHECKING:
    from pathlib import Path

    from algo.storage.tar import Content, Member


class Unpacking:
    """A folder that is being filled, from one archive or several on top of each other.

    Nothing is written through a link, and no link can lead out, whatever comes later: its way up
    goes through real folders alone. Two names that a file system may take for one are refused.

    Args:
        folder: Exists and is empty.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kinds: dict[str, Kind] = {}
        self._spelled: dict[str, str] = {}

    def write(self, member: Member, name: str, content: Content) -> None:
        """Write a member as `name`; a file of that name in an archive before is replaced.

        Raises:
            UnsafeArchive: It is no file, folder or link, or it is in the way of another member.
        """
        parts = name.split("/")
        for end in range(1, len(parts)):
            self._make_folder("/".join(parts[:end]))
        if member.kind == Kind.FOLDER:
            self._make_folder(name)
            return
        before = self._take(name, member.kind)
        path = self._folder.joinpath(*parts)
        if before is not None and not before == member.kind == Kind.FILE:
            raise UnsafeArchive(f"{shown(name)} is a {before} and a {member.kind}")
        if member.kind == Kind.LINK:
            _check_link(member, len(parts) - 1)
            path.symlink_to(member.link)
        elif member.kind == Kind.FILE:
            with path.open("wb") as file:
                for piece in content:
                    file.write(piece)
            path.chmod(0o755 if member.mode & 0o100 else 0o644)
        else:
            raise UnsafeArchive(f"{shown(name)} is a {member.kind}")

    def _make_folder(self, name: str) -> None:
        before = self._take(name, Kind.FOLDER)
        if before is None:
            self._folder.joinpath(name).mkdir(mode=0o755)
        elif before != Kind.FOLDER:
            raise UnsafeArchive(f"{shown(name)} is a {before} and a folder")

    def _take(self, name: str, kind: Kind) -> Kind | None:
        """Note that `name` is there, and return what it was before."""
        spelled = self._spelled.setdefault(folded(name), name)
        if spelled != name:
            raise UnsafeArchive(
                f"{shown(spelled)} and {shown(name)} differ by their spelling alone"
            )
        before = self._kinds.get(name)
        self._kinds.setdefault(name, kind)
        return before


def _check_link(member: Member, depth: int) -> None:
    """Refuse a link that leads up at any place but its beginning, or above the folder."""
    parts = member.link.split("/")
    up = next((place for place, part in enumerate(parts) if part != ".."), len(parts))
    if member.link.startswith("/") or not member.link or up > depth or ".." in parts[up:]:
        raise UnsafeArchive(f"{shown(member.name)} is a link out of its place: {member.link[:100]}")
