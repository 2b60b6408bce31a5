"""The files in a version's model layers are compared with what is signed of them."""

from __future__ import annotations

import hashlib
import io
import pickle
import tarfile
from typing import TYPE_CHECKING, Literal

import pytest
from algo.events import Warned
from algo.images.image import Layer, LayerKind
from algo.oci import media_types
from algo.oci.descriptor import Descriptor
from algo.oci.digest import Digest
from algo.oci.manifest import DescriptorDocument, ImageManifest, encode
from algo.publish.weights import SignedWeights, judge
from algo.trust.errors import PolicyRefused, ReleaseMismatch
from algo.trust.models import model_statement, tree_digest
from algo.trust.rules import Rule
from algo.trust.statements import MODEL, Release, Weights, read_statement
from algo.trust.verify import Verified, VerifiedImage, check_blobs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from algo.events import Event

FILES = {"a.bin": b"one", "b/c.bin": b"two"}
SIGNED = {path: hashlib.sha256(data).hexdigest() for path, data in FILES.items()}


class Blobs:
    """A repository of blobs alone."""

    place = "acme/net"

    def __init__(self, *blobs: bytes) -> None:
        self._blobs = {Digest.of(data): data for data in blobs}

    def blob(self, descriptor: Descriptor) -> Iterator[bytes]:
        data = self._blobs[descriptor.digest]
        yield from (data[start : start + 700] for start in range(0, len(data), 700))

    def resolve(self, tag: str) -> Digest | None:
        raise NotImplementedError

    def manifest(self, digest: Digest) -> bytes:
        raise NotImplementedError

    def referrers(self, subject: Digest) -> list[Descriptor]:
        raise NotImplementedError


def layer(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for path, data in files.items():
            info = tarfile.TarInfo(f"opt/algo/app/models/net/{path}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return target.getvalue()


def version(*layers: dict[str, bytes]) -> tuple[Blobs, Verified]:
    """A version whose model is in `layers` and is signed to be `FILES`."""
    tars = [layer(files) for files in layers]
    history = ",".join('{"created_by":"algo: model net"}' for _ in tars)
    config = (
        f'{{"os":"linux","architecture":"amd64","history":[{history}],'
        '"rootfs":{"type":"layers","diff_ids":[]},"config":{}}'
    ).encode()

    def described(kind: str, data: bytes) -> DescriptorDocument:
        return DescriptorDocument.of(Descriptor(kind, Digest.of(data), len(data)))

    manifest = ImageManifest(
        schema_version=2,
        media_type=media_types.MANIFEST,
        config=described(media_types.CONFIG, config),
        layers=tuple(described(media_types.LAYER, tar) for tar in tars),
    )
    image = VerifiedImage("linux/amd64", Digest.of(encode(manifest)), manifest)
    weights = Weights("models/net", str(tree_digest(SIGNED)))
    release = Release("acme/net", "1.0.0", {}, "", weights={"net": weights})
    said = read_statement(model_statement("net", SIGNED))
    nothing = Digest.of(b"")
    verified = Verified(release, nothing, nothing, (image,), None, {}, {MODEL: (said,)})
    return Blobs(config, *tars), verified


def check(*layers: dict[str, bytes]) -> int:
    repository, verified = version(*layers)
    weights = SignedWeights(repository, verified)
    check_blobs(repository, verified, weights.read)
    return weights.finish()


def test_a_model_in_one_layer_or_several_is_what_was_signed() -> None:
    assert check(FILES) == 1
    assert check(*({path: data} for path, data in FILES.items())) == 1


@pytest.mark.parametrize(
    "files",
    [
        FILES | {"a.bin": b"other"},
        FILES | {"more.bin": b""},
        {"a.bin": b"one"},
        {},
    ],
)
def test_a_model_that_is_another_is_refused(files: dict[str, bytes]) -> None:
    with pytest.raises(ReleaseMismatch, match="the model net is not the one that was signed"):
        check(files)


def held(folder: Path, files: dict[str, bytes]) -> Layer:
    tar = layer(files)
    blob = folder / "blob"
    blob.write_bytes(tar)
    described = Descriptor(media_types.LAYER, Digest.of(tar), len(tar))
    return Layer(described, described.digest, LayerKind.MODEL, "net", blob, reused=True)


def test_what_a_publisher_does_not_say_is_found_before_it_runs(tmp_path: Path) -> None:
    silent_release = Release("acme/net", "1.0.0", {}, "")
    layers = [held(tmp_path, {"w.bin": pickle.dumps(print), "v.bin": b"values"})]
    told: list[Event] = []

    def judged(unsafe: Literal["allow", "warn", "refuse"], release: Release) -> list[Event]:
        told.clear()
        judge(layers, Rule(unsafe_models=unsafe), release, "acme/net:1.0.0", notify=told.append)
        return told

    assert judged("allow", silent_release) == []
    (warned,) = judged("warn", silent_release)
    assert isinstance(warned, Warned)
    assert "models/net/w.bin (pickle)" in warned.text
    assert "its publisher does not say so" in warned.text
    with pytest.raises(PolicyRefused, match=r"builtins\.print"):
        judged("refuse", silent_release)

    said = ("w.bin (pickle) runs code when it is loaded: it imports builtins.print",)
    weights = {"net": Weights("models/net", unsafe=said)}
    assert judged("warn", Release("acme/net", "1.0.0", {}, "", weights=weights)) == []
