"""What a layout lists: its `index.json`, looked up by digest, tag and subject.

An entry that we write says in an annotation which subject its manifest has, so that finding what
refers to a version does not mean to read every manifest of every version. Entries of others
lack it, and their manifests are read. Nothing is believed for it: who looks for signatures
reads the manifest, and an entry that is wrong can hide one, as its removal would.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from algo.oci.manifest import DescriptorDocument, Index
from algo.oci.media_types import INDEX, REF_NAME, SUBJECT
from algo.registry.errors import StoreDamaged

if TYPE_CHECKING:
    from pathlib import Path

    from algo.oci.digest import Digest
    from algo.registry.documents import Head

_EMPTY = Index(schema_version=2, media_type=INDEX, manifests=())


class Listing:
    """The entries of a layout, none of which changes."""

    def __init__(self, index: Index = _EMPTY) -> None:
        self._index = index

    @property
    def entries(self) -> tuple[DescriptorDocument, ...]:
        """All of them."""
        return self._index.manifests

    def find(self, tag_or_digest: str) -> DescriptorDocument | None:
        """Return the entry of a tag or a digest; one with a tag where a digest has several."""
        return self._by_tag.get(tag_or_digest) or self._by_digest.get(tag_or_digest)

    def tagged(self, tag: str) -> DescriptorDocument | None:
        """Return the entry with this tag."""
        return self._by_tag.get(tag)

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags, in the order of the entries."""
        return tuple(self._by_tag)

    def about(self, subject: Digest) -> tuple[DescriptorDocument, ...]:
        """Return the entries that say, or may turn out, to be of manifests about `subject`."""
        return (*self._by_subject.get(str(subject), ()), *self._by_subject.get(None, ()))

    def with_entry(self, head: Head, tag: str) -> Listing:
        """Return a listing with the manifest in it, under `tag` alone when that is given.

        What the tag stood for before stays listed without a tag.
        """
        plain = _entry_of(head)
        known = self._by_digest.get(plain.digest)
        if not tag:
            return self if known else self._with(plain)
        kept = []
        others = {entry.digest for entry in self.entries if tag_of(entry) not in {"", tag}}
        for entry in self.entries:
            if tag_of(entry) == tag:
                if entry.digest in others or entry.digest == plain.digest:
                    continue
                entry = _tag(entry, "")
            if entry.digest != plain.digest or tag_of(entry):
                kept.append(entry)
        return self._changed((*kept, _tag(plain, tag)))

    def without(self, digests: set[str]) -> Listing:
        """Return a listing without the entries of `digests`."""
        return self._changed(tuple(one for one in self.entries if one.digest not in digests))

    def encoded(self) -> bytes:
        """Return the bytes of `index.json`."""
        return msgspec.json.encode(self._index)

    def _with(self, entry: DescriptorDocument) -> Listing:
        """Return a listing with another entry, without looking at the thousands before it."""
        found = self._changed((*self.entries, entry))
        subject = entry.annotations.get(SUBJECT)
        about = (*self._by_subject.get(subject, ()), entry)
        found.__dict__["_by_tag"] = self._by_tag
        found.__dict__["_by_digest"] = {**self._by_digest, entry.digest: entry}
        found.__dict__["_by_subject"] = {**self._by_subject, subject: about}
        return found

    def _changed(self, entries: tuple[DescriptorDocument, ...]) -> Listing:
        return Listing(msgspec.structs.replace(self._index, manifests=entries))

    @cached_property
    def _by_tag(self) -> dict[str, DescriptorDocument]:
        return {tag: entry for entry in reversed(self.entries) if (tag := tag_of(entry))}

    @cached_property
    def _by_digest(self) -> dict[str, DescriptorDocument]:
        found = {entry.digest: entry for entry in reversed(self.entries)}
        return found | {entry.digest: entry for entry in self._by_tag.values()}

    @cached_property
    def _by_subject(self) -> dict[str | None, tuple[DescriptorDocument, ...]]:
        found: dict[str | None, list[DescriptorDocument]] = {}
        for entry in self.entries:
            found.setdefault(entry.annotations.get(SUBJECT), []).append(entry)
        return {subject: tuple(entries) for subject, entries in found.items()}


def read_listing(path: Path) -> Listing:
    """Return what the `index.json` at `path` lists, nothing when there is none.

    Raises:
        StoreDamaged: It cannot be read.
    """
    try:
        # Ours, so the limit for manifests does not hold: it grows with every version.
        return Listing(msgspec.json.decode(path.read_bytes(), type=Index))
    except FileNotFoundError:
        return Listing()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, IsADirectoryError) as error:
        raise StoreDamaged(f"{path} is damaged: {error}") from error


def tag_of(entry: DescriptorDocument) -> str:
    """Return the tag of an entry, empty when it has none."""
    return entry.annotations.get(REF_NAME, "")


def _entry_of(head: Head) -> DescriptorDocument:
    subject = str(head.subject) if head.subject else ""
    return DescriptorDocument.of(replace(head.descriptor, annotations={SUBJECT: subject}))


def _tag(entry: DescriptorDocument, tag: str) -> DescriptorDocument:
    kept = {key: value for key, value in entry.annotations.items() if key != REF_NAME}
    annotations = {**kept, REF_NAME: tag} if tag else kept
    return msgspec.structs.replace(entry, annotations=dict(sorted(annotations.items())))
