"""What publishing would do, and what it did, as values to show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.oci.digest import Digest
from algo.publish.push import foresee
from algo.publish.release import attachments
from algo.publish.source import Source
from algo.trust.keys import SigningKey
from algo.trust.rules import Rule
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from algo.images.deliver import LayerReport
    from algo.publish.release import Contents
    from algo.registry.interface import Registry
    from algo.trust.attachment import Attachment
    from algo.trust.rules import Rules


class AttachedReport(Value, frozen=True):
    """Something that is attached: its predicate or media type, and to which digest."""

    type: str
    subject: str


class Plan(Value, frozen=True):
    """What would be published; `key` is empty when one would be made.

    The status of a layer is `reused`, `mounted` (a second name of what is there: nothing is sent)
    or `new`; sizes in bytes. `bytes_to_send` counts all that would be written, statements and
    manifests too. `source` is what it is made from, `uncommitted` the files that no commit has.
    `unchanged`: the version is there, with the same contents, and nothing would be written.
    `policy` says whether trust.toml has rules for it, `objection` why they refuse it, or nothing.
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
    policy: bool
    objection: str
    unchanged: bool
    dry_run: bool = True


class Published(Value, frozen=True):
    """A published version; `digest` is its index's, `images` are by platform.

    `unchanged`: it was there, with the same contents, and nothing was written.
    """

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
    unchanged: bool = False


class Conditions(Value, frozen=True):
    """What a plan depends on besides what is published.

    Args:
        registry: Where it would go.
        mounts: Another repository of the registry that may have a blob.
        key: What signs, None when one would be made.
        rules: What this machine asks of versions.
        published: When, RFC 3339.
    """

    registry: Registry
    mounts: Mapping[Digest, str]
    key: SigningKey | None
    rules: Rules
    published: str


def plan_of(contents: Contents, reason: str, given: Conditions, *, unchanged: bool = False) -> Plan:
    """Return what publishing `contents` would do."""
    # A key for once: signatures are as long, and nothing is written.
    signing = given.key or SigningKey.generate()
    release = contents.release(given.published)
    attached = attachments(contents, release, signing)
    layers, size = foresee(given.registry, contents, attached, given.mounts)
    name = contents.reference.name
    rule = given.rules.of(contents.reference.host, name)
    making = contents.making
    provenance = contents.provenance(given.published)
    source = making.source if making else Source(None)
    return Plan(
        name=name,
        version=contents.reference.tag,
        reason=reason,
        reference=str(contents.reference),
        digest=str(Digest.of(contents.index())),
        images=release.images,
        layers=layers,
        bytes_to_send=0 if unchanged else size,
        statements=() if unchanged else statements_of(attached),
        key=given.key.public.id if given.key else "",
        source=source.line,
        uncommitted=source.uncommitted,
        policy=rule != Rule(),
        objection=rule.objection(provenance, release.unsafe),
        unchanged=unchanged,
    )


def statements_of(attached: Sequence[Attachment]) -> tuple[AttachedReport, ...]:
    """Return what was attached to what."""
    return tuple(AttachedReport(item.kind, str(item.subject.digest)) for item in attached)
