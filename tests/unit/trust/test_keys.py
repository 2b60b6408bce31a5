from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from algo.trust.errors import KeyInvalid, KeyLocked
from algo.trust.keys import PublicKey, SigningKey

if TYPE_CHECKING:
    from pathlib import Path


def ed25519() -> str:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519

    return (
        ed25519.Ed25519PrivateKey.generate()
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


def test_a_key_signs_the_same_bytes_each_time_and_its_public_half_verifies() -> None:
    key = SigningKey.generate()
    signature = key.sign(b"message")
    assert signature == key.sign(b"message")
    assert key.public.verifies(signature, b"message")
    assert not key.public.verifies(signature, b"another")
    assert not SigningKey.generate().public.verifies(signature, b"message")
    assert not key.public.verifies(b"no signature", b"message")


def test_the_id_is_the_hash_of_the_pem_text() -> None:
    key = SigningKey.generate().public
    assert key.pem.startswith("-----BEGIN PUBLIC KEY-----\n")
    assert key.id == hashlib.sha256(key.pem.encode()).hexdigest()
    assert PublicKey.parse(key.pem.replace("\n", "\r\n")).id == key.id


def test_a_private_key_is_read_back_with_and_without_a_passphrase() -> None:
    key = SigningKey.generate()
    assert SigningKey.parse(key.pem()).public == key.public
    locked = key.pem("secret")
    assert "ENCRYPTED PRIVATE KEY" in locked
    assert SigningKey.parse(locked, "secret").public == key.public
    for password in ("", "wrong"):
        with pytest.raises(KeyLocked):
            SigningKey.parse(locked, password)


BROKEN = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize("text", ["", "no key", BROKEN])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(KeyInvalid):
        SigningKey.parse(text)
    with pytest.raises(KeyInvalid):
        PublicKey.parse(text)


def test_a_key_that_some_verifier_does_not_take_is_refused() -> None:
    with pytest.raises(KeyInvalid, match="EC key"):
        SigningKey.parse(ed25519())


def test_a_private_key_never_shows_in_a_repr() -> None:
    key = SigningKey.generate()
    assert "PRIVATE" not in repr(key)
    assert "_private" not in repr(key)


@pytest.mark.cosign
def test_a_key_of_the_real_cosign_is_opened(cosign3: Path, tmp_path: Path) -> None:
    import os
    import subprocess

    subprocess.run(
        [str(cosign3), "generate-key-pair"],
        cwd=tmp_path,
        env={**os.environ, "COSIGN_PASSWORD": "gutes Wetter"},
        check=True,
        capture_output=True,
    )
    text = (tmp_path / "cosign.key").read_text()
    key = SigningKey.parse(text, "gutes Wetter")
    assert key.public == PublicKey.parse((tmp_path / "cosign.pub").read_text())
    with pytest.raises(KeyLocked):
        SigningKey.parse(text, "schlechtes")
