"""What somebody could do to a published version, and the refusal that meets it."""

from __future__ import annotations

import json
import urllib.request
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.trust.conftest import publish

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contract.trust.conftest import Publication, RealRegistry, User

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@pytest.fixture
def own(author: tuple[User, Path], real_registry: RealRegistry) -> Publication:
    """A publication that this test alone may spoil."""
    return publish(author, real_registry, f"acme/hello-{uuid.uuid4().hex[:8]}")


@pytest.fixture
def victim(stranger: User, own: Publication) -> User:
    stranger.done("keys", "trust", str(own.key))
    return stranger


def manifests(registry: RealRegistry, own: Publication, of: str) -> str:
    return f"http://{registry.address}/v2/{own.document['name']}/manifests/{of}"


def fetch(url: str) -> Any:
    request = urllib.request.Request(url, headers={"Accept": f"{INDEX}, {MANIFEST}"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def put(url: str, content: bytes, media_type: str) -> None:
    headers = {"Content-Type": media_type}
    with urllib.request.urlopen(
        urllib.request.Request(url, content, headers, method="PUT")
    ) as answer:
        assert answer.status == 201


def delete(url: str) -> None:
    with urllib.request.urlopen(urllib.request.Request(url, method="DELETE")) as answer:
        assert answer.status == 202


def attached(registry: RealRegistry, own: Publication, digest: str) -> list[str]:
    """Return the digests of what is attached to `digest`, as the registry lists it."""
    name = own.document["name"]
    if registry.kind == "referrers":
        listed = fetch(f"http://{registry.address}/v2/{name}/referrers/{digest}")
    else:
        listed = fetch(manifests(registry, own, digest.replace(":", "-")))
    return [one["digest"] for one in listed["manifests"]]


def strip(registry: RealRegistry, own: Publication) -> None:
    """Remove all that is attached to the version's index."""
    digests = attached(registry, own, own.document["digest"])
    assert digests
    for digest in digests:
        delete(manifests(registry, own, digest))
    if registry.kind == "docker":
        empty = {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}
        tag = own.document["digest"].replace(":", "-")
        put(manifests(registry, own, tag), json.dumps(empty).encode(), INDEX)


def test_a_tag_that_was_moved_to_another_version(
    own: Publication, real_registry: RealRegistry, victim: User
) -> None:
    name = own.document["name"]
    source = own.project / "src" / "hello.py"
    before, manifest = source.read_text(), (own.project / "algo.toml").read_text()
    source.write_text(before + "\nNEXT = 1\n")
    (own.project / "algo.toml").write_text(manifest.replace("acme/hello", name))
    target = f"{real_registry.address}/{name}"
    told = own.author.done("publish", "--to", target, "--yes", "--json", cwd=own.project)
    source.write_text(before)
    (own.project / "algo.toml").write_text(manifest)
    later = json.loads(told)
    assert later["version"] != "1.0.0"
    with urllib.request.urlopen(
        urllib.request.Request(
            manifests(real_registry, own, later["digest"]), headers={"Accept": INDEX}
        )
    ) as answer:
        moved = answer.read()
    put(manifests(real_registry, own, "1.0.0"), moved, INDEX)

    assert victim.refused("verify", own.reference)["code"] == "tag_moved"
    # Whoever saw the version before is told that it was replaced, whatever its signature says.
    assert own.author.refused("verify", own.reference)["code"] in {"version_replaced", "tag_moved"}
    assert victim.refused("run", own.reference, "-d", '"Ada"')["code"] == "tag_moved"


def test_a_blob_that_was_changed(
    own: Publication, real_registry: RealRegistry, victim: User
) -> None:
    layer = next(one for one in own.document["layers"] if one["kind"] == "code")
    file = real_registry.blob(layer["digest"])
    sound = file.read_bytes()
    spoiled = bytearray(sound)
    spoiled[len(spoiled) // 2] ^= 1
    file.write_bytes(bytes(spoiled))
    refused = victim.refused("verify", own.reference)
    pulled = victim.refused("pull", own.reference)
    file.write_bytes(sound)
    assert (refused["code"], pulled["code"]) == ("blob_corrupted", "blob_corrupted")
    assert victim.algo("verify", own.reference).returncode == 0


def test_a_signature_that_was_stripped(
    own: Publication, real_registry: RealRegistry, victim: User
) -> None:
    assert victim.algo("verify", own.reference).returncode == 0
    strip(real_registry, own)
    assert victim.refused("verify", own.reference)["code"] == "signature_missing"
    assert victim.refused("pull", own.reference)["code"] == "signature_missing"


def test_a_signature_by_somebody_else(published: Publication, stranger: User) -> None:
    stranger.done("keys", "create")
    refused = stranger.refused("verify", published.reference)
    assert refused["code"] == "signature_foreign"
    assert "algo keys trust" in refused["hint"]


def test_a_key_that_was_revoked(published: Publication, friend: User) -> None:
    assert friend.algo("verify", published.reference).returncode == 0
    (known,) = json.loads(friend.done("keys", "list", "--json"))["keys"]
    friend.done("keys", "revoke", known["id"], "--reason", "lost")
    assert friend.refused("verify", published.reference)["code"] in {
        "key_revoked",
        "signature_foreign",
    }
