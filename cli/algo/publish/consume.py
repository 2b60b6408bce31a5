"""Use a version: find it, verify it, bring it here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from algo.events import Note, Warned
from algo.oci import media_types
from algo.oci.descriptor import Descriptor
from algo.publish.find import find
from algo.publish.repository import RegistryRepository
from algo.publish.weights import SignedWeights
from algo.registry.copy import copy_version
from algo.registry.errors import NotFound
from algo.trust.errors import BlobMissing, SignatureForeign, VersionYanked
from algo.trust.policy import NO_RULES
from algo.trust.skip import record, unverified
from algo.trust.verify import check_blobs, check_history, verify
from algo.trust.yanks import yanked
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from algo.events import Notify
    from algo.oci.digest import Digest
    from algo.oci.reference import Reference
    from algo.publish.taking import TakenModel
    from algo.registry.copy import CopiedVersion
    from algo.registry.interface import Registry
    from algo.trust.keyring import Keyring
    from algo.trust.keys import PublicKey
    from algo.trust.pins import Pins
    from algo.trust.policy import Policy
    from algo.trust.provenance import Provenance
    from algo.trust.rules import Rules
    from algo.trust.verify import Asked, Verified


class Consuming(Value, frozen=True):
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
        rules: What versions must have besides.
    """

    open: Callable[[str], Registry]
    keyring: Keyring
    pins: Pins
    ask: Callable[[str], bool] | None
    skip: bool
    log: Path
    now: datetime
    policy: Policy | None = None
    rules: Rules = NO_RULES

    def accepted(self) -> Policy:
        """Return the keys that are accepted, and the rules."""
        return replace(self.policy or self.keyring.policy(), rules=self.rules)


class Examined(Value, frozen=True):
    """A version that was found and verified, and where."""

    repository: RegistryRepository
    asked: Asked
    verified: Verified


class Verification(Value, frozen=True):
    """What `algo verify` found; `bytes_checked` were read and compared with their digests.

    `models` have a signature of their own, which holds; `history` versions were followed back;
    those before them are at `history_continues`.
    """

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
    models: int
    history: int
    history_continues: str
    provenance: Provenance | None


class Pulled(Value, frozen=True):
    """A version that is in the embedded store now; `reference` is its name there.

    `models` are those that were taken out of it.
    """

    name: str
    version: str
    reference: str
    digest: str
    source: str
    images: dict[str, str]
    signer: str
    bytes_received: int
    models: tuple[TakenModel, ...] = ()


def examine(reference: Reference, tools: Consuming, *, notify: Notify) -> Examined:
    """Find the version that `reference` means and verify its signatures and its name.

    Raises:
        NotFound: There is none.
        VersionReplaced: It was another one when this machine saw it first.
        VersionYanked: It is, and was not asked for by its digest.
        AlgoError: As `trust.verify.verify`.
    """
    repository = RegistryRepository(tools.open(reference.host), reference.repository)
    asked = find(repository, reference, tools.accepted())
    if asked.version and not tools.skip:
        tools.pins.check(repository.place, asked.version, asked.digest)
    found = examine_in(repository, asked, tools, notify=notify)
    refuse_yanked(found, tools, by_digest=reference.digest is not None, notify=notify)
    if asked.version and not tools.skip:
        tools.pins.keep(repository.place, asked.version, asked.digest)
    return found


def examine_in(
    repository: RegistryRepository, asked: Asked, tools: Consuming, *, notify: Notify
) -> Examined:
    """Verify a version that was found, by keys that are trusted or that somebody accepts now.

    Raises:
        AlgoError: As `trust.verify.verify`.
    """
    if tools.skip:
        notify(Warned(f"{repository.place}@{asked.digest} is used without being verified"))
        record(tools.log, repository.place, asked, tools.now)
        return Examined(repository, asked, unverified(repository, asked))
    try:
        verified = verify(repository, asked, tools.accepted())
    except SignatureForeign as error:
        if error.key is None or tools.ask is None:
            raise
        _meet(error.key, asked, tools, notify)
        verified = verify(repository, asked, tools.accepted())
    rule = tools.accepted().rules.of(repository.registry.address, asked.name)
    if rule.unsafe_models == "warn":
        for unsafe in verified.release.unsafe:
            notify(Warned(f"{asked.name}: its model {unsafe}"))
    return Examined(repository, asked, verified)


def refuse_yanked(found: Examined, tools: Consuming, *, by_digest: bool, notify: Notify) -> None:
    """Refuse a version that is yanked, or warn of it, as trust.toml has it.

    Raises:
        VersionYanked: It is refused.
    """
    asked, place, policy = found.asked, found.repository.place, tools.accepted()
    yank = yanked(found.repository, asked.digest, policy, asked.name)
    if yank is None:
        return
    rule = policy.rules.of(found.repository.registry.address, asked.name)
    becomes = rule.on_yanked(by_digest=by_digest)
    what = f"{place}:{yank.version} is yanked: {yank.reason}"
    if becomes == "refuse" and not tools.skip:
        also = "" if by_digest else f"; what must go on with it names {place}@{asked.digest}"
        raise VersionYanked(what, hint=f"algo versions {place} shows others{also}")
    if becomes != "allow":
        notify(Warned(what))


def verify_version(reference: Reference, tools: Consuming, *, notify: Notify) -> Verification:
    """Verify a version whole: signatures, name, every byte, and the history of its name.

    Raises:
        AlgoError: As `examine`; BlobCorrupted, BlobMissing, HistoryBroken.
    """
    found = examine(reference, tools, notify=notify)
    verified, signer = found.verified, found.verified.signer
    assert signer is not None
    weights = SignedWeights(found.repository, verified)
    checked = check_blobs(found.repository, verified, weights.read, notify=notify)
    place = found.repository.place

    def elsewhere(version: str, digest: Digest) -> str:
        return (
            ""
            if found.repository.registry.address
            else tools.pins.elsewhere(place, version, digest)
        )

    history = check_history(found.repository, verified, tools.accepted(), elsewhere)
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
        models=weights.finish(),
        history=history.count,
        history_continues=history.rest,
        provenance=verified.provenance,
    )


def pull(reference: Reference, tools: Consuming, *, notify: Notify) -> Pulled:
    """Verify a version and copy it, with all that is attached, into the embedded store.

    Every byte is checked. It is there under its version when it was asked for by one, and the
    store has no other version of this number.

    Raises:
        AlgoError: As `examine`; BlobCorrupted, BlobMissing.
    """
    return bring(examine(reference, tools, notify=notify), tools, notify=notify)


def bring(found: Examined, tools: Consuming, *, read: bool = True, notify: Notify) -> Pulled:
    """Copy a version that was verified into the embedded store; see `pull`.

    Without `read`, what is there already is left to whoever uses it to read.
    """
    asked, verified = found.asked, found.verified
    store = tools.open("")
    received = 0
    if found.repository.registry.address:
        received = copy_to(found, store, asked.name, notify, read=read).bytes_sent
        # The versions before it are known to be there.
        tools.pins.keep(found.repository.place, verified.release.version, asked.digest)
    elif not tools.skip:
        check_blobs(found.repository, verified, notify=notify)
    signer = verified.signer
    return Pulled(
        name=asked.name,
        version=asked.version or verified.release.version,
        reference=_name(found, store, notify),
        digest=str(asked.digest),
        source=f"{found.repository.place}@{asked.digest}",
        images={image.platform: str(image.digest) for image in verified.images},
        signer=(signer.label or signer.key.short) if signer else "",
        bytes_received=received,
    )


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


def copy_to(
    found: Examined,
    target: Registry,
    repository: str,
    notify: Notify,
    *,
    tag: str = "",
    read: bool = True,
) -> CopiedVersion:
    """Copy a version with all that is attached, and `read` what a disk had of it already.

    Raises:
        BlobMissing: A part is not there.
        BlobCorrupted: A part is not what its digest says.
        VersionExists: The target has the tag.
    """
    asked, source = found.asked, found.repository
    try:
        copied = copy_version(
            source.registry,
            source.name,
            str(asked.digest),
            target,
            repository,
            tag=tag,
            notify=notify,
        )
    except NotFound as error:
        raise BlobMissing(
            f"{source.place}@{asked.digest}: {error.message}", hint=error.mend or None
        ) from error
    for transfer in copied.transfers:
        if read and transfer.how == "reused" and not target.address:
            # It was here before: what lies on the disk is read, like everything that comes in.
            descriptor = Descriptor("", transfer.digest, transfer.size)
            for _ in target.open_blob(repository, descriptor):
                pass
    return copied


def _name(found: Examined, store: Registry, notify: Notify) -> str:
    """Put the version's tag on what was copied, and return how the store calls it."""
    asked = found.asked
    by_digest = f"{asked.name}@{asked.digest}"
    if not asked.version:
        return by_digest
    there = store.resolve(asked.name, asked.version)
    if there is None:
        index = found.repository.manifest(asked.digest)
        store.tag(asked.name, asked.version, index, media_types.INDEX)
    elif there.digest != asked.digest:
        notify(
            Note(
                f"the embedded store has another {asked.name}:{asked.version}, which stays; "
                f"this one is {by_digest}"
            )
        )
        return by_digest
    return f"{asked.name}:{asked.version}"
