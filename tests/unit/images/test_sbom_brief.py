"""The short bill of materials names what the whole one names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from algo.images.cache import Cache
from algo.images.sbom.brief import brief
from algo.images.sbom.generate import sbom

from tests.fakes.built import built_image

if TYPE_CHECKING:
    from pathlib import Path

BOM = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "serialNumber": "urn:uuid:00000000-0000-0000-0000-000000000000",
    "version": 1,
    "metadata": {
        "timestamp": "1970-01-01T00:00:00Z",
        "lifecycles": [{"phase": "build"}],
        "tools": {"components": [{"type": "application", "name": "algo"}]},
        "component": {"type": "container", "name": "acme/digits", "bom-ref": "image"},
    },
    "components": [
        {
            "type": "machine-learning-model",
            "name": "classifier",
            "bom-ref": "model/classifier",
            "components": [{"type": "file", "name": "/m", "bom-ref": "model/classifier/m"}],
        },
        {
            "type": "library",
            "name": "numpy",
            "version": "2.0.0",
            "description": "long",
            "bom-ref": "packages/numpy@2.0.0",
            "licenses": [{"license": {"id": "BSD-3-Clause"}}],
            "hashes": [{"alg": "SHA-256", "content": "ab"}],
            "purl": "pkg:pypi/numpy@2.0.0",
            "externalReferences": [{"type": "website", "url": "https://numpy.org"}],
            "properties": [{"name": "algo:layer-kind", "value": "packages"}],
        },
    ],
    "dependencies": [
        {"ref": "image", "dependsOn": ["model/classifier"]},
        {"ref": "model/classifier", "dependsOn": ["packages/numpy@2.0.0"]},
        {"ref": "packages/numpy@2.0.0", "dependsOn": []},
    ],
}


def graph(bom: Any) -> dict[str, list[str]]:
    """Return what needs what, by name."""
    parts = [bom["metadata"]["component"], *bom["components"]]
    parts += [inner for part in bom["components"] for inner in part.get("components", ())]
    names = {part["bom-ref"]: part["name"] for part in parts}
    assert len(names) == len(parts)
    return {
        names[one["ref"]]: [names[ref] for ref in one["dependsOn"]] for one in bom["dependencies"]
    }


def test_names_versions_hashes_licences_and_needs_stay() -> None:
    short = json.loads(brief(json.dumps(BOM).encode()))
    assert graph(short) == graph(BOM)
    numpy = short["components"][1]
    del numpy["bom-ref"]
    assert numpy == {
        key: value
        for key, value in BOM["components"][1].items()  # type: ignore[index]
        if key in {"type", "name", "version", "licenses", "hashes", "purl"}
    }
    assert {key: short[key] for key in ("serialNumber", "specVersion")} == {
        key: BOM[key] for key in ("serialNumber", "specVersion")
    }


def test_licences_of_the_system_are_left_to_the_whole() -> None:
    numpy = {**BOM["components"][1], "purl": "pkg:deb/debian/numpy@2"}  # type: ignore[index]
    (short,) = json.loads(
        brief(json.dumps({**BOM, "components": [numpy], "dependencies": []}).encode())
    )["components"]
    assert "licenses" not in short and short["hashes"] == numpy["hashes"]


def test_what_was_read_once_is_the_same_from_the_cache(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    one = built_image(tmp_path, code=b"one")
    whole = sbom(one, version="1.0.0")
    assert sbom(one, version="1.0.0", cache=cache) == whole
    assert sbom(one, version="1.0.0", cache=cache) == whole
    two = built_image(tmp_path, code=b"two")
    (tmp_path / two.layers[0].descriptor.digest.hex).unlink()  # it is not read again
    again = json.loads(sbom(two, version="1.0.1", cache=cache))
    fresh = {str(layer.kind): str(layer.descriptor.digest) for layer in two.layers}
    (code,) = [part for part in again["components"] if part["bom-ref"] == "code"]
    assert code["properties"] == [{"name": "algo:layer", "value": fresh["code"]}]
