"""Read every statement attached to a digest, and judge who signed it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from algo.oci.errors import BadDigest, BadDocument
from algo.oci.manifest import MAX_MANIFEST, ImageManifest, decode
from algo.trust.attachment import PREDICATE, PUBLIC_KEY
from algo.trust.bundle import PREFIX, Bundle, read_bundle
from algo.trust.errors import (
    BlobMissing,
    KeyInvalid,
    KeyRevoked,
    SignatureForeign,
    SignatureInvalid,
    SignatureMissing,
)
from algo.trust.keys import PublicKey
from algo.trust.statements import Statement, read_statement
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from algo.oci.descriptor import Descriptor
    from algo.oci.digest import Digest
    from algo.trust.interface import Repository
    from algo.trust.policy import Policy, TrustedKey

# The artifact types of what is attached without a signature of its own: lock, contract.
_DOCUMENTS = "application/vnd.algo."


class Standing(StrEnum):
    """What a signature is worth here, the best first."""

    TRUSTED = "trusted"
    REVOKED = "revoked"
    INVALID = "invalid"
    FOREIGN = "foreign"


class Evidence(Value, frozen=True):
    """One signed statement about a digest.

    Args:
        statement: What is said.
        payload: Its bytes, as they were signed.
        standing: What the signature is worth here.
        signer: The trusted key that made it, None for any other standing.
        key: The signer's public key where it was attached and the signature is its own.
        hint: The id of the key that the bundle names.
    """

    statement: Statement
    payload: bytes
    standing: Standing
    signer: TrustedKey | None
    key: PublicKey | None
    hint: str


def collect(
    repository: Repository, subject: Digest, policy: Policy, name: str, *, kind: str = ""
) -> tuple[Evidence, ...]:
    """Return all statements that are attached to `subject`, of any type and signer.

    What is no bundle, or cannot be read, is none: whoever may write to the repository may
    attach anything, and that must not keep a good signature from counting.

    Args:
        repository: Where to look.
        subject: A manifest or index.
        policy: The accepted keys.
        name: The `owner/name` that the keys must be accepted for.
        kind: Read only what calls itself a statement of this predicate type.
    """
    found: list[Evidence] = []
    for descriptor in repository.referrers(subject):
        if kind and not _may_be(descriptor, kind):
            continue
        try:
            evidence = _read(repository, descriptor.digest, subject, policy, name, kind)
        except (BadDocument, BadDigest, BlobMissing):
            continue
        if evidence is not None:
            found.append(evidence)
    return tuple(found)


def _may_be(descriptor: Descriptor, kind: str) -> bool:
    """Tell whether a referrer may be a statement of `kind`, by what its list says, if it does."""
    document = descriptor.artifact_type.startswith(_DOCUMENTS)
    return not document and descriptor.annotations.get(PREDICATE, kind) == kind


def require(
    found: Sequence[Evidence], predicate_type: str, subject: Digest, what: str
) -> tuple[Evidence, ...]:
    """Return the trusted statements of `predicate_type` about `subject`, at least one.

    Args:
        found: What is attached to `subject`.
        predicate_type: The kind of statement that must be there.
        subject: The digest it must speak of.
        what: How to call the subject in an error.

    Raises:
        SignatureMissing: No such statement is attached.
        KeyRevoked: Only such by a revoked key.
        SignatureInvalid: One names a trusted key and does not hold, or is of another digest.
        SignatureForeign: Only such by keys that are not trusted.
    """
    of_kind = [item for item in found if item.statement.predicate_type == predicate_type]
    good = tuple(
        item
        for item in of_kind
        if item.standing is Standing.TRUSTED and item.statement.speaks_of(subject)
    )
    if good:
        return good
    if not found:
        # What copies an image by its tag alone leaves this behind.
        raise SignatureMissing(
            f"{what} has nothing attached to it, no signature either",
            hint="if it was copied, copy what is attached, too: oras cp -r SOURCE TARGET; else ask "
            "the publisher to publish it with algo",
        )
    if not of_kind:
        raise SignatureMissing(f"{what} carries no statement {predicate_type}")
    by_standing = {item.standing: item for item in reversed(of_kind)}
    if Standing.REVOKED in by_standing:
        key = by_standing[Standing.REVOKED].hint[:16]
        raise KeyRevoked(f"{what} is signed with the revoked key {key}")
    if Standing.INVALID in by_standing or Standing.TRUSTED in by_standing:
        raise SignatureInvalid(f"the signature on {what} does not hold for it")
    foreign = by_standing[Standing.FOREIGN]
    key = foreign.key.short if foreign.key else foreign.hint[:16]
    raise SignatureForeign(f"{what} is signed with a key that is not trusted: {key}", foreign.key)


def _read(
    repository: Repository,
    digest: Digest,
    subject: Digest,
    policy: Policy,
    name: str,
    kind: str,
) -> Evidence | None:
    manifest = decode(repository.manifest(digest), ImageManifest)
    if kind and manifest.annotations.get(PREDICATE) != kind:
        return None
    if manifest.subject is None or manifest.subject.value().digest != subject:
        return None
    if len(manifest.layers) != 1 or not manifest.layers[0].media_type.startswith(PREFIX):
        return None
    layer = manifest.layers[0].value()
    if layer.size > MAX_MANIFEST:
        return None
    bundle = read_bundle(b"".join(repository.blob(layer)))
    statement = read_statement(bundle.payload)
    attached = _attached(manifest.annotations.get(PUBLIC_KEY, ""), bundle)
    signer = next((key for key in policy.keys_for(name) if bundle.signed_by(key.key)), None)
    hint = attached.id if attached else bundle.hint
    standing = _standing(signer, hint, policy, name)
    return Evidence(statement, bundle.payload, standing, signer, attached, hint)


def _standing(signer: TrustedKey | None, hint: str, policy: Policy, name: str) -> Standing:
    if signer is not None:
        return Standing.TRUSTED
    if hint in policy.revoked:
        return Standing.REVOKED
    if any(key.key.id == hint for key in policy.keys_for(name)):
        return Standing.INVALID
    return Standing.FOREIGN


def _attached(pem: str, bundle: Bundle) -> PublicKey | None:
    """Return the attached key when the bundle is really signed with it."""
    if not pem:
        return None
    try:
        key = PublicKey.parse(pem)
    except KeyInvalid:
        return None
    return key if bundle.signed_by(key) else None
