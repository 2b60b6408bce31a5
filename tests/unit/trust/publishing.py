"""Publish a tiny version with given keys, for tests of verification."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from algo.events import silent
from algo.oci.reference import Reference
from algo.project.manifest import Algorithm
from algo.publish.push import commit, send
from algo.publish.release import Contents, attachments
from algo.publish.repository import RegistryRepository
from algo.trust.policy import Policy, TrustedKey
from algo.trust.verify import Asked, Verified, verify

from tests.fakes.built import built_image

if TYPE_CHECKING:
    from pathlib import Path

    from algo.oci.descriptor import Descriptor
    from algo.oci.digest import Digest
    from algo.registry.interface import Registry
    from algo.trust.keys import PublicKey, SigningKey
    from algo.trust.statements import Previous

NAME = "acme/digits"
ALGORITHM = Algorithm(name=NAME, language="python", entrypoint="src/digits.py:apply")
WHEN = "2026-11-24T00:00:00Z"


def contents(
    folder: Path,
    version: str = "1.0.0",
    *,
    name: str = NAME,
    code: bytes = b"",
    previous: Previous | None = None,
) -> Contents:
    return Contents(
        reference=Reference("", name, version),
        algorithm=ALGORITHM,
        images=(built_image(folder, code=code),),
        lock=b"version = 1\n",
        contract=b'{"format":1}',
        previous=previous,
    )


@dataclass(frozen=True, slots=True)
class Pushed:
    """What was published."""

    index: Descriptor


def put(registry: Registry, what: Contents, key: SigningKey) -> Pushed:
    """Publish `what` as `algo publish` does, tag last."""
    attached = attachments(what, what.release(WHEN), key)
    send(registry, what, attached, {}, notify=silent)
    return Pushed(commit(registry, what))


def trusting(*keys: PublicKey, revoked: frozenset[str] = frozenset()) -> Policy:
    return Policy(tuple(TrustedKey(key, "a friend") for key in keys), revoked)


def check(
    registry: Registry, digest: Digest, policy: Policy, *, name: str = NAME, version: str = "1.0.0"
) -> Verified:
    return verify(RegistryRepository(registry, name), Asked(name, version, digest), policy)
