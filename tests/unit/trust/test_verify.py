from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from algo.errors import NOT_ALLOWED
from algo.oci import media_types
from algo.oci.descriptor import Descriptor
from algo.oci.digest import Digest
from algo.publish.ci import Run
from algo.publish.provenance import Making
from algo.publish.repository import RegistryRepository
from algo.publish.source import Source
from algo.registry.errors import BlobCorrupted
from algo.trust.attachment import PREDICATE, attach_document, attach_statement
from algo.trust.errors import (
    BlobMissing,
    HistoryBroken,
    KeyRevoked,
    NotAVersion,
    ReleaseMismatch,
    SignatureForeign,
    SignatureInvalid,
    SignatureMissing,
    TagMoved,
)
from algo.trust.keys import SigningKey
from algo.trust.statements import (
    PROVENANCE,
    RELEASE,
    SIGN,
    Previous,
    release_statement,
    sign_statement,
)
from algo.trust.verify import History, check_blobs, check_history
from msgspec.structs import replace

from tests.fakes.registry import MemoryRegistry
from tests.unit.trust.publishing import NAME, WHEN, check, contents, put, trusting

if TYPE_CHECKING:
    from pathlib import Path

    from algo.trust.attachment import Attachment

KEY = SigningKey.generate()
OTHER = SigningKey.generate()


@pytest.fixture
def registry() -> MemoryRegistry:
    return MemoryRegistry()


def attach(registry: MemoryRegistry, attachment: Attachment) -> None:
    for descriptor, content in attachment.blobs:
        registry.push_blob(NAME, descriptor, content, notify=lambda event: None)
    registry.push_manifest(NAME, attachment.manifest, media_types.MANIFEST)


def strip(registry: MemoryRegistry, subject: Digest) -> None:
    """Remove all that is attached to `subject`."""
    for descriptor in registry.referrers(NAME, subject):
        del registry.repository(NAME).manifests[descriptor.digest]


def test_a_published_version_is_verified(registry: MemoryRegistry, tmp_path: Path) -> None:
    what = contents(tmp_path)
    pushed = put(registry, what, KEY)
    verified = check(registry, pushed.index.digest, trusting(KEY.public))
    assert (verified.release.name, verified.release.version) == (NAME, "1.0.0")
    assert [image.digest for image in verified.images] == [what.images[0].digest]
    assert verified.signer is not None and verified.signer.key == KEY.public
    assert verified.release.models == {
        "classifier": str(what.images[0].layers[2].descriptor.digest)
    }
    assert set(verified.documents) == {media_types.LOCK, media_types.CONTRACT}
    repository = RegistryRepository(registry, NAME)
    layers = sum(layer.descriptor.size for layer in what.images[0].layers)
    assert check_blobs(repository, verified) > layers
    assert check_history(repository, verified, trusting(KEY.public)) == History(1)


def test_an_unknown_key_is_refused_and_shown(registry: MemoryRegistry, tmp_path: Path) -> None:
    pushed = put(registry, contents(tmp_path), OTHER)
    with pytest.raises(SignatureForeign) as caught:
        check(registry, pushed.index.digest, trusting(KEY.public))
    assert caught.value.exit_code == NOT_ALLOWED
    assert caught.value.key == OTHER.public
    assert OTHER.public.short in caught.value.message


def test_a_key_of_another_owner_is_refused(registry: MemoryRegistry, tmp_path: Path) -> None:
    from algo.trust.policy import Policy, TrustedKey

    pushed = put(registry, contents(tmp_path), KEY)
    policy = Policy((TrustedKey(KEY.public, "friend", ("other",)),), frozenset())
    with pytest.raises(SignatureForeign):
        check(registry, pushed.index.digest, policy)


def test_a_revoked_key_is_refused(registry: MemoryRegistry, tmp_path: Path) -> None:
    pushed = put(registry, contents(tmp_path), KEY)
    with pytest.raises(KeyRevoked):
        check(registry, pushed.index.digest, trusting(revoked=frozenset({KEY.public.id})))


def test_a_stripped_signature_is_refused(registry: MemoryRegistry, tmp_path: Path) -> None:
    pushed = put(registry, contents(tmp_path), KEY)
    strip(registry, pushed.index.digest)
    with pytest.raises(SignatureMissing, match="has nothing attached to it") as caught:
        check(registry, pushed.index.digest, trusting(KEY.public))
    assert "oras cp -r SOURCE TARGET" in caught.value.hint


def test_a_stripped_signature_of_an_image_is_refused(
    registry: MemoryRegistry, tmp_path: Path
) -> None:
    what = contents(tmp_path)
    pushed = put(registry, what, KEY)
    strip(registry, what.images[0].digest)
    with pytest.raises(SignatureMissing):
        check(registry, pushed.index.digest, trusting(KEY.public))


def test_a_moved_tag_is_refused(registry: MemoryRegistry, tmp_path: Path) -> None:
    put(registry, contents(tmp_path), KEY)
    newer = put(registry, contents(tmp_path, "2.0.0", code=b"other"), KEY)
    registry.repository(NAME).tags["1.0.0"] = newer.index.digest
    with pytest.raises(TagMoved, match=r"1\.0\.0 leads to .* released as acme/digits:2\.0\.0"):
        check(registry, newer.index.digest, trusting(KEY.public))


def test_a_version_under_another_name_is_refused(registry: MemoryRegistry, tmp_path: Path) -> None:
    pushed = put(registry, contents(tmp_path), KEY)
    registry.repositories["acme/fraud"] = registry.repositories[NAME]
    with pytest.raises(TagMoved):
        check(registry, pushed.index.digest, trusting(KEY.public), name="acme/fraud")


def test_a_changed_blob_is_refused(registry: MemoryRegistry, tmp_path: Path) -> None:
    what = contents(tmp_path)
    pushed = put(registry, what, KEY)
    layer = what.images[0].layers[2].descriptor
    blobs = registry.repository(NAME).blobs
    blobs[layer.digest] = blobs[layer.digest].replace(b"\x01", b"\x02", 1)
    verified = check(registry, pushed.index.digest, trusting(KEY.public))
    with pytest.raises(BlobCorrupted):
        check_blobs(RegistryRepository(registry, NAME), verified)
    del blobs[layer.digest]
    with pytest.raises(BlobMissing):
        check_blobs(RegistryRepository(registry, NAME), verified)


def test_a_changed_index_is_refused(registry: MemoryRegistry, tmp_path: Path) -> None:
    pushed = put(registry, contents(tmp_path), KEY)
    there = registry.repository(NAME).manifests
    data, media_type = there[pushed.index.digest]
    there[pushed.index.digest] = (data.replace(b"1.0.0", b"9.0.0"), media_type)
    with pytest.raises(BlobCorrupted):
        check(registry, pushed.index.digest, trusting(KEY.public))


def test_a_signature_of_another_version_does_not_count(
    registry: MemoryRegistry, tmp_path: Path
) -> None:
    what = contents(tmp_path)
    pushed = put(registry, what, KEY)
    strip(registry, pushed.index.digest)
    # Attached to this index, and speaking of another digest.
    elsewhere = sign_statement(Digest.of(b"another index"))
    attach(registry, attach_statement(elsewhere, SIGN, pushed.index, KEY))
    with pytest.raises(SignatureInvalid):
        check(registry, pushed.index.digest, trusting(KEY.public))


def test_a_payload_that_was_changed_after_signing_does_not_count(
    registry: MemoryRegistry, tmp_path: Path
) -> None:
    import msgspec

    what = contents(tmp_path)
    pushed = put(registry, what, KEY)
    strip(registry, pushed.index.digest)
    good = attach_statement(sign_statement(pushed.index.digest), SIGN, pushed.index, OTHER)
    bundle = msgspec.json.decode(good.blobs[1][1])
    signed = attach_statement(sign_statement(Digest.of(b"x")), SIGN, pushed.index, KEY)
    taken = msgspec.json.decode(signed.blobs[1][1])
    bundle["dsseEnvelope"]["signatures"] = taken["dsseEnvelope"]["signatures"]
    bundle["verificationMaterial"] = taken["verificationMaterial"]
    changed = msgspec.json.encode(bundle)
    descriptor = Descriptor(media_types.SIGSTORE_BUNDLE, Digest.of(changed), len(changed))
    manifest = good.manifest.replace(
        good.blobs[1][0].digest.hex.encode(), descriptor.digest.hex.encode()
    ).replace(f'"size":{good.blobs[1][0].size}'.encode(), f'"size":{len(changed)}'.encode())
    registry.push_blob(NAME, descriptor, changed, notify=lambda event: None)
    registry.push_manifest(NAME, manifest, media_types.MANIFEST)
    with pytest.raises((SignatureInvalid, SignatureForeign)):
        check(registry, pushed.index.digest, trusting(KEY.public))


def test_rubbish_and_foreign_signatures_beside_a_good_one_do_no_harm(
    registry: MemoryRegistry, tmp_path: Path
) -> None:
    pushed = put(registry, contents(tmp_path), KEY)
    digest = pushed.index.digest
    attach(registry, attach_statement(sign_statement(digest), SIGN, pushed.index, OTHER))
    attach(registry, attach_statement(b"no statement", SIGN, pushed.index, KEY))
    attach(registry, attach_statement(b"\xff\xfe", RELEASE, pushed.index, OTHER))
    signer = check(registry, digest, trusting(KEY.public)).signer
    assert signer is not None and signer.key == KEY.public


def test_a_release_that_names_other_images_is_refused(
    registry: MemoryRegistry, tmp_path: Path
) -> None:
    import msgspec

    what = contents(tmp_path)
    pushed = put(registry, what, KEY)
    strip(registry, pushed.index.digest)
    release = msgspec.structs.replace(
        what.release(WHEN), images={"linux/amd64": str(Digest.of(b"another image"))}
    )
    for statement, kind in (
        (sign_statement(pushed.index.digest), SIGN),
        (release_statement(release, pushed.index.digest), RELEASE),
    ):
        attach(registry, attach_statement(statement, kind, pushed.index, KEY))
    with pytest.raises(ReleaseMismatch):
        check(registry, pushed.index.digest, trusting(KEY.public))


def test_a_missing_document_is_refused(registry: MemoryRegistry, tmp_path: Path) -> None:
    pushed = put(registry, contents(tmp_path), KEY)
    for descriptor in registry.referrers(NAME, pushed.index.digest):
        if descriptor.artifact_type == media_types.LOCK:
            del registry.repository(NAME).manifests[descriptor.digest]
    with pytest.raises(BlobMissing):
        check(registry, pushed.index.digest, trusting(KEY.public))


def test_the_provenance_that_the_release_names_must_be_there(
    registry: MemoryRegistry, tmp_path: Path
) -> None:
    what = replace(contents(tmp_path), making=Making(Source(None), Run()))
    pushed = put(registry, what, KEY)
    verified = check(registry, pushed.index.digest, trusting(KEY.public))
    assert verified.provenance is not None and verified.provenance.source is None
    for descriptor in registry.referrers(NAME, pushed.index.digest):
        if descriptor.annotations.get(PREDICATE) == PROVENANCE:
            del registry.repository(NAME).manifests[descriptor.digest]
    with pytest.raises(BlobMissing, match=r"slsa\.dev"):
        check(registry, pushed.index.digest, trusting(KEY.public))


def test_a_release_that_names_another_statement_as_provenance_is_refused(
    registry: MemoryRegistry, tmp_path: Path
) -> None:
    what = contents(tmp_path)
    pushed = put(registry, what, KEY)
    strip(registry, pushed.index.digest)
    attach(registry, attach_statement(sign_statement(pushed.index.digest), SIGN, pushed.index, KEY))
    signed = str(Digest.of(sign_statement(pushed.index.digest)))
    release = msgspec.structs.replace(what.release(WHEN), statements={PROVENANCE: (signed,)})
    statement = release_statement(release, pushed.index.digest)
    attach(registry, attach_statement(statement, RELEASE, pushed.index, KEY))
    for descriptor, document in (
        (what.lock, media_types.LOCK),
        (what.contract, media_types.CONTRACT),
    ):
        attach(registry, attach_document(descriptor, document, "x", pushed.index))
    with pytest.raises(ReleaseMismatch, match="another statement"):
        check(registry, pushed.index.digest, trusting(KEY.public))


def test_an_image_by_itself_is_no_version(registry: MemoryRegistry, tmp_path: Path) -> None:
    what = contents(tmp_path)
    put(registry, what, KEY)
    with pytest.raises(NotAVersion):
        check(registry, what.images[0].digest, trusting(KEY.public), version="")


def test_the_history_leads_back_to_the_first_version(
    registry: MemoryRegistry, tmp_path: Path
) -> None:
    policy = trusting(KEY.public)
    first = put(registry, contents(tmp_path), KEY)
    known = check(registry, first.index.digest, policy)
    previous = Previous("1.0.0", str(known.release_digest))
    second = put(registry, contents(tmp_path, "1.0.1", previous=previous), KEY)
    verified = check(registry, second.index.digest, policy, version="1.0.1")
    assert check_history(RegistryRepository(registry, NAME), verified, policy) == History(2)

    tags = registry.repository(NAME).tags
    del tags["1.0.0"]
    with pytest.raises(HistoryBroken, match="gone"):
        check_history(RegistryRepository(registry, NAME), verified, policy)
    seen = {("1.0.1", second.index.digest): "registry.example.com/acme/hello"}
    taken = check_history(
        RegistryRepository(registry, NAME),
        verified,
        policy,
        lambda version, digest: seen.get((version, digest), ""),
    )
    assert taken == History(1, "registry.example.com/acme/hello")
    replaced = put(registry, contents(tmp_path, code=b"replaced"), KEY)
    assert tags["1.0.0"] == replaced.index.digest
    with pytest.raises(HistoryBroken, match=r"is not the version that 1\.0\.1"):
        check_history(RegistryRepository(registry, NAME), verified, policy)


def test_publishing_again_writes_the_same_bytes(tmp_path: Path) -> None:
    first, second = MemoryRegistry(), MemoryRegistry()
    put(first, contents(tmp_path), KEY)
    put(second, contents(tmp_path), KEY)
    assert first.repository(NAME).manifests == second.repository(NAME).manifests
    assert first.repository(NAME).blobs == second.repository(NAME).blobs
