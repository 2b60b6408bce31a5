"""Models in OCI registries: artifacts of oras, KitOps and ModelPack, and files of images.

Files come as layers of their own, named by an annotation, or in tars. What else an artifact holds
(code, data sets, documents) is left out where its media types tell.
"""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING, BinaryIO, cast

from algo.events import Progress
from algo.models.errors import ModelInvalid, ModelNotFound
from algo.models.streams import side_by_side
from algo.oci import media_types
from algo.oci.errors import BadDocument, BadReference
from algo.oci.manifest import ImageManifest, Index, decode, media_type_of
from algo.oci.reference import Reference
from algo.project.models import LockedFile, safe_path
from algo.storage.errors import UnsafeArchive
from algo.storage.pieces import Pieces
from algo.storage.tar import SYSTEM, Content, Kind, Member, read_tar
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from algo.events import Notify
    from algo.models.cache import ModelCache
    from algo.oci.descriptor import Descriptor
    from algo.project.models import ModelSource
    from algo.registry.interface import Registry

_TITLE = "org.opencontainers.image.title"
# ModelPack's model-spec, annotations: the path of the file that a raw layer holds.
_FILE = ("org.cncf.model.filepath", "org.cnai.model.filepath", _TITLE)
_UNPACK = "io.deis.oras.content.unpack"
_IMAGES = {media_types.CONFIG, "application/vnd.docker.container.image.v1+json"}
# Artifacts that say what each layer is: of these, weights and what belongs to them.
_TYPED = (
    "application/vnd.kitops.modelkit.",
    "application/vnd.cncf.model.",
    "application/vnd.cnai.model.",
)
_WANTED = ("model.", "modelpart.", "weight.")
_TARS = (".tar", ".tar+gzip", ".tar.gzip")
_OPAQUE, _WHITEOUT = ".wh..wh..opq", ".wh."
_CHUNK = 1 << 20
_STEP = 4 << 20
# Weights hardly compress; what grows more than this is made to fill a disk.
_GROWTH, _FREE = 100, 256 << 20


class Artifacts:
    """Implements `models.interface.Origin` for registries.

    Args:
        open_registry: Opens the registry of a host, with the user's credentials.
    """

    def __init__(self, open_registry: Callable[[str], Registry]) -> None:
        self._open = open_registry

    def revision(self, source: ModelSource) -> str:
        """See Origin: the digest of the manifest."""
        reference = _reference(source)
        if reference.digest is not None:
            return str(reference.digest)
        tag = reference.tag or "latest"
        found = self._open(reference.host).resolve(reference.repository, tag)
        if found is None:
            where = f"{reference.host}/{reference.repository}"
            raise ModelNotFound(f"the model {source.name}: {where} has no tag {tag}")
        return str(found.digest)

    def fetch(
        self, source: ModelSource, revision: str, cache: ModelCache, *, notify: Notify
    ) -> tuple[LockedFile, ...]:
        """See Origin."""
        reference = _reference(source)
        registry = self._open(reference.host)
        manifest = _manifest(registry, reference.repository, revision)
        image = manifest.config.media_type in _IMAGES
        if image and not source.inside:
            raise ModelInvalid(
                f"{source.text} is an image: its model is at a path in it",
                hint=f'name that path: {source.name} = "{source.text}#models/"',
            )
        layers = [layer.value() for layer in manifest.layers if _wanted(layer.media_type)]

        def bring(layer: Descriptor, notify: Notify) -> list[_Entry]:
            where = reference.repository
            return _Fetching(registry, where, source, cache, notify, image).files(layer)

        found = _merged(side_by_side(bring, layers, notify=notify))
        titles = [layer.annotations[_TITLE] for layer in layers if _TITLE in layer.annotations]
        return _chosen(source, found, sorted({*found, *titles}))


class _Entry(Value, frozen=True):
    """A file of a layer; None where a layer says that there is none any more."""

    path: str
    file: LockedFile | None


class _Fetching(Value, frozen=True):
    """Brings the files of layers into the cache."""

    registry: Registry
    repository: str
    source: ModelSource
    cache: ModelCache
    notify: Notify
    image: bool

    def files(self, layer: Descriptor) -> list[_Entry]:
        """Return what a layer holds."""
        name = next((layer.annotations[key] for key in _FILE if key in layer.annotations), "")
        if layer.media_type.endswith("zstd"):
            raise ModelInvalid(
                f"{self.source.text} is packed with zstd, which is not read",
                hint="push it again, uncompressed: weights hardly get smaller",
            )
        if self._is_tar(layer):
            return list(self._unpacked(layer))
        if not safe_path(name):
            raise ModelInvalid(f"{self.source.text}: its layer {layer.digest} has no file name")
        if not _chooses(self.source, name):
            return []
        return [_Entry(name, self._raw(layer, name))]

    def _is_tar(self, layer: Descriptor) -> bool:
        """Tell whether a layer holds files rather than being one.

        oras calls a file a tar, too, by its media type; only what it packed itself is marked.
        """
        if not self.image and _TITLE in layer.annotations:
            typed = layer.media_type.startswith(_TYPED)
            return (typed and layer.media_type.endswith(_TARS)) or (
                layer.annotations.get(_UNPACK) == "true"
            )
        return layer.media_type.endswith(_TARS)

    def _raw(self, layer: Descriptor, name: str) -> LockedFile:
        known = LockedFile(name, layer.digest.hex, layer.size)
        if self.cache.has(known):
            return known
        with self.cache.partial(str(layer.digest), layer.size) as path:
            with path.open("wb") as file:
                for piece in self._pieces(layer):
                    file.write(piece)
            return self.cache.adopt(path, name)

    def _unpacked(self, layer: Descriptor) -> Iterator[_Entry]:
        stream = Pieces(self._pieces(layer))
        plain: Pieces | _Bounded = stream
        if layer.media_type.endswith("gzip") or stream.peek(2) == b"\x1f\x8b":
            plain = _Bounded(gzip.GzipFile(fileobj=cast("BinaryIO", stream)), layer.size)
        try:
            for member, content in read_tar(plain, SYSTEM):
                entry = self._member(member, content, layer)
                if entry is not None:
                    yield entry
        except (UnsafeArchive, zlib.error, EOFError, gzip.BadGzipFile) as error:
            raise ModelInvalid(f"{self.source.text}: a layer cannot be unpacked: {error}") from None
        # At the end the bytes are compared with the layer's digest.
        stream.drain()

    def _member(self, member: Member, content: Content, layer: Descriptor) -> _Entry | None:
        path = member.name
        folder, _, last = path.rpartition("/")
        if self.image and last.startswith(_WHITEOUT):
            gone = folder if last == _OPAQUE else f"{folder}/{last.removeprefix(_WHITEOUT)}"
            return _Entry(gone.strip("/"), None)
        if member.kind is not Kind.FILE or (self.image and not _below(path, self.source.inside)):
            return None
        if not safe_path(path):
            raise ModelInvalid(f"{self.source.text} has a file {path!r}, which cannot be here")
        with self.cache.partial(f"{layer.digest} unpacked", member.size) as scratch:
            with scratch.open("wb") as file:
                for piece in content:
                    file.write(piece)
            return _Entry(path, self.cache.adopt(scratch, path))

    def _pieces(self, layer: Descriptor) -> Iterator[bytes]:
        done = told = 0
        text = f"Fetching {self.source.name} {layer.digest.short}"
        for piece in self.registry.open_blob(self.repository, layer):
            yield piece
            done += len(piece)
            if done - told >= _STEP:
                told = done
                self.notify(Progress(text, done, layer.size))


class _Bounded:
    """What is unpacked from a layer, as long as it is no bomb."""

    def __init__(self, plain: gzip.GzipFile, packed: int) -> None:
        self._plain = plain
        self._left = packed * _GROWTH + _FREE

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes.

        Raises:
            ModelInvalid: There are too many for the layer's size.
        """
        found = self._plain.read(min(size, _CHUNK) if size >= 0 else _CHUNK)
        self._left -= len(found)
        if self._left < 0:
            raise ModelInvalid(f"a layer grows to more than {_GROWTH} times its size")
        return found


def _reference(source: ModelSource) -> Reference:
    try:
        return Reference.parse(source.where)
    except BadReference as error:
        raise ModelInvalid(
            f"the model {source.name}: {error.message}",
            hint=f'write it as {source.name} = "oci://registry.example.com/owner/name:tag"',
        ) from error


def _manifest(registry: Registry, repository: str, revision: str) -> ImageManifest:
    """Return the manifest of `revision`; of an index the first one, as models have no platform."""
    for _ in range(3):
        data, _found = registry.get_manifest(repository, revision)
        if media_type_of(data) not in media_types.INDEXES:
            return decode(data, ImageManifest)
        entries = [entry.value() for entry in decode(data, Index).manifests]
        # Docker lists attestations as images of the platform unknown/unknown.
        listed = [one for one in entries if one.platform is None or one.platform.os != "unknown"]
        if not listed:
            break
        revision = str(listed[0].digest)
    raise BadDocument(f"{repository}@{revision} is an index that leads to nothing")


def _wanted(media_type: str) -> bool:
    """Tell whether a layer may hold weights."""
    for prefix in _TYPED:
        if media_type.startswith(prefix):
            return media_type.removeprefix(prefix).startswith(_WANTED)
    return True


def _merged(layers: list[list[_Entry]]) -> dict[str, LockedFile]:
    """Return the files of layers that lie on each other."""
    found: dict[str, LockedFile] = {}
    for entries in layers:
        for entry in entries:
            if entry.file is None:
                gone = entry.path
                for path in [one for one in found if one == gone or one.startswith(f"{gone}/")]:
                    del found[path]
        for entry in entries:
            if entry.file is not None:
                found[entry.path] = entry.file
    return found


def _chooses(source: ModelSource, path: str) -> bool:
    inside = not source.inside or _below(path, source.inside)
    return inside and (source.single or source.wants(_shortened(path, source.inside)))


def _below(path: str, inside: str) -> bool:
    return path == inside or (inside.endswith("/") and path.startswith(inside))


def _shortened(path: str, inside: str) -> str:
    if inside and not inside.endswith("/"):
        return path.rpartition("/")[2]
    return path.removeprefix(inside)


def _chosen(
    source: ModelSource, found: dict[str, LockedFile], there: list[str]
) -> tuple[LockedFile, ...]:
    """Return what the source wants, with the paths that the files get below the model's folder."""
    chosen = [
        LockedFile(_shortened(path, source.inside), file.sha256, file.size)
        for path, file in found.items()
        if _chooses(source, path)
    ]
    if not chosen:
        what = f"no {source.inside}" if source.inside else "no file"
        some = ", ".join(there[:5])
        raise ModelNotFound(f"{source.text} has {what}", details=f"it has {some}" if some else "")
    return tuple(sorted(chosen))
