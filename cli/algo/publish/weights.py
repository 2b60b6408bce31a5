"""The models of a version: what is signed of them, and whether their layers hold it."""

from __future__ import annotations

import hashlib
import threading
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from algo.events import Warned
from algo.images.config import APP
from algo.images.image import LayerKind
from algo.oci.errors import BadDocument
from algo.oci.manifest import MAX_MANIFEST, ImageConfig, decode
from algo.publish.contents import layer_names
from algo.storage.errors import UnsafeArchive
from algo.storage.pieces import Pieces
from algo.storage.tar import Kind, read_tar
from algo.storage.windows import files_in
from algo.trust.errors import PolicyRefused, ReleaseMismatch
from algo.trust.models import SINGLE, model_statement, read_model, tree_digest
from algo.trust.statements import MODEL, Weights
from algo.trust.verify import drain
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from algo.events import Notify
    from algo.images.image import Layer
    from algo.oci.descriptor import Descriptor
    from algo.oci.digest import Digest
    from algo.project.lock import Lock
    from algo.project.project import Project
    from algo.publish.interface import Images
    from algo.trust.interface import Repository
    from algo.trust.rules import Rule
    from algo.trust.statements import Release
    from algo.trust.verify import Verified


class Model(Value, frozen=True):
    """A model that is published.

    Args:
        name: Its name in `[models]`.
        weights: What the release says of it.
        files: The SHA-256 of each file, in hex, by its path in the model; none when links are
            among them, which model signing does not sign.
    """

    name: str
    weights: Weights
    files: dict[str, str]

    @property
    def statement(self) -> bytes:
        """What is signed of it; empty when it cannot be."""
        if not self.files:
            return b""
        return model_statement(PurePosixPath(self.weights.path).name, self.files)


def models_of(project: Project, lock: Lock, images: Images, *, notify: Notify) -> tuple[Model, ...]:
    """Return the models of a project, sorted by name, each looked into."""
    return tuple(
        _model(project, lock, name, images, notify) for name in sorted(project.manifest.models)
    )


def _model(project: Project, lock: Lock, name: str, images: Images, notify: Notify) -> Model:
    from algo.models.formats import dangers
    from algo.publish.loading import tell

    path = project.manifest.model_paths[name].rstrip("/")
    parts = images.model_parts(project, lock, name)
    found = tuple(
        danger
        for part in parts
        if not isinstance(part.entry.source, bytes)
        for danger in dangers(part.entry.source, part.path)
    )
    if name not in project.manifest.model_sources:
        tell(name, found, notify=notify)
    unsafe = tuple(map(str, found))
    size = sum(part.size for part in parts)
    if any(part.entry.link for part in parts):
        notify(Warned(f"the model {name} has links, which cannot be signed: put files there"))
        return Model(name, Weights(path, "", size, unsafe), {})
    folder = (project.root / path).is_dir()
    files = {part.path if folder else SINGLE: part.sha256 for part in parts}
    return Model(name, Weights(path, str(tree_digest(files)), size, unsafe), files)


def look_into(layers: Iterable[Layer]) -> Iterator[str]:
    """Yield what runs code when it is loaded, of all models in `layers`, whatever was said of them.

    Their blobs must be on this machine.

    Raises:
        UnsafeArchive: A layer is no plain tar.
    """
    from algo.models.formats import look

    for layer in layers:
        if layer.kind is not LayerKind.MODEL:
            continue
        try:
            with layer.blob.open("rb") as blob:
                for member, content in files_in(blob):
                    yield from map(str, look(content, member.name.removeprefix(f"{APP}/")))
        except UnsafeArchive as error:
            text = f"the layer {layer.descriptor.digest.short} cannot be read: {error.message}"
            raise UnsafeArchive(text) from error


def judge(
    layers: Iterable[Layer], rule: Rule, release: Release, what: str, *, notify: Notify
) -> None:
    """Look for what a release does not say of its models, as far as `rule` asks for it.

    Args:
        layers: The version's layers, on this machine.
        rule: What is asked of it.
        release: What is said, and judged, already.
        what: How to call the version.
        notify: Told of what is only warned of.

    Raises:
        PolicyRefused: A model runs code when it is loaded, and `rule` refuses that.
        UnsafeArchive: As `look_into`.
    """
    if rule.unsafe_models not in ("warn", "refuse"):
        return
    for found in look_into(layers):
        if rule.unsafe_models == "refuse":
            raise PolicyRefused(f"{what} is not what trust.toml asks for: its model {found}")
        if not found.endswith(release.unsafe):
            notify(Warned(f"{what}: its model {found}, and its publisher does not say so"))


class SignedWeights:
    """Compares the files in a version's model layers with what is signed of them.

    Args:
        repository: Where the version is.
        verified: The version.
    """

    def __init__(self, repository: Repository, verified: Verified) -> None:
        self._verified = verified
        self._layers = _model_layers(repository, verified)
        self._found: dict[str, str] = {}
        self._lock = threading.Lock()

    def read(self, descriptor: Descriptor, pieces: Iterator[bytes]) -> None:
        """Read a blob to its end; of a layer with models, note what its files are."""
        if descriptor.digest not in self._layers:
            drain(descriptor, pieces)
            return
        stream = Pieces(pieces)
        for member, content in read_tar(stream):
            if member.kind is Kind.FILE:
                digest = hashlib.sha256()
                for piece in content:
                    digest.update(piece)
                with self._lock:
                    self._found[member.name] = digest.hexdigest()
        stream.drain()

    def finish(self) -> int:
        """Return how many models are signed, after everything was read.

        Raises:
            ReleaseMismatch: A model is not what is signed of it.
        """
        try:
            signed = {
                str(said.digest): said.files
                for said in map(read_model, self._verified.statements.get(MODEL, ()))
            }
        except BadDocument as error:
            raise ReleaseMismatch(error.message) from error
        weights = self._verified.release.weights
        for name, model in weights.items():
            if model.digest and self._files(model.path) != signed.get(model.digest):
                raise ReleaseMismatch(f"the model {name} is not the one that was signed")
        return sum(bool(model.digest) for model in weights.values())

    def _files(self, path: str) -> dict[str, str]:
        place = f"{APP}/{path}"
        if place in self._found:
            return {SINGLE: self._found[place]}
        return {
            found.removeprefix(f"{place}/"): digest
            for found, digest in self._found.items()
            if found.startswith(f"{place}/")
        }


def _model_layers(repository: Repository, verified: Verified) -> set[Digest]:
    """Return the layers with models, of all images."""
    found: set[Digest] = set()
    for image in verified.images:
        described = image.manifest.config.value()
        if described.size > MAX_MANIFEST:
            raise BadDocument(f"the image's config is {described.size} bytes long")
        config = decode(b"".join(repository.blob(described)), ImageConfig)
        for layer, (kind, _) in zip(image.manifest.layers, layer_names(config), strict=False):
            if kind is LayerKind.MODEL:
                found.add(layer.value().digest)
    return found
