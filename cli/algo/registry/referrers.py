"""What refers to a manifest: the Referrers API, else the fallback tag."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from algo.oci.digest import Digest
from algo.oci.errors import BadDocument
from algo.oci.manifest import DescriptorDocument, Index, decode, encode
from algo.oci.media_types import INDEX
from algo.registry.documents import fallback_tag, same_content
from algo.registry.errors import BlobCorrupted, RegistryRefused
from algo.registry.transport import Transport, pull, push

if TYPE_CHECKING:
    from collections.abc import Sequence

    from algo.oci.descriptor import Descriptor

# No registry has compare-and-swap for tags: another writer may overwrite our entry, so we look
# again, and write again, until it stays.
WRITES = 8
PAGES = 1000
_NEXT = re.compile(r'<([^>]+)>\s*;\s*rel="?next"?')


class Referrers:
    """The referrers of one registry, by whichever way it offers."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._has_api: bool | None = None

    def listed(self, repository: str, subject: Digest) -> list[Descriptor]:
        """See Registry.referrers."""
        entries = self._by_api(repository, subject)
        if entries is None:
            index = self._fallback(repository, subject)
            entries = index.manifests if index else ()
        found = {entry.digest: entry.value() for entry in entries}
        return [found[digest] for digest in sorted(found)]

    def note(
        self, repository: str, subject: Digest, referrers: Sequence[Descriptor], said: str
    ) -> None:
        """List manifests that were just written, unless the registry does that by itself.

        Args:
            repository: Where they were written.
            subject: What they refer to.
            referrers: The manifests with artifact type and annotations.
            said: The `OCI-Subject` header of the answer; some registries with the API send none.
        """
        if said:
            self._has_api = True
            return
        if self._by_api(repository, subject) is not None:
            return
        entries = tuple(DescriptorDocument.of(one) for one in referrers)
        path = f"/v2/{repository}/manifests/{fallback_tag(subject)}"
        for attempt in range(WRITES):
            index = self._fallback(repository, subject)
            there = index.manifests if index else ()
            missing = _missing(entries, there)
            if not missing:
                return
            changed = Index(
                schema_version=2,
                media_type=INDEX,
                manifests=(*there, *missing),
                annotations=index.annotations if index else {},
            )
            if attempt:
                self._transport.patience.pause(attempt)
            body = encode(changed)
            answer = self._transport.ask(
                "PUT",
                path,
                push(repository),
                headers={"Content-Type": INDEX},
                body=body,
                expect=frozenset({200, 201, 202}),
            )
            said = answer.headers.get("docker-content-digest", "")
            if not same_content(said, Digest.of(body)):
                where = f"{self._transport.host}/{repository}"
                raise BlobCorrupted.of(Digest.of(body), where, f"the registry stored {said}")
        if _missing(entries, self._entries(repository, subject)):
            host = self._transport.host
            raise RegistryRefused(f"{host} does not keep the list of what refers to {subject}")

    def _entries(self, repository: str, subject: Digest) -> tuple[DescriptorDocument, ...]:
        index = self._fallback(repository, subject)
        return index.manifests if index else ()

    def _by_api(self, repository: str, subject: Digest) -> tuple[DescriptorDocument, ...] | None:
        """Ask the API; `None` when there is none."""
        if self._has_api is False:
            return None
        location = f"/v2/{repository}/referrers/{subject}"
        found: tuple[DescriptorDocument, ...] = ()
        for _ in range(PAGES):
            answer = self._transport.ask(
                "GET",
                location,
                pull(repository),
                headers={"Accept": INDEX},
                expect=frozenset({200, 400, 404, 405, 501}),
            )
            index = _index(answer.body) if answer.status == 200 else None
            if index is None:
                # A 404 of the API itself means an unknown repository on some registries.
                self._has_api = None if self._has_api else False
                return None
            self._has_api = True
            found += index.manifests
            following = next_page(answer.headers.get("link", ""))
            if not following:
                return found
            location = following
        raise RegistryRefused(f"{self._transport.host} lists referrers without an end")

    def _fallback(self, repository: str, subject: Digest) -> Index | None:
        answer = self._transport.ask(
            "GET",
            f"/v2/{repository}/manifests/{fallback_tag(subject)}",
            pull(repository),
            headers={"Accept": INDEX},
            expect=frozenset({200, 404}),
        )
        return decode(answer.body, Index) if answer.status == 200 else None


def _missing(
    entries: tuple[DescriptorDocument, ...], there: tuple[DescriptorDocument, ...]
) -> tuple[DescriptorDocument, ...]:
    listed = {one.digest for one in there}
    return tuple(one for one in entries if one.digest not in listed)


def next_page(link: str) -> str:
    """Return the address in a `Link` header with `rel="next"`; empty when there is none."""
    found = _NEXT.search(link)
    return found[1] if found else ""


def _index(body: bytes) -> Index | None:
    try:
        return decode(body, Index)
    except (BadDocument, msgspec.MsgspecError):
        return None
