"""EC P-256 keys: the one kind that cosign, openssl and model-signing all verify."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from algo.trust.errors import KeyInvalid, KeyLocked
from algo.values import Value

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----\n?", re.DOTALL)


class PublicKey(Value, frozen=True):
    """A public key in its one PEM form (SubjectPublicKeyInfo, newline at the end)."""

    pem: str

    @classmethod
    def parse(cls, text: str) -> PublicKey:
        """Read the public key in PEM `text`; other blocks in it are skipped.

        Raises:
            KeyInvalid: There is none, or it is not on the curve P-256.
        """
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import serialization

        block = _block(text, "PUBLIC KEY")
        if not block:
            raise KeyInvalid("there is no PEM public key in it")
        try:
            key = serialization.load_pem_public_key(block.encode())
        except (ValueError, UnsupportedAlgorithm) as error:
            raise KeyInvalid(f"the public key cannot be read: {error}") from error
        return cls(_spki(key))

    @property
    def id(self) -> str:
        """The hexadecimal SHA-256 of the PEM text: what a Sigstore bundle's hint holds."""
        return hashlib.sha256(self.pem.encode()).hexdigest()

    @property
    def short(self) -> str:
        """The first 16 digits of the id, for people."""
        return self.id[:16]

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Tell whether `signature` (ECDSA over SHA-256, DER) is this key's on `message`."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        key = serialization.load_pem_public_key(self.pem.encode())
        assert isinstance(key, ec.EllipticCurvePublicKey)
        try:
            key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and its public half."""

    public: PublicKey
    _private: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def generate(cls) -> SigningKey:
        """Make a new key."""
        from cryptography.hazmat.primitives.asymmetric import ec

        return cls._of(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def parse(cls, text: str, password: str = "") -> SigningKey:
        """Read the private key in PEM `text` (PKCS#8, SEC 1 or cosign's own form).

        Args:
            text: The PEM text; public blocks in it are skipped.
            password: Its passphrase, ignored when the key is not encrypted.

        Raises:
            KeyInvalid: There is none, or it is not on the curve P-256.
            KeyLocked: It is encrypted and `password` does not open it.
        """
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        block = _block(text, "PRIVATE KEY")
        if not block:
            raise KeyInvalid("there is no PEM private key in it")
        if "SIGSTORE PRIVATE KEY" in block or "COSIGN PRIVATE KEY" in block:
            from algo.trust.cosign import open_key

            der = open_key(block, password)
            key = serialization.load_der_private_key(der, None)
        else:
            locked = "ENCRYPTED" in block
            if locked and not password:
                raise KeyLocked("the signing key is encrypted and no passphrase was given")
            try:
                secret = password.encode() if locked else None
                key = serialization.load_pem_private_key(block.encode(), secret)
            except (ValueError, TypeError, UnsupportedAlgorithm) as error:
                if locked:
                    raise KeyLocked("the passphrase does not open the signing key") from error
                raise KeyInvalid(f"the private key cannot be read: {error}") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise KeyInvalid("the key is not an EC key")
        return cls._of(key)

    @classmethod
    def _of(cls, key: ec.EllipticCurvePrivateKey) -> SigningKey:
        return cls(PublicKey(_spki(key.public_key())), key)

    def sign(self, message: bytes) -> bytes:
        """Return the DER signature of `message`, the same each time (RFC 6979)."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        return self._private.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))

    def pem(self, password: str = "") -> str:
        """Return the key as PKCS#8 PEM, encrypted when there is a `password`."""
        from cryptography.hazmat.primitives import serialization

        encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if password:
            encryption = serialization.BestAvailableEncryption(password.encode())
        return self._private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
        ).decode()


def _block(text: str, kind: str) -> str:
    """Return the first PEM block whose label ends with `kind`, empty when there is none."""
    found = (match[0] for match in _BLOCK.finditer(text) if match[1].endswith(kind))
    return next(found, "")


def _spki(key: object) -> str:
    """Return the PEM of a public key on P-256.

    Raises:
        KeyInvalid: It is another kind of key.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise KeyInvalid("the key is not an EC key on the curve P-256")
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()
