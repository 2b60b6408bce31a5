from __future__ import annotations

import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from algo.images.config import assemble
from algo.images.image import Layer, LayerKind
from algo.images.sbom.generate import sbom
from algo.oci import media_types
from algo.oci.descriptor import Descriptor, Platform
from algo.oci.digest import Digest
from algo.project.lock import Pin
from algo.project.manifest import parse

from tests.unit.images.projects import AMD64, BELOW, MANIFEST

if TYPE_CHECKING:
    from pathlib import Path

    from algo.images.image import BuiltImage

STATUS = """Package: libc6
Status: install ok installed
Architecture: amd64
Source: glibc (2.41-12)
Version: 2.41-12+deb13u5
Depends: libgcc-s1
Description: GNU C Library: Shared libraries
 more of it

Package: libgcc-s1
Status: install ok installed
Architecture: amd64
Version: 1:14.2.0-19
Depends: libc6 (>= 2.35) | libc
Description: support library

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1
"""
COPYRIGHT = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: 2020 Somebody
License: GPL-2+
 in full

License: BSD-3-clause
"""
SIX = """Metadata-Version: 2.1
Name: Six
Version: 1.17.0+local
Summary: Python 2 and 3
License: MIT
Classifier: License :: OSI Approved :: MIT License
Project-URL: Homepage, https://example.com/six
Requires-Dist: needed; python_version >= "3.8"
Requires-Dist: windows-only; sys_platform == "win32"
Requires-Dist: extra; extra == "fancy"

text: not a field
"""
NEEDED = "Metadata-Version: 2.4\nName: needed\nVersion: 2\nLicense-Expression: MIT OR Apache-2.0\n"
BASE = {
    "usr/lib/os-release": 'ID=debian\nVERSION_ID="13"\n',
    "var/lib/dpkg/status": STATUS,
    "usr/share/doc/libc6/copyright": COPYRIGHT,
    "usr/lib/python3.13/os.py": "",
    "usr/local/lib/python3.13/site-packages/old-1.dist-info/METADATA": "Name: old\nVersion: 1\n",
}
PACKAGES = {
    "opt/algo/packages/six-1.17.0.dist-info/METADATA": SIX,
    "opt/algo/packages/six-1.17.0.dist-info/RECORD": "six.py,,\n",
    "opt/algo/packages/needed-2.dist-info/METADATA": NEEDED,
}


def layer(folder: Path, kind: LayerKind, files: dict[str, str], name: str = "") -> Layer:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for path, text in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    digest = Digest.of(target.getvalue())
    blob = folder / digest.hex
    blob.write_bytes(target.getvalue())
    described = Descriptor(media_types.LAYER, digest, len(target.getvalue()))
    return Layer(described, digest, kind, name or str(kind), blob, reused=False)


def image(folder: Path, *layers: Layer, platform: Platform = AMD64) -> BuiltImage:
    from algo.images.cache import Cache

    return assemble(parse(MANIFEST), platform, layers, BELOW, Cache(folder / "cache"), created=0)


@pytest.fixture
def whole(tmp_path: Path) -> BuiltImage:
    return image(
        tmp_path,
        layer(tmp_path, LayerKind.RUNTIME, BASE),
        layer(tmp_path, LayerKind.RUNTIME, {"usr/local/lib/python3.13/.wh.site-packages": ""}),
        layer(tmp_path, LayerKind.GATEWAY, {"opt/algo/gateway/x.py": ""}),
        layer(tmp_path, LayerKind.PACKAGES, PACKAGES),
        layer(tmp_path, LayerKind.MODEL, {"opt/algo/app/models/a.bin": "weights"}, "one"),
        layer(tmp_path, LayerKind.MODEL, {"m/b": "2"}, "many/b"),
        layer(tmp_path, LayerKind.MODEL, {"m/a": "1"}, "many/*1"),
        layer(tmp_path, LayerKind.CODE, {"opt/algo/app/src/p.py": ""}),
    )


def read(document: bytes) -> tuple[dict[str, Any], dict[str, dict[str, Any]], dict[str, list[str]]]:
    bom = json.loads(document)
    parts = {one["bom-ref"]: one for one in bom["components"]}
    needed = {one["ref"]: one["dependsOn"] for one in bom["dependencies"]}
    return bom, parts, needed


def test_it_names_what_the_layers_hold_and_nothing_that_was_removed(whole: BuiltImage) -> None:
    bom, parts, _ = read(sbom(whole))

    assert sorted(parts) == [
        "code",
        "gateway",
        "model/many",
        "model/one",
        "packages/needed@2",
        "packages/six@1.17.0+local",
        "system/debian",
        "system/libc6@2.41-12+deb13u5:amd64",
        "system/libgcc-s1@1:14.2.0-19:amd64",
    ]
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.6")
    assert bom["metadata"]["component"]["hashes"][0]["content"] == whole.digest.hex
    assert bom["metadata"]["timestamp"] == "1970-01-01T00:00:00Z"


def test_a_package_has_its_url_licence_and_hashes(whole: BuiltImage) -> None:
    locked = Pin("six", "1.17.0+local", ("sha256:" + "ab" * 32,))
    _, parts, _ = read(sbom(whole, [locked]))
    six, needed = parts["packages/six@1.17.0+local"], parts["packages/needed@2"]
    libc, libgcc = (parts[one] for one in sorted(parts) if one.startswith("system/lib"))

    assert six["purl"] == "pkg:pypi/six@1.17.0%2Blocal"
    assert six["licenses"] == [{"license": {"id": "MIT", "acknowledgement": "declared"}}]
    assert [one["type"] for one in six["externalReferences"]] == ["website", "distribution"]
    assert six["externalReferences"][1]["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]
    assert six["hashes"][0]["content"] == Digest.of(b"six.py,,\n").hex
    assert needed["licenses"][0]["expression"] == "MIT OR Apache-2.0"
    arch = "arch=amd64&distro=debian-13"
    assert libc["purl"] == f"pkg:deb/debian/libc6@2.41-12%2Bdeb13u5?{arch}"
    assert libgcc["purl"] == f"pkg:deb/debian/libgcc-s1@1:14.2.0-19?{arch}"
    names = [one["license"]["name"] for one in libc["licenses"]]
    assert names == ["BSD-3-clause", "GPL-2+"]


def test_a_model_has_the_hash_of_its_file_or_one_over_those_of_its_files(
    whole: BuiltImage,
) -> None:
    _, parts, _ = read(sbom(whole))
    one, many = parts["model/one"], parts["model/many"]
    joined = b"".join(bytes.fromhex(Digest.of(text).hex) for text in (b"1", b"2"))

    assert one["type"] == many["type"] == "machine-learning-model"
    assert one["hashes"][0]["content"] == Digest.of(b"weights").hex
    assert many["hashes"][0]["content"] == Digest.of(joined).hex
    assert [part["name"] for part in many["components"]] == ["/m/a", "/m/b"]


def test_it_says_what_needs_what_on_this_platform(whole: BuiltImage) -> None:
    _, _, needed = read(sbom(whole))
    libc, libgcc = "system/libc6@2.41-12+deb13u5:amd64", "system/libgcc-s1@1:14.2.0-19:amd64"

    assert needed["packages/six@1.17.0+local"] == ["packages/needed@2"]
    assert (needed[libc], needed[libgcc]) == ([libgcc], [libc])
    assert needed["code"] == [
        "model/many",
        "model/one",
        "packages/needed@2",
        "packages/six@1.17.0+local",
    ]
    assert needed["image"] == ["code", "gateway", "system/debian", libc]


def test_the_same_image_has_the_same_bytes_and_another_version_others(
    whole: BuiltImage, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    again = image(tmp_path / "elsewhere", *whole.layers)

    assert sbom(whole, version="1.0.0") == sbom(again, version="1.0.0")
    assert sbom(whole, version="1.0.0") != sbom(whole, version="1.0.1")


def test_conda_packages_are_told_by_the_records_of_their_environment(tmp_path: Path) -> None:
    records: dict[str, dict[str, object]] = {
        "numpy": {"license": "BSD-3-Clause", "depends": ["python >=3.11", "elsewhere"]},
        "python": {"depends": []},
    }
    files = {
        f"opt/algo/packages/conda-meta/{name}.json": json.dumps(
            more
            | {"name": name, "version": "1.26", "build": "h1_0", "subdir": "linux-64"}
            | {"sha256": "ab" * 32, "fn": f"{name}-1.26-h1_0.conda", "files": ["x"]}
        )
        for name, more in records.items()
    }
    files["opt/algo/packages/conda-meta/broken.json"] = "{"
    pin = Pin("numpy", "1.26", ("sha256:" + "ab" * 32,), "conda", "conda-forge", "h1_0")
    whole = image(tmp_path, layer(tmp_path, LayerKind.PACKAGES, files))
    _, parts, needed = read(sbom(whole, [pin]))
    numpy = parts["conda/numpy@1.26=h1_0"]

    told = "build=h1_0&channel=conda-forge&subdir=linux-64&type=conda"
    assert numpy["purl"] == f"pkg:conda/numpy@1.26?{told}"
    assert numpy["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]
    assert numpy["licenses"] == [{"license": {"name": "BSD-3-Clause"}}]
    assert needed["conda/numpy@1.26=h1_0"] == ["conda/python@1.26=h1_0"]
    assert sorted(parts) == ["conda/numpy@1.26=h1_0", "conda/python@1.26=h1_0"]
