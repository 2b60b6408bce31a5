"""A version as one file, for sites that reach no registry: written here, read there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from algo.events import Step
from algo.oci.digest import HashingWriter
from algo.oci.manifest import Index, decode
from algo.publish.consume import copy_to, examine, examine_in, refuse_yanked
from algo.publish.destination import place_of
from algo.publish.errors import BadDestination
from algo.publish.repository import RegistryRepository
from algo.registry.archive import Archive
from algo.registry.archive_writer import beside, write_archive
from algo.registry.copy import gather
from algo.registry.errors import NotAnArchive, NotFound, VersionExists
from algo.resources import writing
from algo.trust.attachment import TITLE
from algo.trust.errors import BlobMissing
from algo.trust.verify import Asked
from algo.values import Value
from algo.versions.version import versions_in

if TYPE_CHECKING:
    from pathlib import Path

    from algo.events import Notify
    from algo.oci.reference import Reference
    from algo.publish.consume import Consuming, Examined


class Exported(Value, frozen=True):
    """A version in a file; `sha256` and `size` (in bytes) are the file's."""

    name: str
    version: str
    digest: str
    source: str
    file: str
    size: int
    sha256: str
    images: dict[str, str]
    attached: int
    signer: str


class Imported(Value, frozen=True):
    """A version that came out of a file; `reference` is where it is now."""

    name: str
    version: str
    reference: str
    digest: str
    source: str
    images: dict[str, str]
    signer: str
    bytes_written: int


def export_version(
    reference: Reference, place: Path | None, folder: Path, tools: Consuming, *, notify: Notify
) -> Exported:
    """Verify a version and write it, with all that is attached to it, into one file.

    Args:
        reference: The version.
        place: The file; `NAME-VERSION.tar` in `folder` when it is not given.
        folder: Where that is; made when it is not there.
        tools: What it is verified with.
        notify: Gets steps and progress.

    Raises:
        AlgoError: As `examine`; BlobCorrupted, BlobMissing.
    """
    found = examine(reference, tools, notify=notify)
    name, version = found.asked.name, found.asked.version or found.verified.release.version
    target = place or folder / f"{name.rpartition('/')[2]}-{version}.tar"
    target.parent.mkdir(parents=True, exist_ok=True)
    source = found.repository
    notify(Step(f"Writing {name}:{version} to {target.name}"))
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        whole = gather(source.registry, source.name, str(found.asked.digest), notify=notify)
        needed = sum(blob.size for blob in whole.blobs)
        with writing(target.parent, needed), temporary.open("wb") as file:
            counted = HashingWriter(file)
            write_archive(
                counted, source.registry, source.name, whole, name, version, notify=notify
            )
            os.fsync(file.fileno())
        temporary.replace(target)
    except NotFound as error:
        what = f"{source.place}@{found.asked.digest}: {error.message}"
        raise BlobMissing(what, hint=error.mend or None) from error
    finally:
        temporary.unlink(missing_ok=True)
    return Exported(
        name=name,
        version=version,
        digest=str(found.asked.digest),
        source=source.place,
        file=str(target),
        size=counted.size,
        sha256=counted.digest.hex,
        images={image.platform: str(image.digest) for image in found.verified.images},
        attached=sum(one.head.subject is not None for one in whole.manifests),
        signer=_signer(found),
    )


def import_version(path: Path, to: str, tools: Consuming, *, notify: Notify) -> Imported:
    """Read a version from the file at `path`, verify it, and put it into a registry.

    Nothing is written before the whole file was read and the signatures hold. It keeps its
    digest and everything that is attached.

    Args:
        path: The file.
        to: Where it goes, as for `publish`; empty is the embedded store.
        tools: What it is verified with.
        notify: Gets steps and progress.

    Raises:
        NotAnArchive: The file is no exported version.
        UnsafeArchive: It holds what does not belong there.
        BadDestination: It was released under another name than `to` has.
        VersionExists: There is another version of this number.
        AlgoError: As `trust.verify.verify`; BlobCorrupted, BlobMissing.
    """
    notify(Step(f"Reading {path.name}"))
    with Archive(path, notify) as archive:
        version, index = archive.version()
        data, _ = archive.get_manifest("", str(index.digest))
        name = decode(data, Index).annotations.get(TITLE, "")
        if name.count("/") != 1 or not versions_in([version]):
            raise NotAnArchive(f"{path.name} does not say which version it holds")
        target = place_of(to, name)
        if target.name != name:
            what = f"{name} cannot become {target.name}: a version keeps the name it was signed for"
            raise BadDestination(
                what, hint=f"algo import version {path.name} --to {_named(target, name)}"
            )
        registry = tools.open(target.host)
        there = registry.resolve(target.repository, version)
        place = RegistryRepository(registry, target.repository).place
        if there is not None and there.digest != index.digest:
            hint = f"algo inspect {place}:{version}"
            raise VersionExists(f"{place} has another {version}: {there.digest}", hint=hint)
        if not tools.skip:
            tools.pins.check(place, version, index.digest)
        asked = Asked(name, version, index.digest)
        found = examine_in(RegistryRepository(archive, name), asked, tools, notify=notify)
        whole = gather(archive, name, str(index.digest), notify=notify)
        archive.check_beside(beside(whole, name, version))
        if there is None:
            refuse_yanked(found, tools, by_digest=True, notify=notify)
        tag = "" if there else version
        copied = copy_to(found, registry, target.repository, notify, tag=tag)
        if there is not None:
            # The file is how a site learns that what it has was taken back: first it is kept.
            refuse_yanked(found, tools, by_digest=True, notify=notify)
    if not tools.skip:
        tools.pins.keep(place, version, index.digest)
    return Imported(
        name=name,
        version=version,
        reference=f"{place}:{version}",
        digest=str(index.digest),
        source=str(path),
        images={image.platform: str(image.digest) for image in found.verified.images},
        signer=_signer(found),
        bytes_written=copied.bytes_sent,
    )


def _named(target: Reference, name: str) -> str:
    return f"{target.host}/{name}" if target.host else name


def _signer(found: Examined) -> str:
    signer = found.verified.signer
    return (signer.label or signer.key.short) if signer else ""
