"""A version as one file: written here, read by other people's tools, and taken in elsewhere."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.trust.conftest import User
from tests.fakes.archives import archive, member
from tests.machine.commands import output_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Engine
    from tests.contract.trust.conftest import RealRegistry

NAME = "acme/carried"


@pytest.fixture(scope="module")
def exported(
    author: tuple[User, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any]]:
    """A file with a version of the embedded store, and what publish said of it."""
    user, project = author
    copy = tmp_path_factory.mktemp("carried") / "carried"
    shutil.copytree(project, copy)
    manifest = copy / "algo.toml"
    manifest.write_text(manifest.read_text().replace("acme/hello", NAME))
    published = json.loads(user.done("publish", "--yes", "--json", cwd=copy))
    said = json.loads(user.done("export", f"{NAME}:1.0.0", "--json", cwd=copy))
    file = copy / "dist" / "carried-1.0.0.tar"
    assert (said["file"], said["digest"]) == (str(file), published["digest"])
    assert said["size"] == file.stat().st_size
    assert said["attached"] == 8
    return file, published


@pytest.fixture
def site(tmp_path: Path, author: tuple[User, Path]) -> User:
    """Somebody without a network and without our cache who trusts the author's key."""
    (tmp_path / "cache").mkdir()
    user = User.at(tmp_path / "site", tmp_path / "cache")
    key = tmp_path / "algo.pub"
    key.write_text(author[0].done("keys", "export"))
    user.done("keys", "trust", str(key))
    return user


def test_the_same_version_gives_the_same_file(
    exported: tuple[Path, dict[str, Any]], author: tuple[User, Path], tmp_path: Path
) -> None:
    file, _ = exported
    again = tmp_path / "again.tar"
    author[0].done("export", f"{NAME}:^1", "-o", str(again))
    assert again.read_bytes() == file.read_bytes()


def test_a_file_does_not_become_a_part_of_the_next_version(author: tuple[User, Path]) -> None:
    user, project = author
    refused = user.algo("export", f"{NAME}:1.0.0", "-o", "x.tar", "--json", cwd=project)
    assert json.loads(refused.stdout)["error"]["code"] == "output_invalid"


def test_docker_and_skopeo_and_oras_read_the_file(
    exported: tuple[Path, dict[str, Any]],
    engine: Engine,
    skopeo: Path,
    oras: Path,
    tmp_path: Path,
) -> None:
    file, published = exported
    index = json.loads(output_of([skopeo, "inspect", "--raw", f"oci-archive:{file}:1.0.0"]))
    assert [one["digest"] for one in index["manifests"]] == list(published["images"].values())
    copy = ("--insecure-policy", "copy", "--preserve-digests")
    places = (f"oci-archive:{file}:1.0.0", f"oci:{tmp_path / 'copied'}:1.0.0")
    output_of([skopeo, *copy, *places])
    discover = ("discover", "--oci-layout", "--format", "json", f"{file}:1.0.0")
    found = json.loads(output_of([oras, *discover]))
    listed = found.get("referrers", found.get("manifests"))
    assert len(listed) == 6
    loaded = engine.docker("load", "--input", str(file), timeout=300)
    try:
        assert f"{NAME}:1.0.0" in loaded
        label = '{{index .Config.Labels "dev.algo.name"}}'
        assert engine.docker("image", "inspect", "--format", label, f"{NAME}:1.0.0") == NAME
    finally:
        engine.docker("rmi", "--force", f"{NAME}:1.0.0")


def test_a_site_without_a_network_takes_it_in_and_runs_it(
    exported: tuple[Path, dict[str, Any]], site: User
) -> None:
    file, published = exported
    offline = ("unshare", "--net", "--map-root-user")
    said = json.loads(site.done("import", "version", str(file), "--json", within=offline))
    assert said["digest"] == published["digest"]
    assert said["reference"] == f"{NAME}:1.0.0"
    verified = json.loads(site.done("verify", f"{NAME}:1.0.0", "--json", within=offline))
    assert (verified["digest"], verified["images"]) == (published["digest"], published["images"])
    # Again: nothing is written, and the end is the same.
    again = json.loads(site.done("import", "version", str(file), "--json", within=offline))
    assert (again["bytes_written"], again["digest"]) == (0, published["digest"])
    out = file.with_name("out.tar")
    site.done("export", f"{NAME}:1.0.0", "-o", str(out), within=offline)
    assert out.read_bytes() == file.read_bytes()


def test_a_registry_takes_it_with_its_signatures(
    exported: tuple[Path, dict[str, Any]], site: User, real_registry: RealRegistry, cosign3: Path
) -> None:
    file, published = exported
    target = real_registry.address
    said = json.loads(site.done("import", "version", str(file), "--to", target, "--json"))
    assert said["reference"] == f"{target}/{NAME}:1.0.0"
    assert said["digest"] == published["digest"]
    key = site.home / "algo.pub"
    key.write_text(next((site.home.parent).glob("algo.pub")).read_text())
    words = ("--key", str(key), "--insecure-ignore-tlog", said["reference"])
    output_of([cosign3, "verify", *words])
    output_of([cosign3, "verify-attestation", "--type", "slsaprovenance1", *words])
    refused = site.algo("import", "version", str(file), "--to", f"{target}/acme/other", "--json")
    assert json.loads(refused.stdout)["error"]["code"] == "bad_destination"


def test_somebody_who_does_not_trust_the_key_takes_nothing_in(
    exported: tuple[Path, dict[str, Any]], stranger: User
) -> None:
    refused = stranger.refused("import", "version", str(exported[0]))
    assert refused["code"] == "signature_foreign"
    assert not (stranger.home / "data" / "store").exists()


def test_a_file_that_was_tampered_with_is_refused(
    exported: tuple[Path, dict[str, Any]], site: User, tmp_path: Path
) -> None:
    whole = exported[0].read_bytes()
    spoiled = tmp_path / "spoiled.tar"
    changes = {
        "blob_corrupted": whole[: len(whole) // 2] + b"\xff" * 8 + whole[len(whole) // 2 + 8 :],
        "unsafe_archive": archive(member("../../evil", b"x")),
        "not_an_archive": archive(member("manifest.json", b"[]")),
    }
    for code, data in changes.items():
        spoiled.write_bytes(data)
        ran = site.algo("import", "version", str(spoiled), "--json")
        assert json.loads(ran.stdout)["error"]["code"] == code
    spoiled.write_bytes(whole[: len(whole) // 2])
    assert site.refused("import", "version", str(spoiled))["code"] == "unsafe_archive"
    assert not (site.home / "data" / "store").exists()


def test_a_signature_that_was_taken_out_of_the_file_is_missed(
    exported: tuple[Path, dict[str, Any]], site: User, tmp_path: Path
) -> None:
    stripped = tmp_path / "stripped.tar"
    folder = tmp_path / "unpacked"
    folder.mkdir()
    subprocess.run(["tar", "-xf", exported[0], "-C", folder], check=True)
    index = json.loads((folder / "index.json").read_text())
    for count, code in ((1, {"signature_missing"}), (2, {"signature_missing", "blob_missing"})):
        left = {**index, "manifests": index["manifests"][:count]}
        (folder / "index.json").write_text(json.dumps(left))
        parts = ["oci-layout", "index.json", "blobs"]
        subprocess.run(["tar", "-cf", stripped, "-C", folder, *parts], check=True)
        assert site.refused("import", "version", str(stripped))["code"] in code
