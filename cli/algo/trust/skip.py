"""What a version says of itself when nobody checks it: `--insecure-skip-verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.oci.digest import Digest
from algo.oci.errors import BadDocument
from algo.oci.manifest import ImageManifest, Index, decode
from algo.trust.evidence import collect
from algo.trust.policy import Policy
from algo.trust.statements import RELEASE, Release, read_release
from algo.trust.verify import Verified, VerifiedImage, find_documents

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from algo.trust.interface import Repository
    from algo.trust.verify import Asked


def unverified(repository: Repository, asked: Asked) -> Verified:
    """Return the version as it is; its `signer` is None and nothing it says is proven."""
    index = decode(repository.manifest(asked.digest), Index)
    images = []
    for document in index.manifests:
        descriptor = document.value()
        manifest = decode(repository.manifest(descriptor.digest), ImageManifest)
        images.append(VerifiedImage(str(descriptor.platform), descriptor.digest, manifest))
    payload, release = _said(repository, asked)
    return Verified(
        release=release,
        release_digest=Digest.of(payload),
        digest=asked.digest,
        images=tuple(images),
        signer=None,
        documents=find_documents(repository, release, asked.digest),
    )


def record(log: Path, place: str, asked: Asked, now: datetime) -> None:
    """Append to `log` that this version was used without being verified."""
    log.parent.mkdir(parents=True, exist_ok=True)
    line = f"{now.isoformat(timespec='seconds')} {place} {asked.version or '-'} {asked.digest}\n"
    with log.open("a", encoding="utf-8") as file:
        file.write(line)


def _said(repository: Repository, asked: Asked) -> tuple[bytes, Release]:
    nobody = Policy((), frozenset())
    for evidence in collect(repository, asked.digest, nobody, asked.name):
        if evidence.statement.predicate_type != RELEASE:
            continue
        try:
            return evidence.payload, read_release(evidence.statement)
        except BadDocument:
            continue
    return b"", Release(asked.name, asked.version, {}, "")
