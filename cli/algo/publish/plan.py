"""What publishing would do, and what it did, as values to show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from algo.oci import media_types
from algo.oci.digest import Digest
from algo.publish.push import plan_layers
from algo.publish.source import Source
from algo.trust.statements import RELEASE, SIGN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from algo.images.deliver import LayerReport
    from algo.publish.release import Contents
    from algo.registry.interface import Registry
    from algo.trust.attachment import Attachment


@dataclass(frozen=True, slots=True)
class AttachedReport:
    """Something that is attached: its predicate or media type, and to which digest."""

    type: str
    subject: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be published; `key` is empty when one would be made.

    The status of a layer is `reused` or `new`; sizes in bytes. `source` is what it is made from
    and `uncommitted` the files of which no commit knows.
    """

    name: str
    version: str
    reason: str
    reference: str
    digest: str
    images: dict[str, str]
    layers: tuple[LayerReport, ...]
    bytes_to_send: int
    statements: tuple[AttachedReport, ...]
    key: str
    source: str
    uncommitted: tuple[str, ...]
    dry_run: bool = True


@dataclass(frozen=True, slots=True)
class Published:
    """A published version; `digest` is its index's, `images` are by platform."""

    name: str
    version: str
    reference: str
    digest: str
    images: dict[str, str]
    layers: tuple[LayerReport, ...]
    bytes_sent: int
    reason: str
    key: str
    statements: tuple[AttachedReport, ...]


def plan_of(contents: Contents, registry: Registry, reason: str, key: str) -> Plan:
    """Return what publishing `contents` to `registry` would do."""
    layers = plan_layers(registry, contents.reference.repository, contents.images)
    source = contents.making.source if contents.making else Source(None)
    index = contents.index()
    digest = str(Digest.of(index))
    images = {str(image.platform): str(image.digest) for image in contents.images}
    documents = [(media_types.LOCK, contents.lock), (media_types.CONTRACT, contents.contract)]
    statements = [AttachedReport(kind, digest) for kind, content in documents if content]
    statements += [AttachedReport(SIGN, subject) for subject in (*images.values(), digest)]
    statements += [AttachedReport(claim.kind, digest) for claim in contents.claims("")]
    return Plan(
        name=contents.reference.name,
        version=contents.reference.tag,
        reason=reason,
        reference=str(contents.reference),
        digest=digest,
        images=images,
        layers=layers,
        bytes_to_send=sum(layer.size for layer in layers if layer.status != "reused"),
        statements=(*statements, AttachedReport(RELEASE, digest)),
        key=key,
        source=source.line,
        uncommitted=source.uncommitted,
    )


def statements_of(attached: Sequence[Attachment]) -> tuple[AttachedReport, ...]:
    """Return what was attached to what."""
    return tuple(AttachedReport(item.kind, str(item.subject.digest)) for item in attached)
