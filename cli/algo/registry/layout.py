"""The embedded store: an OCI image layout per owner/name, which skopeo and oras read, too.

Every manifest is an entry of `index.json` (as oras writes it), a version with its tag as the
annotation `org.opencontainers.image.ref.name`; referrers are the entries with a subject.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from algo.oci.errors import BadDocument, BadReference
from algo.oci.manifest import MAX_MANIFEST, media_type_of
from algo.oci.media_types import MANIFEST, SUBJECT
from algo.oci.seal import holds, unseal
from algo.registry.documents import describe, digest_in, read_head, verified, versions_among
from algo.registry.errors import (
    MEND_CACHE,
    MEND_STORE,
    BlobCorrupted,
    NotFound,
    StoreDamaged,
    VersionExists,
)
from algo.registry.interface import How, Source, Transfer
from algo.registry.listing import Listing, read_listing, tag_of
from algo.registry.streams import chunks_of, reporting, verifying
from algo.storage.disk import DISK, Disk
from algo.storage.files import link_whole, locked, make_folders, sweep, write_whole
from algo.storage.held import PROCESS, Held

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Sequence

    from algo.events import Notify
    from algo.oci.descriptor import Descriptor
    from algo.oci.digest import Digest

LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'


class LayoutStore:
    """A registry in a folder.

    What a process brings, or finds there already, is held until the process ends, so that no
    other one removes it as unused before a version names it.

    Args:
        root: Where the layouts are, `root/owner/name`; made when something is written.
        linkable: A folder whose files are named by their digest and never change (the cache of
            layers): blobs from there are hard-linked, not copied, where the disk allows it.
        disk: What it is written with.
        held: What this process uses.
    """

    def __init__(
        self,
        root: Path,
        *,
        linkable: Path | None = None,
        disk: Disk = DISK,
        held: Held = PROCESS,
    ) -> None:
        self._root = root
        self._linkable = linkable
        self._disk = disk
        self._held = held
        self._read_listings: dict[str, tuple[tuple[int, ...], Listing]] = {}

    @property
    def address(self) -> str:
        """Empty: no host."""
        return ""

    def folder(self, repository: str) -> Path:
        """Return the layout's folder, which other tools may read.

        Raises:
            BadReference: `repository` is not `owner/name`.
        """
        parts = repository.split("/")
        if len(parts) != 2 or any(not part or part.startswith(".") for part in parts):
            raise BadReference(f"the embedded store keeps owner/name, not {repository!r}")
        return self._root.joinpath(*parts)

    def names(self) -> list[str]:
        """Return the names that the store has, sorted; also those that are damaged."""
        found = {path.parent for path in self._root.glob("*/*/index.json")}
        found |= {path.parent for path in self._root.glob("*/*/blobs") if _holds_any(path)}
        return sorted("/".join(path.parts[-2:]) for path in found)

    def resolve(self, repository: str, tag_or_digest: str) -> Descriptor | None:
        """See Registry."""
        digest = digest_in(tag_or_digest)
        listing = self.listing(repository)
        entry = listing.find(tag_or_digest) if digest else listing.tagged(tag_or_digest)
        if entry is None:
            return self._unlisted(repository, digest) if digest else None
        found = replace(entry.value(), annotations={}, artifact_type="")
        if not tag_of(entry) and not entry.annotations.get(SUBJECT):
            # No version names it: what it names stays only as long as somebody uses it.
            self._held.hold(self._blob(repository, found.digest))
        return found

    def get_manifest(self, repository: str, tag_or_digest: str) -> tuple[bytes, Descriptor]:
        """See Registry."""
        found = self.resolve(repository, tag_or_digest)
        if found is None:
            raise NotFound(
                f"the embedded store has no {tag_or_digest} of {repository}",
                repository=repository,
                mend=MEND_STORE if digest_in(tag_or_digest) else "",
            )
        data = self._manifest(repository, found.digest)
        return data, replace(found, size=len(data))

    def has_blob(self, repository: str, digest: Digest) -> bool:
        """See Registry."""
        return self._blob(repository, digest).is_file()

    def open_blob(self, repository: str, descriptor: Descriptor) -> Iterator[bytes]:
        """See Registry."""
        path = self._blob(repository, descriptor.digest)
        if not path.is_file():
            raise NotFound(
                f"the embedded store has no blob {descriptor.digest} of {repository}",
                repository=repository,
                mend=MEND_STORE,
            )
        return self._checked(path, descriptor, _place(repository), MEND_STORE)

    def push_blob(
        self,
        repository: str,
        descriptor: Descriptor,
        source: Source,
        *,
        mount_from: str = "",
        notify: Notify,
    ) -> Transfer:
        """See Registry."""
        digest, size = descriptor.digest, descriptor.size
        target = self._blob(repository, digest)
        if self._is_whole(repository, descriptor):
            return Transfer(digest, size, "reused", 0)
        scratch = self._prepare(repository)
        text = f"Storing {digest.short}"
        linked = self._linkable_file(mount_from, source, digest)
        if linked is not None:
            pieces = self._checked(linked, descriptor, str(linked), MEND_CACHE)
            for _ in reporting(pieces, text, size, notify):
                pass
            if self._held.hold(linked) and link_whole(linked, target, self._disk):
                return Transfer(digest, size, "mounted", 0)
        pieces = verifying(chunks_of(source), descriptor, "what was to be stored", MEND_CACHE)
        self._write(target, reporting(pieces, text, size, notify), scratch, needed=size)
        return Transfer(digest, size, "sent", size)

    def foresee(
        self, repository: str, descriptor: Descriptor, source: Source, *, mount_from: str = ""
    ) -> How:
        """See Registry."""
        if self._is_whole(repository, descriptor):
            return "reused"
        linked = self._linkable_file(mount_from, source, descriptor.digest)
        return "mounted" if linked is not None and _on_disk_of(linked, self._root) else "sent"

    def push_manifest(
        self, repository: str, data: bytes, media_type: str, *, tag: str = ""
    ) -> Descriptor:
        """See Registry."""
        return self._put(repository, data, media_type, tag, new=False)

    def attach(self, repository: str, manifests: Sequence[bytes]) -> None:
        """See Registry."""
        for data in manifests:
            self.push_manifest(repository, data, MANIFEST)

    def tag(self, repository: str, tag: str, data: bytes, media_type: str) -> Descriptor:
        """See Registry."""
        written = self._put(repository, data, media_type, tag, new=True)
        _, found = self.get_manifest(repository, tag)
        if found.digest != written.digest:
            raise BlobCorrupted.of(
                written.digest, f"{repository}:{tag}", f"the tag stands for {found.digest}"
            )
        return written

    def tags(self, repository: str) -> list[str]:
        """See Registry."""
        return versions_among(self.listing(repository).tags)

    def referrers(self, repository: str, subject: Digest) -> list[Descriptor]:
        """See Registry."""
        found = {}
        for entry in self.listing(repository).about(subject):
            descriptor = entry.value()
            data = self._manifest(repository, descriptor.digest)
            head = read_head(data, descriptor.media_type)
            if head.subject == subject:
                found[descriptor.digest] = head.descriptor
        return [found[digest] for digest in sorted(found)]

    def listing(self, repository: str) -> Listing:
        """Return what the layout lists now; it is read anew when it was replaced.

        Raises:
            StoreDamaged: It cannot be read, or is gone while the blobs are there.
        """
        path = self.folder(repository) / "index.json"
        try:
            status = path.stat()
        except FileNotFoundError as error:
            # It is there before the first blob.
            if _holds_any(path.with_name("blobs")) and not path.exists():
                raise StoreDamaged(f"{path} is gone") from error
            return Listing()
        stamp = _stamp(status)
        known = self._read_listings.get(repository)
        if known is None or known[0] != stamp:
            known = self._read_listings[repository] = (stamp, read_listing(path))
        return known[1]

    def _put(
        self, repository: str, data: bytes, media_type: str, tag: str, *, new: bool
    ) -> Descriptor:
        head = read_head(data, media_type)
        scratch = self._prepare(repository)
        folder = self.folder(repository)
        with locked(folder / "oci-layout"):
            listing = self.listing(repository)
            if new and listing.tagged(tag):
                raise VersionExists(f"{repository}:{tag} is published already")
            for wanted in (*head.children, *head.blobs):
                if not self._is_whole(repository, wanted):
                    raise NotFound(
                        f"the manifest names {wanted.digest}, which {repository} does not have",
                        repository=repository,
                    )
            if not self._is_whole(repository, head.descriptor):
                target = self._blob(repository, head.descriptor.digest)
                self._write(target, [data], scratch)
            changed = listing.with_entry(head, tag)
            if changed is not listing:
                index = folder / "index.json"
                status = self._write(index, [changed.encoded()], scratch, held=False)
                self._read_listings[repository] = (_stamp(status), changed)
        return describe(data, media_type)

    def _blob(self, repository: str, digest: Digest) -> Path:
        return self.folder(repository) / "blobs" / "sha256" / digest.hex

    def _is_whole(self, repository: str, descriptor: Descriptor) -> bool:
        path = self._blob(repository, descriptor.digest)
        held = self._held.hold(path)
        return held and holds(path, descriptor.digest, descriptor.size, self._disk)

    def _checked(
        self, path: Path, descriptor: Descriptor, where: str, hint: str
    ) -> Iterator[bytes]:
        """Yield a file's pieces; one that is damaged is written anew by the next who brings it."""
        try:
            yield from verifying(chunks_of(path), descriptor, where, hint)
        except BlobCorrupted:
            unseal(path)
            raise

    def _write(
        self,
        target: Path,
        pieces: Iterable[bytes],
        scratch: Path,
        *,
        held: bool = True,
        needed: int = 0,
    ) -> os.stat_result:
        keeper = self._held if held else None
        return write_whole(target, pieces, scratch, disk=self._disk, held=keeper, needed=needed)

    def _prepare(self, repository: str) -> Path:
        """Make the layout if it's new; return the folder for unfinished files.

        Its index is written last: where there is one, the folders are on the disk.
        """
        folder = self.folder(repository)
        scratch = folder / "ingest"
        blobs = folder / "blobs" / "sha256"
        parts = (folder / "index.json", folder / "oci-layout")
        if not (blobs.is_dir() and all(part.is_file() for part in parts)):
            self.listing(repository)  # a list that is gone is not taken for an empty one
            make_folders(blobs, self._disk)
            self._disk.make_folder(scratch)
            if not (folder / "oci-layout").is_file():
                self._write(folder / "oci-layout", [LAYOUT], scratch, held=False)
            with locked(folder / "oci-layout"):
                if not (folder / "index.json").is_file():
                    empty = Listing().encoded()
                    self._write(folder / "index.json", [empty], scratch, held=False)
        # Other tools write layouts without it.
        scratch.mkdir(exist_ok=True)
        sweep(scratch)
        return scratch

    def _manifest(self, repository: str, digest: Digest) -> bytes:
        try:
            data = self._read(repository, digest)
            return verified(data, digest, _place(repository), MEND_STORE)
        except BlobCorrupted:
            unseal(self._blob(repository, digest))
            raise

    def _read(self, repository: str, digest: Digest) -> bytes:
        path = self._blob(repository, digest)
        try:
            with path.open("rb") as file:
                return file.read(MAX_MANIFEST + 1)
        except FileNotFoundError as error:
            raise NotFound(
                f"{_place(repository)} lists {digest}, and its content is gone",
                repository=repository,
                mend=MEND_STORE,
            ) from error

    def _unlisted(self, repository: str, digest: Digest) -> Descriptor | None:
        """Return a manifest that is only named by an index, as skopeo leaves it."""
        if not self.has_blob(repository, digest):
            return None
        try:
            data = self._manifest(repository, digest)
            return describe(data, read_head(data, media_type_of(data)).descriptor.media_type)
        except BadDocument:
            return None

    def _linkable_file(self, mount_from: str, source: Source, digest: Digest) -> Path | None:
        """Return a file with the content that never changes, to give it a second name."""
        if mount_from and (elsewhere := self._blob(mount_from, digest)).is_file():
            return elsewhere
        if not isinstance(source, Path) or self._linkable is None or source.name != digest.hex:
            return None
        return source if source.is_relative_to(self._linkable) else None


def _place(repository: str) -> str:
    return f"the embedded store's {repository}"


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    """Return what tells a file from the one that replaces it."""
    return (status.st_ino, status.st_size, status.st_mtime_ns)


def _holds_any(blobs: Path) -> bool:
    return next(blobs.glob("sha256/*"), None) is not None


def _on_disk_of(file: Path, folder: Path) -> bool:
    """Tell whether a file can have a second name below `folder`, which need not be there yet."""
    there = next((place for place in (folder, *folder.parents) if place.is_dir()), None)
    return there is not None and file.stat().st_dev == there.stat().st_dev
