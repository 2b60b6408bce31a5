"""What makes a key unusable or a version untrusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.errors import FAILED, NOT_ALLOWED, USAGE, AlgoError

if TYPE_CHECKING:
    from algo.trust.keys import PublicKey


class KeyInvalid(AlgoError):
    """A file or variable holds no key of a kind that every verifier takes."""

    code = "key_invalid"
    exit_code = USAGE
    hint = "give an EC P-256 key as PEM: algo keys create makes one"


class KeyLocked(AlgoError):
    """The signing key is encrypted and the passphrase is missing or wrong."""

    code = "key_locked"
    exit_code = NOT_ALLOWED
    hint = "set ALGO_SIGNING_PASSWORD to the key's passphrase"


class KeyMissing(AlgoError):
    """There is no key of the name or id asked for."""

    code = "key_missing"
    exit_code = FAILED
    hint = "algo keys list"


class KeyExists(AlgoError):
    """A key of this name is there, and it is not overwritten."""

    code = "key_exists"
    exit_code = FAILED
    hint = "give it another name: algo keys create NAME"


class KeyRevoked(AlgoError):
    """The key is revoked: it signs nothing, and what it signed is refused."""

    code = "key_revoked"
    exit_code = NOT_ALLOWED
    hint = "ask the publisher for a version signed with a valid key; algo keys list"


class SignatureMissing(AlgoError):
    """A version, or one of its images, carries no signature or no release manifest."""

    code = "signature_missing"
    exit_code = NOT_ALLOWED
    hint = "ask the publisher to publish it with algo; algo inspect shows what is attached"


class SignatureForeign(AlgoError):
    """It is signed, but by no key that is trusted here; `key` is the signer's, where attached."""

    code = "signature_foreign"
    exit_code = NOT_ALLOWED
    hint = "get the publisher's public key on a way you trust, then: algo keys trust FILE"

    def __init__(self, message: str, key: PublicKey | None = None) -> None:
        super().__init__(message)
        self.key = key


class SignatureInvalid(AlgoError):
    """A signature names a trusted key and does not hold, or speaks of something else."""

    code = "signature_invalid"
    exit_code = NOT_ALLOWED
    hint = "somebody changed it: do not use this version, and tell its publisher"


class TagMoved(AlgoError):
    """The tag leads to something that was released under another name or version."""

    code = "tag_moved"
    exit_code = NOT_ALLOWED
    hint = "use the digest that was published: owner/name@sha256:…"


class VersionReplaced(AlgoError):
    """The version led to another digest when this machine saw it first."""

    code = "version_replaced"
    exit_code = NOT_ALLOWED
    hint = "published versions never change: ask the publisher; the digest seen first still works"


class PinsDamaged(AlgoError):
    """The note of what versions were when this machine saw them first is damaged."""

    code = "pins_damaged"
    exit_code = NOT_ALLOWED


class ReleaseMismatch(AlgoError):
    """The release manifest speaks of other images, or of another lock or contract."""

    code = "release_mismatch"
    exit_code = NOT_ALLOWED
    hint = "somebody changed it: do not use this version, and tell its publisher"


class HistoryBroken(AlgoError):
    """An earlier version is not the one that the later one was released after."""

    code = "history_broken"
    exit_code = NOT_ALLOWED
    hint = "an earlier version was replaced or removed: ask the publisher"


class BlobMissing(AlgoError):
    """Something that belongs to the version is not in the registry."""

    code = "blob_missing"
    exit_code = NOT_ALLOWED
    hint = "do not use this copy; take the version from another registry, or tell its publisher"


class NotAVersion(AlgoError):
    """The digest is not that of a published version but of something inside one."""

    code = "not_a_version"
    exit_code = NOT_ALLOWED
    hint = "give the version, or the digest that algo publish printed"


class TrustInvalid(AlgoError):
    """`trust.toml` cannot be read, and nobody knows what to trust."""

    code = "trust_invalid"
    exit_code = USAGE
    hint = "correct it: docs/reference.md, Trust, has what it may say"


class PolicyRefused(AlgoError):
    """A version is signed, and is not what `trust.toml` asks for."""

    code = "policy_refused"
    exit_code = NOT_ALLOWED
    hint = "algo inspect shows what it was made from; trust.toml says what is asked of it"


class VersionYanked(AlgoError):
    """The publisher of a version says that it is not to be used any more."""

    code = "version_yanked"
    exit_code = NOT_ALLOWED
    hint = "take another one: algo versions shows which"
