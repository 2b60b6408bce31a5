"""Take a published version back: say, signed, that it is not to be used any more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from algo.errors import UsageError
from algo.events import Step, Warned
from algo.oci import media_types
from algo.oci.descriptor import Descriptor
from algo.publish.find import find
from algo.publish.repository import RegistryRepository
from algo.trust.attachment import attach_statement
from algo.trust.errors import KeyMissing
from algo.trust.policy import NO_RULES, Policy
from algo.trust.verify import verify
from algo.trust.yanks import FORM, YANK, Yank, newest, time_of, yank_statement
from algo.values import Value
from algo.versions.version import versions_in

if TYPE_CHECKING:
    from algo.events import Notify
    from algo.oci.reference import Reference
    from algo.publish.consume import Consuming
    from algo.trust.verify import Verified

LONGEST = 500
_TICK = timedelta(microseconds=1)


class Yanked(Value, frozen=True):
    """What is said of a version now; `unchanged` when it was said before."""

    name: str
    version: str
    reference: str
    digest: str
    yanked: bool
    reason: str
    key: str
    unchanged: bool


def yank_version(
    reference: Reference, reason: str, tools: Consuming, *, undo: bool = False, notify: Notify
) -> Yanked:
    """Mark one version as not to be used any more, or with `undo` as usable again.

    The version, its tag and its digest stay as they are; the mark is attached to it like a
    signature.

    Raises:
        UsageError: No reason, or not one version.
        NotFound: There is no such version.
        KeyMissing: There is no key to sign with.
        AlgoError: As `trust.verify.verify` and the registry do.
    """
    reason = "" if undo else reason.strip()
    if not undo and not (reason.isprintable() and 0 < len(reason) <= LONGEST):
        raise UsageError(
            f"whoever is refused a version wants to know why, in a line of up to {LONGEST} letters",
            hint=f'algo yank {reference} --reason "answers wrongly for empty images"',
        )
    if reference.digest is None and not versions_in([reference.tag]):
        raise UsageError(
            f"{reference} is not one version",
            hint=f"algo versions {replace(reference, tag='', digest=None)}",
        )
    key = tools.keyring.signing_key()
    if key is None:
        raise KeyMissing(
            "there is no key to sign with",
            hint="algo keys import FILE brings the key that it was published with",
        )
    policy = tools.accepted()
    registry = tools.open(reference.host)
    repository = RegistryRepository(registry, reference.repository)
    asked = find(repository, reference, policy)
    # What trust.toml asks for is no reason to keep a version from being taken back.
    verified = verify(repository, asked, Policy(policy.accepted, policy.revoked, NO_RULES))
    version = verified.release.version
    last = newest(repository, asked.digest, policy, asked.name)
    now = (last.yanked, last.reason) if last is not None else (False, "")
    said = Yanked(
        name=asked.name,
        version=version,
        reference=f"{repository.place}:{version}",
        digest=str(asked.digest),
        yanked=not undo,
        reason=reason,
        key=key.public.id,
        unchanged=now == (not undo, reason),
    )
    if said.unchanged:
        return said
    _warn_of_key(verified, key.public.id, notify)
    yank = Yank(asked.name, version, _after(tools.now, last), said.reason, said.yanked)
    data = repository.manifest(asked.digest)
    subject = Descriptor(media_types.INDEX, asked.digest, len(data))
    attached = attach_statement(yank_statement(yank, asked.digest), YANK, subject, key)
    notify(Step("Attaching the mark"))
    for descriptor, content in attached.blobs:
        registry.push_blob(repository.name, descriptor, content, notify=notify)
    registry.attach(repository.name, [attached.manifest])
    return said


def _warn_of_key(verified: Verified, key: str, notify: Notify) -> None:
    signer = verified.signer
    if signer is not None and signer.key.id != key:
        notify(
            Warned(
                f"it was published with the key {signer.key.short}, and this is signed with "
                f"{key[:16]}: only who trusts that one too will see it"
            )
        )


def _after(now: datetime, last: Yank | None) -> str:
    """Return the time of what is said now; it comes after the last, however clocks differ."""
    when = now.astimezone(UTC)
    before = time_of(last) if last is not None else None
    if before is not None and before >= when:
        when = min(before, datetime.max.replace(tzinfo=UTC) - _TICK) + _TICK
    return when.strftime(FORM)
