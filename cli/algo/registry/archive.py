"""A version in one file: an OCI image layout as a tar, which others made and nobody trusts.

It is read once from the first byte to the last, and every blob is compared with its digest,
before anybody sees any of it. Nothing is unpacked to the disk.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from algo.events import Progress
from algo.oci.digest import CHUNK, Digest
from algo.oci.errors import BadDocument
from algo.oci.manifest import MAX_MANIFEST, Index, decode, media_type_of
from algo.oci.media_types import REF_NAME
from algo.registry.documents import describe, digest_in, read_head, verified, versions_among
from algo.registry.errors import (
    MEND_FILE,
    ArchiveIncomplete,
    BlobCorrupted,
    NotAnArchive,
    NotFound,
)
from algo.registry.streams import verifying
from algo.storage.errors import UnsafeArchive
from algo.storage.tar import Kind, Rules, read_tar, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

    from algo.events import Notify
    from algo.oci.descriptor import Descriptor
    from algo.oci.manifest import DescriptorDocument
    from algo.storage.tar import Content, Member

LAYOUT, INDEX, DOCKER = "oci-layout", "index.json", "manifest.json"
BLOBS = "blobs/sha256/"
_FOLDERS = {"blobs", "blobs/sha256"}
_BLOB = re.compile(r"blobs/sha256/([0-9a-f]{64})")
_RULES = Rules(members=100_000, path=200, depth=3)
_LAYOUT_VERSION = "1.0.0"
_GZIP = b"\x1f\x8b"


class DockerImage(msgspec.Struct, frozen=True, rename="pascal"):
    """An image of a Docker archive: the paths of its parts, and its names."""

    config: str
    repo_tags: tuple[str, ...]
    layers: tuple[str, ...]


class _Layout(msgspec.Struct, frozen=True, rename="camel"):
    image_layout_version: str


class Archive:
    """A `registry.interface.ReadableRegistry` of one version, whatever name it is asked by.

    Args:
        path: The file.
        notify: Gets progress in bytes.

    Raises:
        NotAnArchive: It is no exported version.
        UnsafeArchive: It is no tar, or holds what does not belong there.
        BlobCorrupted: A part is not what its name says.
        ArchiveIncomplete: It lists what it does not hold.
    """

    def __init__(self, path: Path, notify: Notify) -> None:
        self.path = path
        self._blobs: dict[Digest, tuple[int, int]] = {}
        self._documents: dict[str, bytes] = {}
        self._file = path.open("rb", buffering=0)
        try:
            self._scan(notify)
            self._index = self._read_index()
        except (UnsafeArchive, BadDocument) as error:
            self._file.close()
            self._refuse_compressed()
            raise type(error)(f"{path.name}: {error.message}", hint=MEND_FILE) from error
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Archive:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._file.close()

    @property
    def address(self) -> str:
        """Empty: no host."""
        return ""

    def version(self) -> tuple[str, Descriptor]:
        """Return the tag of the one version, and its index.

        Raises:
            NotAnArchive: There is none, or there are several.
        """
        tagged = [entry for entry in self._index.manifests if entry.annotations.get(REF_NAME)]
        if len(tagged) != 1:
            raise NotAnArchive(f"{self.path.name} holds {len(tagged)} versions, and not one")
        described = replace(tagged[0].value(), annotations={})
        return tagged[0].annotations[REF_NAME], described

    def _refuse_compressed(self) -> None:
        with self.path.open("rb") as file:
            if file.read(2) == _GZIP:
                raise NotAnArchive(
                    f"{self.path.name} is compressed with gzip",
                    hint=f"gunzip < {shlex.quote(str(self.path))} > version.tar, and read that",
                )

    def check_beside(self, expected: Mapping[str, bytes]) -> None:
        """Refuse documents that are not what belongs to the version; no digest vouches for them.

        Only a file of ours has all of them: what others write is told by its blobs alone.

        Args:
            expected: What `algo export` writes besides the blobs, by name.

        Raises:
            BadDocument: One differs.
        """
        if DOCKER not in self._documents:
            return
        for name, content in expected.items():
            if self._documents.get(name) != content:
                what = f"{self.path.name}: its {name} is not that of the version, it was changed"
                raise BadDocument(what, hint=MEND_FILE)

    def resolve(self, repository: str, tag_or_digest: str) -> Descriptor | None:
        """See ReadableRegistry."""
        digest = digest_in(tag_or_digest)
        if digest is None:
            tag, found = self.version()
            digest = found.digest if tag == tag_or_digest else None
        if digest not in self._blobs or self._blobs[digest][1] > MAX_MANIFEST:
            return None
        data = b"".join(self._pieces(digest))
        return describe(data, media_type_of(data))

    def get_manifest(self, repository: str, tag_or_digest: str) -> tuple[bytes, Descriptor]:
        """See ReadableRegistry."""
        found = self.resolve(repository, tag_or_digest)
        if found is None:
            raise self._lacks(tag_or_digest, repository)
        data = b"".join(self._pieces(found.digest))
        return verified(data, found.digest, self.path.name, MEND_FILE), found

    def has_blob(self, repository: str, digest: Digest) -> bool:
        """See ReadableRegistry."""
        return digest in self._blobs

    def open_blob(self, repository: str, descriptor: Descriptor) -> Iterator[bytes]:
        """See ReadableRegistry; many may be open at a time."""
        if descriptor.digest not in self._blobs:
            raise self._lacks(str(descriptor.digest), repository)
        pieces = self._pieces(descriptor.digest)
        return verifying(pieces, descriptor, self.path.name, MEND_FILE)

    def tags(self, repository: str) -> list[str]:
        """See ReadableRegistry."""
        return versions_among([self.version()[0]])

    def names(self) -> list[str]:
        """See ReadableRegistry."""
        return []

    def referrers(self, repository: str, subject: Digest) -> list[Descriptor]:
        """See ReadableRegistry."""
        found = {}
        for entry in self._index.manifests:
            data, described = self.get_manifest(repository, entry.digest)
            head = read_head(data, described.media_type)
            if head.subject == subject:
                found[head.descriptor.digest] = head.descriptor
        return [found[digest] for digest in sorted(found)]

    def _scan(self, notify: Notify) -> None:
        total = os.fstat(self._file.fileno()).st_size
        for member, content in read_tar(self._file, _RULES):
            self._take(member, content)
            notify(Progress(f"Reading {self.path.name}", self._file.tell(), total))
        for name in (LAYOUT, INDEX):
            if name not in self._documents:
                raise NotAnArchive(f"{self.path.name} is no exported version: it has no {name}")

    def _take(self, member: Member, content: Content) -> None:
        if member.kind is Kind.FOLDER and member.name in _FOLDERS:
            return
        named = _BLOB.fullmatch(member.name)
        if member.kind is not Kind.FILE or not (named or member.name in (LAYOUT, INDEX, DOCKER)):
            raise UnsafeArchive(f"{shown(member.name)} does not belong into an exported version")
        if named is None:
            if member.size > MAX_MANIFEST:
                raise UnsafeArchive(f"{member.name} is {member.size} bytes long")
            self._documents[member.name] = content.read()
            return
        digest = Digest(named[1])
        self._blobs[digest] = (self._file.tell(), member.size)
        hasher = hashlib.sha256()
        for piece in content:
            hasher.update(piece)
        if hasher.hexdigest() != digest.hex:
            what = f"it has the digest sha256:{hasher.hexdigest()}"
            raise BlobCorrupted.of(digest, self.path.name, what, MEND_FILE)

    def _read_index(self) -> Index:
        layout, images = self._read_others()
        if layout.image_layout_version != _LAYOUT_VERSION:
            raise BadDocument(f"its {LAYOUT} is not of version {_LAYOUT_VERSION}")
        index = decode(self._documents[INDEX], Index)
        for entry in index.manifests:
            self._check_entry(entry)
        for image in images:
            self._check_image(image)
        return index

    def _read_others(self) -> tuple[_Layout, tuple[DockerImage, ...]]:
        docker = self._documents.get(DOCKER, b"[]")
        try:
            layout = msgspec.json.decode(self._documents[LAYOUT], type=_Layout)
            return layout, msgspec.json.decode(docker, type=tuple[DockerImage, ...])
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise BadDocument(f"its {LAYOUT} or {DOCKER} is damaged: {error}") from error

    def _check_image(self, image: DockerImage) -> None:
        """Refuse what would lead `docker load` to other parts than those that are verified."""
        for path in (image.config, *image.layers):
            named = _BLOB.fullmatch(path)
            if named is None or Digest(named[1]) not in self._blobs:
                what = f"{self.path.name} names {shown(path)} for Docker and does not hold it"
                raise ArchiveIncomplete(what)

    def _check_entry(self, entry: DescriptorDocument) -> None:
        described = entry.value()
        place = self._blobs.get(described.digest)
        if place is None:
            raise ArchiveIncomplete(f"{self.path.name} names {entry.digest} and does not hold it")
        if place[1] != described.size or place[1] > MAX_MANIFEST:
            raise BadDocument(f"it gives {entry.digest} a wrong size")

    def _pieces(self, digest: Digest) -> Iterator[bytes]:
        start, left = self._blobs[digest]
        while left:
            piece = os.pread(self._file.fileno(), min(left, CHUNK), start)
            if not piece:
                what = "the file became shorter"
                raise BlobCorrupted.of(digest, self.path.name, what, MEND_FILE)
            start, left = start + len(piece), left - len(piece)
            yield piece

    def _lacks(self, what: str, repository: str) -> NotFound:
        said = f"{self.path.name} does not hold {what}"
        return NotFound(said, repository=repository, mend=MEND_FILE)
