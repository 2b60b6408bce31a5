"""The embedded store: an OCI image layout per owner/name, which skopeo and oras read, too.

Every manifest is an entry of `index.json` (as oras writes it), a version with its tag as the
annotation `org.opencontainers.image.ref.name`; referrers are the entries with a subject.
"""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from algo.oci.errors import BadDocument, BadReference
from algo.oci.manifest import MAX_MANIFEST, DescriptorDocument, Index, media_type_of
from algo.oci.media_types import INDEX, REF_NAME
from algo.oci.seal import holds
from algo.registry.documents import describe, digest_in, read_head, verified, versions_among
from algo.registry.errors import BlobCorrupted, NotFound, VersionExists
from algo.registry.files import locked, sweep, sync_folder, write_whole
from algo.registry.interface import How, Source, Transfer
from algo.registry.streams import chunks_of, reporting, verifying

if TYPE_CHECKING:
    from collections.abc import Iterator

    from algo.events import Notify
    from algo.oci.descriptor import Descriptor
    from algo.oci.digest import Digest

LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
EMPTY_INDEX = Index(schema_version=2, media_type=INDEX, manifests=())
# A hard link can be refused by the filesystem, by its limits or by protected_hardlinks.
_NO_LINK = {errno.EXDEV, errno.EMLINK, errno.EPERM, errno.ENOTSUP, errno.EACCES}


class LayoutStore:
    """A registry in a folder.

    Args:
        root: Where the layouts are, `root/owner/name`; made when something is written.
        linkable: A folder whose files are named by their digest and never change (the cache of
            layers): blobs from there are hard-linked, not copied, where the disk allows it.
    """

    def __init__(self, root: Path, *, linkable: Path | None = None) -> None:
        self._root = root
        self._linkable = linkable

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

    def repositories(self) -> list[str]:
        """Return the names that the store has, sorted."""
        found = self._root.glob("*/*/index.json")
        return sorted("/".join(path.parent.parts[-2:]) for path in found)

    def resolve(self, repository: str, tag_or_digest: str) -> Descriptor | None:
        """See Registry."""
        digest = digest_in(tag_or_digest)
        for entry in self._index(repository).manifests:
            found = entry.digest == tag_or_digest if digest else _tag_of(entry) == tag_or_digest
            if found:
                return replace(entry.value(), annotations={}, artifact_type="")
        return self._unlisted(repository, digest) if digest else None

    def get_manifest(self, repository: str, tag_or_digest: str) -> tuple[bytes, Descriptor]:
        """See Registry."""
        found = self.resolve(repository, tag_or_digest)
        if found is None:
            raise NotFound(
                f"the embedded store has no {tag_or_digest} of {repository}", repository=repository
            )
        data = self._read(repository, found.digest)
        return verified(data, found.digest, repository), replace(found, size=len(data))

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
            )
        return verifying(chunks_of(path), descriptor, repository)

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
            pieces = verifying(chunks_of(linked), descriptor, str(linked))
            for _ in reporting(pieces, text, size, notify):
                pass
            if _link(linked, target):
                return Transfer(digest, size, "mounted", 0)
        pieces = verifying(chunks_of(source), descriptor, "what was to be stored")
        write_whole(target, reporting(pieces, text, size, notify), scratch)
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
        entries = self._index(repository).manifests
        return versions_among(tag for entry in entries if (tag := _tag_of(entry)))

    def referrers(self, repository: str, subject: Digest) -> list[Descriptor]:
        """See Registry."""
        found = {}
        for entry in self._index(repository).manifests:
            descriptor = entry.value()
            data = verified(
                self._read(repository, descriptor.digest), descriptor.digest, repository
            )
            head = read_head(data, descriptor.media_type)
            if head.subject == subject:
                found[descriptor.digest] = head.descriptor
        return [found[digest] for digest in sorted(found)]

    def _put(
        self, repository: str, data: bytes, media_type: str, tag: str, *, new: bool
    ) -> Descriptor:
        head = read_head(data, media_type)
        scratch = self._prepare(repository)
        folder = self.folder(repository)
        with locked(folder / "oci-layout"):
            index = self._index(repository)
            if new and any(_tag_of(entry) == tag for entry in index.manifests):
                raise VersionExists(f"{repository}:{tag} is published already")
            for wanted in (*head.children, *head.blobs):
                if not self._is_whole(repository, wanted):
                    raise NotFound(
                        f"the manifest names {wanted.digest}, which {repository} does not have",
                        repository=repository,
                    )
            target = self._blob(repository, head.descriptor.digest)
            if not holds(target, head.descriptor.digest, len(data)):
                write_whole(target, [data], scratch)
            entries = _with_entry(index.manifests, head.descriptor, tag)
            if entries != index.manifests:
                changed = msgspec.structs.replace(index, manifests=entries)
                write_whole(folder / "index.json", [msgspec.json.encode(changed)], scratch)
        return describe(data, media_type)

    def _blob(self, repository: str, digest: Digest) -> Path:
        return self.folder(repository) / "blobs" / "sha256" / digest.hex

    def _is_whole(self, repository: str, descriptor: Descriptor) -> bool:
        path = self._blob(repository, descriptor.digest)
        return holds(path, descriptor.digest, descriptor.size)

    def _prepare(self, repository: str) -> Path:
        """Make the layout if it's new; return the folder for unfinished files."""
        folder = self.folder(repository)
        scratch = folder / "ingest"
        (folder / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
        scratch.mkdir(exist_ok=True)
        sweep(scratch)
        if not (folder / "oci-layout").is_file():
            write_whole(folder / "oci-layout", [LAYOUT], scratch)
        with locked(folder / "oci-layout"):
            if not (folder / "index.json").is_file():
                write_whole(folder / "index.json", [msgspec.json.encode(EMPTY_INDEX)], scratch)
        return scratch

    def _index(self, repository: str) -> Index:
        path = self.folder(repository) / "index.json"
        try:
            # Ours, so the limit for manifests does not hold: it grows with every version.
            return msgspec.json.decode(path.read_bytes(), type=Index)
        except FileNotFoundError:
            return EMPTY_INDEX
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise BadDocument(f"{path} is not an image index: {error}") from error

    def _read(self, repository: str, digest: Digest) -> bytes:
        path = self._blob(repository, digest)
        try:
            with path.open("rb") as file:
                return file.read(MAX_MANIFEST + 1)
        except FileNotFoundError as error:
            raise NotFound(
                f"{repository} lists {digest}, and its content is gone", repository=repository
            ) from error

    def _unlisted(self, repository: str, digest: Digest) -> Descriptor | None:
        """Return a manifest that is only named by an index, as skopeo leaves it."""
        if not self.has_blob(repository, digest):
            return None
        try:
            data = verified(self._read(repository, digest), digest, repository)
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


def _tag_of(entry: DescriptorDocument) -> str:
    return entry.annotations.get(REF_NAME, "")


def _with_entry(
    entries: tuple[DescriptorDocument, ...], descriptor: Descriptor, tag: str
) -> tuple[DescriptorDocument, ...]:
    """Return `entries` with the manifest listed, under `tag` alone when it is given.

    What the tag stood for before stays listed without a tag.
    """
    plain = DescriptorDocument.of(replace(descriptor, annotations={}))
    listed = any(entry.digest == plain.digest for entry in entries)
    if not tag:
        return entries if listed else (*entries, plain)
    kept = []
    others = {entry.digest for entry in entries if _tag_of(entry) not in {"", tag}}
    for entry in entries:
        if _tag_of(entry) == tag:
            if entry.digest in others or entry.digest == plain.digest:
                continue
            entry = msgspec.structs.replace(entry, annotations={})
        if entry.digest != plain.digest or _tag_of(entry):
            kept.append(entry)
    return (*kept, msgspec.structs.replace(plain, annotations={REF_NAME: tag}))


def _on_disk_of(file: Path, folder: Path) -> bool:
    """Tell whether a file can have a second name below `folder`, which need not be there yet."""
    there = next((place for place in (folder, *folder.parents) if place.is_dir()), None)
    return there is not None and file.stat().st_dev == there.stat().st_dev


def _link(source: Path, target: Path) -> bool:
    """Give the file a second name, if that can be done here."""
    try:
        os.link(source, target)
    except OSError as error:
        # A file of that name is damaged, or another publish made it a moment ago: written anew.
        if error.errno in {*_NO_LINK, errno.EEXIST}:
            return False
        raise
    sync_folder(target.parent)
    return True
