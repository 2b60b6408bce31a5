from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from algo.commands.shared.checking import same
from algo.images.compare import difference
from algo.images.errors import NotReproducible
from algo.images.image import Layer, LayerKind
from algo.oci import media_types
from algo.oci.descriptor import Descriptor
from algo.oci.digest import Digest

from tests.unit.images.test_sbom import image

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class File:
    """An entry of a tar."""

    name: str
    content: bytes = b"content"
    mode: int = 0o644
    mtime: int = 0
    kind: bytes = tarfile.REGTYPE
    uid: int = 0
    link: str = ""


def layer(folder: Path, kind: LayerKind, *files: File) -> Layer:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for file in files:
            info = tarfile.TarInfo(file.name)
            info.mode, info.mtime, info.type, info.uid = file.mode, file.mtime, file.kind, file.uid
            info.linkname = file.link
            info.size = len(file.content) if file.kind == tarfile.REGTYPE else 0
            archive.addfile(info, io.BytesIO(file.content))
    data = target.getvalue()
    blob = folder / Digest.of(data).hex
    blob.write_bytes(data)
    described = Descriptor(media_types.LAYER, Digest.of(data), len(data))
    return Layer(described, Digest.of(data), kind, str(kind), blob, reused=False)


CASES = {
    "mtime": (File("b", mtime=7), "mtime 0 here, 7 there"),
    "mode": (File("b", mode=0o600), "mode 0644 here, 0600 there"),
    "bytes": (File("b", b"conteNT"), "bytes from 5 of 7 on"),
    "size": (File("b", b"cont"), "7 bytes here, 4 there"),
    "owner": (File("b", uid=1000), "owner 0:0 here, 1000:0 there"),
    "type": (File("b", kind=tarfile.DIRTYPE), "a file here, a folder there"),
    "missing": (File("c"), "the second build lacks it"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_layer_the_entry_and_the_reason_are_named(case: str, tmp_path: Path) -> None:
    changed, reason = CASES[case]
    below = layer(tmp_path, LayerKind.RUNTIME, File("x"))
    one = image(tmp_path, below, layer(tmp_path, LayerKind.PACKAGES, File("a"), File("b")))
    other = image(tmp_path, below, layer(tmp_path, LayerKind.PACKAGES, File("a"), changed))
    found = difference(one, other)

    assert found is not None
    assert (found.where, found.entry, found.why) == ("packages layer", "b", reason)
    with pytest.raises(NotReproducible) as raised:
        same(one, other)
    said = f"for linux/amd64 are not the same: the packages layer differs at b: {reason}"
    assert said in raised.value.message
    assert (raised.value.code, raised.value.exit_code) == ("not_reproducible", 1)


def test_the_same_image_has_no_difference(tmp_path: Path) -> None:
    one = image(tmp_path, layer(tmp_path, LayerKind.CODE, File("a")))

    assert difference(one, one) is None
    assert same(one, one).digest == str(one.digest)


def test_a_layer_more_and_another_config_are_told(tmp_path: Path) -> None:
    code = layer(tmp_path, LayerKind.CODE, File("a"))
    one, more = image(tmp_path, code), image(tmp_path, code, code)
    found = difference(one, more)
    assert (found.where, found.what) == ("code layer", "missing") if found else None

    from algo.images.cache import Cache
    from algo.images.config import assemble
    from algo.project.manifest import parse

    from tests.unit.images.projects import AMD64, BELOW, MANIFEST

    later = assemble(parse(MANIFEST), AMD64, (code,), BELOW, Cache(tmp_path / "c"), created=60)
    told = str(difference(one, later))
    assert told.startswith('the config differs at created: "1970-01-01T00:00:00Z" here')
