"""Use a version: find it, verify it, bring it here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from algo.events import Note, Step, Warned
from algo.oci import media_types
from algo.oci.manifest import ImageManifest, decode
from algo.publish.find import find
from algo.publish.repository import RegistryRepository
from algo.registry.errors import VersionExists
from algo.trust.errors import SignatureForeign
from algo.trust.skip import record, unverified
from algo.trust.verify import check_blobs, check_history, verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from algo.events import Notify
    from algo.oci.descriptor import Descriptor
    from algo.oci.digest import Digest
    from algo.oci.reference import Reference
    from algo.registry.interface import Registry
    from algo.trust.keyring import Keyring
    from algo.trust.keys import PublicKey
    from algo.trust.pins import Pins
    from algo.trust.policy import Policy
    from algo.trust.verify import Asked, Verified


@dataclass(frozen=True, slots=True)
class Consuming:
    """What versions are used with.

    Args:
        open: Opens the registry of a host, the embedded store for an empty one.
        keyring: The keys that are trusted.
        pins: What versions were when they were seen first.
        ask: Asks whether a key is trusted from now on; None where nobody can be asked.
        skip: Use versions without verifying them.
        log: Where a version that was used without is recorded.
        now: The time of that.
        policy: The keys to accept in place of the keyring's.
    """

    open: Callable[[str], Registry]
    keyring: Keyring
    pins: Pins
    ask: Callable[[str], bool] | None
    skip: bool
    log: Path
    now: datetime
    policy: Policy | None = None


@dataclass(frozen=True, slots=True)
class Examined:
    """A version that was found and verified, and where."""

    repository: RegistryRepository
    asked: Asked
    verified: Verified


@dataclass(frozen=True, slots=True)
class Verification:
    """What `algo verify` found; `bytes_checked` were read and compared with their digests."""

    verified: bool
    name: str
    version: str
    reference: str
    digest: str
    images: dict[str, str]
    signer: str
    key: str
    published: str
    bytes_checked: int
    history: int


@dataclass(frozen=True, slots=True)
class Pulled:
    """A version that is in the embedded store now; `reference` is its name there."""

    name: str
    version: str
    reference: str
    digest: str
    source: str
    images: dict[str, str]
    signer: str
    bytes_received: int


def examine(reference: Reference, tools: Consuming, *, notify: Notify) -> Examined:
    """Find the version that `reference` means and verify its signatures and its name.

    Raises:
        NotFound: There is none.
        VersionReplaced: It was another one when this machine saw it first.
        AlgoError: As `trust.verify.verify`.
    """
    repository = RegistryRepository(tools.open(reference.host), reference.repository)
    asked = find(repository, reference)
    if tools.skip:
        notify(Warned(f"{repository.place}@{asked.digest} is used without being verified"))
        record(tools.log, repository.place, asked, tools.now)
        return Examined(repository, asked, unverified(repository, asked))
    if asked.version:
        tools.pins.check(repository.place, asked.version, asked.digest)
    try:
        verified = verify(repository, asked, _policy(tools))
    except SignatureForeign as error:
        if error.key is None or tools.ask is None:
            raise
        _meet(error.key, asked, tools, notify)
        verified = verify(repository, asked, _policy(tools))
    if asked.version:
        tools.pins.keep(repository.place, asked.version, asked.digest)
    return Examined(repository, asked, verified)


def verify_version(reference: Reference, tools: Consuming, *, notify: Notify) -> Verification:
    """Verify a version whole: signatures, name, every byte, and the history of its name.

    Raises:
        AlgoError: As `examine`; BlobCorrupted, BlobMissing, HistoryBroken.
    """
    found = examine(reference, tools, notify=notify)
    verified, signer = found.verified, found.verified.signer
    assert signer is not None
    checked = check_blobs(found.repository, verified, notify=notify)
    history = check_history(found.repository, verified, _policy(tools))
    return Verification(
        verified=True,
        name=verified.release.name,
        version=verified.release.version,
        reference=f"{found.repository.place}:{verified.release.version}",
        digest=str(verified.digest),
        images=verified.release.images,
        signer=signer.label or signer.key.short,
        key=signer.key.id,
        published=verified.release.published,
        bytes_checked=checked,
        history=history,
    )


def pull(reference: Reference, tools: Consuming, *, notify: Notify) -> Pulled:
    """Verify a version and copy it, with all that is attached, into the embedded store.

    Every byte is checked. It is there under its version only when it was asked for by one.

    Raises:
        AlgoError: As `examine`; BlobCorrupted, BlobMissing.
        VersionExists: The store has another version of this name and number.
    """
    found = examine(reference, tools, notify=notify)
    asked, verified = found.asked, found.verified
    store = tools.open("")
    _refuse_other(store, asked)
    received = 0
    if found.repository.registry.address:
        received = _copy(found, store, notify)
    elif not tools.skip:
        check_blobs(found.repository, verified, notify=notify)
    if asked.version and store.resolve(asked.name, asked.version) is None:
        index = found.repository.manifest(asked.digest)
        store.tag(asked.name, asked.version, index, media_types.INDEX)
    signer = verified.signer
    tag = f":{asked.version}" if asked.version else f"@{asked.digest}"
    return Pulled(
        name=asked.name,
        version=asked.version or verified.release.version,
        reference=f"{asked.name}{tag}",
        digest=str(asked.digest),
        source=f"{found.repository.place}@{asked.digest}",
        images={image.platform: str(image.digest) for image in verified.images},
        signer=(signer.label or signer.key.short) if signer else "",
        bytes_received=received,
    )


def _policy(tools: Consuming) -> Policy:
    return tools.policy or tools.keyring.policy()


def _meet(key: PublicKey, asked: Asked, tools: Consuming, notify: Notify) -> None:
    """Ask whether to trust a key that was never seen; the answer is kept for the owner.

    Raises:
        SignatureForeign: The answer is no.
    """
    owner = asked.name.split("/", 1)[0]
    assert tools.ask is not None
    question = f"{asked.name} is signed with the unknown key {key.id}. Trust it for {owner}?"
    if not tools.ask(question):
        raise SignatureForeign(f"the key {key.short} was not accepted", key)
    tools.keyring.trust(key, f"accepted for {asked.name}", owner)
    notify(Note(f"trusting {key.short} for {owner} (algo keys revoke {key.short} undoes it)"))


def _refuse_other(store: Registry, asked: Asked) -> None:
    there = store.resolve(asked.name, asked.version) if asked.version else None
    if there is not None and there.digest != asked.digest:
        error = VersionExists(
            f"the embedded store has another {asked.name}:{asked.version}: {there.digest}"
        )
        error.hint = f"pull it by digest: @{asked.digest}"
        raise error


def _copy(found: Examined, store: Registry, notify: Notify) -> int:
    """Copy images, index and everything attached; return how many bytes came in."""
    name, received = found.asked.name, 0
    for image in found.verified.images:
        notify(Step(f"Pulling the image for {image.platform}"))
        received += _copy_manifest(found, store, name, image.digest, notify)
    index = found.repository.manifest(found.asked.digest)
    store.push_manifest(name, index, media_types.INDEX)
    for subject in (*(image.digest for image in found.verified.images), found.asked.digest):
        for referrer in found.repository.referrers(subject):
            received += _copy_manifest(found, store, name, referrer.digest, notify)
    return received


def _copy_manifest(
    found: Examined, store: Registry, name: str, digest: Digest, notify: Notify
) -> int:
    data = found.repository.manifest(digest)
    manifest = decode(data, ImageManifest)
    received = 0
    for document in (manifest.config, *manifest.layers):
        received += _copy_blob(found, store, name, document.value(), notify)
    store.push_manifest(name, data, manifest.media_type or media_types.MANIFEST)
    return received


def _copy_blob(
    found: Examined, store: Registry, name: str, descriptor: Descriptor, notify: Notify
) -> int:
    moved = store.push_blob(
        name, descriptor, lambda: found.repository.blob(descriptor), notify=notify
    )
    if moved.how == "reused":
        # It was here before: what lies on the disk is read, like everything that comes in.
        for _ in store.open_blob(name, descriptor):
            pass
    return moved.bytes_sent
