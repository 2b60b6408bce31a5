"""What each version was when this machine saw it first."""

from __future__ import annotations

import contextlib
import fcntl
import shlex
from typing import TYPE_CHECKING

import msgspec

from algo.oci.digest import Digest
from algo.oci.errors import BadDigest
from algo.storage.files import write_whole
from algo.trust.errors import PinsDamaged, VersionReplaced
from algo.values import Value

if TYPE_CHECKING:
    from pathlib import Path

# The name, beside the versions, of the digest of all the others.
_SUM = "checksum"


class Pins(Value, frozen=True):
    """Digests by repository and version, one file per repository below `root`."""

    root: Path

    def check(self, place: str, version: str, digest: Digest) -> None:
        """Refuse `digest` when `version` in `place` was another one before.

        Raises:
            VersionReplaced: It was.
            PinsDamaged: What it was cannot be told.
        """
        seen = self._read(self._file(place)).get(version)
        if seen is not None and seen != str(digest):
            raise VersionReplaced(
                f"{place}:{version} was {seen} when this machine saw it first, and is {digest} now"
            )

    def keep(self, place: str, version: str, digest: Digest) -> None:
        """Remember `digest` as what `version` in `place` is, if nothing is remembered yet."""
        path = self._file(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        with (path.parent / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            seen = self._read(path)
            if version in seen:
                return
            seen[version] = str(digest)
            summed = {**seen, _SUM: _sum(seen)}
            content = msgspec.json.format(msgspec.json.encode(summed, order="sorted")) + b"\n"
            # What is forgotten is not noticed when it is replaced: it outlives a loss of power.
            write_whole(path, [content], path.parent, mode=0o600)

    def elsewhere(self, place: str, version: str, digest: Digest) -> str:
        """Return another place where `version` was `digest` when it was seen, empty when none."""
        for path in sorted(self.root.rglob("*.json")):
            if path != self._file(place) and self._readable(path).get(version) == str(digest):
                return path.relative_to(self.root).with_suffix("").as_posix().replace("+", ":")
        return ""

    def versions(self, name: str) -> dict[str, frozenset[Digest]]:
        """Return what the versions of `owner/name` were, in this machine's store or elsewhere."""
        found: dict[str, frozenset[Digest]] = {}
        for path in self.root.rglob(f"{name.rpartition('/')[2]}.json"):
            place = path.relative_to(self.root).with_suffix("").as_posix()
            if f"/{place}".endswith(f"/{name}"):
                for version, digest in self._readable(path).items():
                    found[version] = found.get(version, frozenset()) | {Digest.parse(digest)}
        return found

    def places(self) -> dict[str, frozenset[str]]:
        """Return the versions that were seen of each name, by the name with its host."""
        found = {}
        for path in self.root.rglob("*.json"):
            place = path.relative_to(self.root).with_suffix("").as_posix().replace("+", ":")
            found[place] = frozenset(self._readable(path))
        return found

    def _file(self, place: str) -> Path:
        # A port's colon is not allowed in file names everywhere; no host holds a plus sign.
        return self.root / f"{place.replace(':', '+')}.json"

    def _read(self, path: Path) -> dict[str, str]:
        """Return the digests that are in a file by version; none where there is no file.

        Raises:
            PinsDamaged: It is not what was written. To go on would be to believe whoever comes.
        """
        try:
            seen = msgspec.json.decode(path.read_bytes(), type=dict[str, str])
            written = seen.pop(_SUM, None)
            for digest in seen.values():
                Digest.parse(digest)
        except FileNotFoundError:
            return {}
        except (msgspec.MsgspecError, BadDigest, UnicodeDecodeError) as error:
            raise _damaged(path) from error
        # Files of before had no sum; its own name can be damaged, too.
        named = all(version[:1].isdigit() for version in seen)
        if not named or (written is not None and written != _sum(seen)):
            raise _damaged(path)
        return seen

    def _readable(self, path: Path) -> dict[str, str]:
        """Return the same of a file that others than its repository ask; none of a damaged one."""
        with contextlib.suppress(PinsDamaged):
            return self._read(path)
        return {}


def _sum(seen: dict[str, str]) -> str:
    return str(Digest.of(msgspec.json.encode(seen, order="sorted")))


def _damaged(path: Path) -> PinsDamaged:
    return PinsDamaged(
        f"{path} is not what algo wrote: what its versions were cannot be told",
        hint=f"compare it with a copy; rm {shlex.quote(str(path))} trusts what comes next anew",
    )
