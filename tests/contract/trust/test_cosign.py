"""The real cosign accepts what publish signed, in both kinds of registry."""

from __future__ import annotations

import base64
import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.machine.commands import output_of
from tests.machine.say import MachineError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contract.trust.conftest import Publication, RealRegistry, User

SIGN = "https://sigstore.dev/cosign/sign/v1"
RELEASE = "https://algo.dev/release/v1"
PROVENANCE = "https://slsa.dev/provenance/v1"


def subjects(published: Publication, real_registry: RealRegistry) -> list[str]:
    """Return the index and each image: all of them are signed."""
    repository = f"{real_registry.address}/{published.document['name']}"
    images = published.document["images"].values()
    return [published.pinned, *(f"{repository}@{digest}" for digest in images)]


def test_cosign_3_verifies_index_and_images(
    published: Publication, real_registry: RealRegistry, cosign3: Path
) -> None:
    for subject in (published.reference, *subjects(published, real_registry)):
        output_of([cosign3, "verify", "--key", published.key, "--insecure-ignore-tlog", subject])


def test_cosign_3_verifies_the_provenance_of_the_version(
    published: Publication, cosign3: Path
) -> None:
    words = ("--insecure-ignore-tlog", "--type", "slsaprovenance1", published.reference)
    said = output_of([cosign3, "verify-attestation", "--key", published.key, *words])
    statement = json.loads(base64.b64decode(json.loads(said)["payload"]))
    assert statement["predicateType"] == PROVENANCE
    definition = statement["predicate"]["buildDefinition"]
    assert definition["externalParameters"]["name"] == published.document["name"]
    names = [item["name"] for item in definition["resolvedDependencies"]]
    assert {"algo.lock", "runtime linux/amd64"} <= set(names)


def test_cosign_3_verifies_the_bill_of_materials_by_tag_and_by_image(
    published: Publication, real_registry: RealRegistry, cosign3: Path
) -> None:
    printed = json.loads(published.author.done("inspect", published.reference, "--sbom"))
    names = {one["name"] for one in printed["components"]}
    assert {"libc6", "python3.13", "msgspec", published.document["name"]} <= names
    for subject in subjects(published, real_registry):
        words = ("--insecure-ignore-tlog", "--type", "cyclonedx", subject)
        said = output_of([cosign3, "verify-attestation", "--key", published.key, *words])
        statement = json.loads(base64.b64decode(json.loads(said)["payload"]))
        assert statement["predicate"] == printed


def test_cosign_2_verifies_the_attestations(
    published: Publication, real_registry: RealRegistry, cosign2: Path, tmp_path: Path
) -> None:
    # Without a root of its own, cosign 2 fetches Sigstore's, which a key of ours needs not.
    root = tmp_path / "root.json"
    root.write_text('{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}')
    offline = ("--insecure-ignore-tlog", "--trusted-root", str(root))
    verify = [str(cosign2), "verify-attestation", "--new-bundle-format", *offline]
    verify += ["--key", str(published.key), "--type"]
    for subject in subjects(published, real_registry):
        output_of([*verify, SIGN, subject])
    for kind in (RELEASE, PROVENANCE):
        output_of([*verify, kind, published.pinned])


def test_cosign_refuses_another_key(published: Publication, cosign3: Path, stranger: User) -> None:
    stranger.done("keys", "create")
    other = stranger.home / "other.pub"
    other.write_text(stranger.done("keys", "export"))
    with pytest.raises((MachineError, subprocess.CalledProcessError)):
        output_of([cosign3, "verify", "--key", other, "--insecure-ignore-tlog", published.pinned])


def test_we_verify_it_too_and_say_by_whom(published: Publication, friend: User) -> None:
    said = json.loads(friend.done("verify", published.reference, "--json"))
    assert (said["verified"], said["digest"]) == (True, published.document["digest"])
    assert "VERIFIED by" in friend.done("verify", published.pinned)
