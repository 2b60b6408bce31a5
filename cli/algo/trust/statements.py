"""in-toto statements: what is signed about a digest (docs/formats.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from algo.oci.errors import BadDocument

if TYPE_CHECKING:
    from collections.abc import Mapping

    from algo.oci.digest import Digest

STATEMENT = "https://in-toto.io/Statement/v1"
_STATEMENTS = {STATEMENT, "https://in-toto.io/Statement/v0.1"}

SIGN = "https://sigstore.dev/cosign/sign/v1"
"""Says no more than `I signed this digest`; `cosign verify` looks for it."""

RELEASE = "https://algo.dev/release/v1"
"""Our release manifest: which name and version a digest is, and what belongs to it."""

PROVENANCE = "https://slsa.dev/provenance/v1"
"""How it came to be: `algo.trust.provenance`."""

SBOM = "https://cyclonedx.org/bom"
"""What it consists of, as CycloneDX."""

MODEL = "https://model_signing/signature/v1.0"
"""Which files a model is, as OpenSSF model signing says it: `algo.trust.models`."""


class Subject(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a statement is about; `digest` by algorithm, hexadecimal."""

    digest: dict[str, str]
    name: str = ""


class Previous(msgspec.Struct, frozen=True):
    """The version that a release came after; `release` is its statement's digest."""

    version: str
    release: str


class Weights(msgspec.Struct, frozen=True, omit_defaults=True):
    """A model of a release.

    Args:
        path: Where it lies in the project.
        digest: The digest of its files, as its own signature has it; empty when it has none.
        size: The bytes of all files.
        unsafe: The files that run code when they are loaded, each with what it does.
    """

    path: str
    digest: str = ""
    size: int = 0
    unsafe: tuple[str, ...] = ()


class Release(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The record of a release.

    Args:
        name: `owner/name` that it was published under.
        version: The semantic version.
        images: The digest of each image by platform.
        published: When, RFC 3339.
        lock: The digest of `algo.lock`, empty when there is none.
        contract: The digest of the contract, empty when there is none.
        models: The digest of each layer of a model, by the layer's name.
        weights: What is known of each model, by its name.
        statements: The digests of the other statements that belong to it, by predicate type.
        previous: The highest version at that time, None for the first.
        reason: Why a rule was overridden, empty when none was.
    """

    name: str
    version: str
    images: dict[str, str]
    published: str
    lock: str = ""
    contract: str = ""
    models: dict[str, str] = {}
    weights: dict[str, Weights] = {}
    statements: dict[str, tuple[str, ...]] = {}
    previous: Previous | None = None
    reason: str = ""

    @property
    def unsafe(self) -> tuple[str, ...]:
        """The files of models that run code when they are loaded, each with what it does."""
        return tuple(said for model in self.weights.values() for said in model.unsafe)


class Statement(msgspec.Struct, frozen=True):
    """A statement as it was read; `predicate` stays JSON until its type is known."""

    subjects: tuple[Subject, ...]
    predicate_type: str
    predicate: msgspec.Raw

    def speaks_of(self, digest: Digest) -> bool:
        """Tell whether `digest` is one of the subjects."""
        return any(subject.digest.get("sha256") == digest.hex for subject in self.subjects)


class _Document(msgspec.Struct, rename={"type": "_type", "predicate_type": "predicateType"}):
    type: str
    subject: tuple[Subject, ...]
    predicate_type: str
    predicate: msgspec.Raw


_Predicate = TypeVar("_Predicate", bound=msgspec.Struct)


def sign_statement(digest: Digest) -> bytes:
    """Return cosign's statement that `digest` is signed: the same bytes as cosign's own form."""
    subject = msgspec.Raw(f'{{"digest":{{"sha256":"{digest.hex}"}},"annotations":{{}}}}'.encode())
    return msgspec.json.encode(
        {"_type": STATEMENT, "subject": [subject], "predicateType": SIGN, "predicate": {}}
    )


def release_statement(release: Release, index: Digest) -> bytes:
    """Return the statement that `index` is `release`."""
    predicate = msgspec.json.encode(release, order="deterministic")
    return make_statement(RELEASE, predicate, {index: release.name})


def make_statement(predicate_type: str, predicate: bytes, subjects: Mapping[Digest, str]) -> bytes:
    """Return a statement.

    Args:
        predicate_type: The URI of what is said.
        predicate: It, as JSON.
        subjects: What it is said of, each with a name, which may be empty.
    """
    document = _Document(
        type=STATEMENT,
        subject=tuple(Subject({"sha256": digest.hex}, name) for digest, name in subjects.items()),
        predicate_type=predicate_type,
        predicate=msgspec.Raw(predicate),
    )
    return msgspec.json.encode(document)


def read_statement(payload: bytes) -> Statement:
    """Read a statement.

    Raises:
        BadDocument: It is none.
    """
    document = _decode(payload, _Document)
    if document.type not in _STATEMENTS:
        raise BadDocument(f"{document.type[:100]!r} is not an in-toto statement")
    return Statement(document.subject, document.predicate_type, document.predicate)


def read_release(statement: Statement) -> Release:
    """Read the predicate of a release statement.

    Raises:
        BadDocument: It is none.
    """
    return _decode(bytes(statement.predicate), Release)


def _decode(data: bytes, kind: type[_Predicate]) -> _Predicate:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise BadDocument(f"the statement cannot be read: {error}") from error
