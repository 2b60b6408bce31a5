"""The embedded store, with what publish wrote, is read by other people's tools."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.machine.commands import output_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contract.trust.conftest import User


@pytest.fixture(scope="module")
def stored(author: tuple[User, Path]) -> tuple[Path, dict[str, Any]]:
    """The folder of the store's layout and what publish said."""
    user, project = author
    told = json.loads(user.done("publish", "--version", "7.0.0", "--yes", "--json", cwd=project))
    return user.home / "data" / "store" / told["name"], told


def test_skopeo_reads_a_version_and_its_image(
    stored: tuple[Path, dict[str, Any]], skopeo: Path, tmp_path: Path
) -> None:
    folder, told = stored
    index = json.loads(output_of([skopeo, "inspect", "--raw", f"oci:{folder}:7.0.0"]))
    assert [one["digest"] for one in index["manifests"]] == list(told["images"].values())
    assert index["annotations"]["org.opencontainers.image.version"] == "7.0.0"
    copied = tmp_path / "copied"
    copy = ["--insecure-policy", "copy", "--all", "--preserve-digests"]
    output_of([skopeo, *copy, f"oci:{folder}:7.0.0", f"oci:{copied}:7.0.0"])
    for layer in told["layers"]:
        name = layer["digest"].removeprefix("sha256:")
        blob = copied / "blobs" / "sha256" / name
        assert blob.stat().st_size == layer["size"]
    shutil.rmtree(copied)


def test_oras_finds_what_is_attached(stored: tuple[Path, dict[str, Any]], oras: Path) -> None:
    folder, told = stored
    reference = f"{folder}@{told['digest']}"
    discover = [str(oras), "discover", "--oci-layout", "--format", "json", reference]
    found = json.loads(output_of(discover))
    listed = found.get("referrers", found.get("manifests"))
    types = sorted(one["artifactType"] for one in listed)
    assert types == [
        "application/vnd.algo.contract.v1+json",
        "application/vnd.algo.lock.v1+toml",
        # Signature, provenance, bill of materials, release.
        *["application/vnd.dev.sigstore.bundle.v0.3+json"] * 4,
    ]
