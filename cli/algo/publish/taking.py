"""Take the models of a pulled version out of it, each with the signature that it has of its own."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from algo.errors import OutputInvalid
from algo.images.image import LayerKind
from algo.oci.errors import BadDocument
from algo.oci.manifest import MAX_MANIFEST, ImageManifest, decode
from algo.oci.reference import Reference
from algo.publish.consume import examine
from algo.publish.contents import built_from
from algo.publish.errors import NoModels
from algo.publish.unpack import unpack_below
from algo.trust.bundle import PREFIX, read_bundle
from algo.trust.errors import BlobMissing
from algo.trust.models import read_model
from algo.trust.statements import MODEL, read_statement
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from algo.events import Notify
    from algo.oci.descriptor import Platform
    from algo.oci.digest import Digest
    from algo.publish.consume import Consuming, Examined, Pulled
    from algo.trust.interface import Repository

SUFFIX = ".sig"


class TakenModel(Value, frozen=True):
    """A model in a folder; `signature` is the file that `model_signing verify` wants, or empty."""

    name: str
    path: str
    signature: str


def take_models(
    pulled: Pulled,
    tools: Consuming,
    layout: Callable[[str], Path],
    platform: Platform,
    folder: Path,
    *,
    notify: Notify,
) -> tuple[TakenModel, ...]:
    """Write the models of a version in the embedded store below `folder`, at their own paths.

    Args:
        pulled: The version.
        tools: What it is verified with.
        layout: Where the embedded store keeps the files of `owner/name`.
        platform: Whose image to take, where there are several.
        folder: May be there; of the models nothing may be.
        notify: Takes notes.

    Raises:
        NoModels: The version has none.
        OutputInvalid: One of them is there already.
        UnsafeArchive: A layer holds what must not be unpacked.
    """
    reference = Reference.parse(f"{pulled.name}@{pulled.digest}")
    found = examine(reference, tools, notify=notify)
    places = {name: model.path for name, model in found.verified.release.weights.items()}
    if not places:
        raise NoModels(f"{pulled.name}:{pulled.version} has no models, or does not name them")
    for path in places.values():
        for there in (folder / path, folder / f"{path}{SUFFIX}"):
            if there.exists():
                hint = f"algo pull {pulled.reference} --models OTHER_FOLDER"
                raise OutputInvalid(f"{there} is there already", hint=hint)
    image = found.verified.image(str(platform)) or found.verified.images[0]
    blobs = layout(found.asked.name) / "blobs" / "sha256"
    data = found.repository.manifest(image.digest)
    built = built_from(found.asked.name, platform, data, blobs)
    layers = [layer.blob for layer in built.layers if layer.kind is LayerKind.MODEL]
    folder.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".algo-{os.getpid()}-", dir=folder))
    try:
        unpack_below(layers, set(places.values()), scratch / "models")
        return _settled(found, scratch / "models", folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _settled(found: Examined, scratch: Path, folder: Path) -> tuple[TakenModel, ...]:
    """Move the models to their places, signatures beside them."""
    signed = _bundles(found.repository, found.verified.digest)
    taken = []
    for name, model in sorted(found.verified.release.weights.items()):
        place = folder / model.path
        place.parent.mkdir(parents=True, exist_ok=True)
        (scratch / model.path).rename(place)
        bundle = signed.get(model.digest, b"")
        signature = place.with_name(f"{place.name}{SUFFIX}")
        if bundle:
            signature.write_bytes(bundle)
        taken.append(TakenModel(name, str(place), str(signature) if bundle else ""))
    return tuple(taken)


def _bundles(repository: Repository, index: Digest) -> dict[str, bytes]:
    """Return the signature of each model, by the digest of the model."""
    found: dict[str, bytes] = {}
    for referrer in repository.referrers(index):
        try:
            manifest = decode(repository.manifest(referrer.digest), ImageManifest)
            layer = manifest.layers[0].value() if len(manifest.layers) == 1 else None
            if layer is None or not layer.media_type.startswith(PREFIX):
                continue
            if layer.size > MAX_MANIFEST:
                continue
            data = b"".join(repository.blob(layer))
            statement = read_statement(read_bundle(data).payload)
            if statement.predicate_type == MODEL:
                found[str(read_model(statement).digest)] = data
        except (BadDocument, BlobMissing):
            continue
    return found
