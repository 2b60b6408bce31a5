"""Open the encrypted private keys that `cosign generate-key-pair` writes.

The PEM block holds JSON: scrypt parameters and a NaCl secretbox with the PKCS#8 DER inside
(sigstore/cosign, pkg/cosign/keys.go; secure-systems-lab/go-securesystemslib, encrypted).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct

import msgspec

from algo.trust.errors import KeyInvalid, KeyLocked

_ROUNDS = 20
_SIGMA = struct.unpack("<4I", b"expand 32-byte k")
_MASK = 0xFFFFFFFF
_MEMORY = 256 << 20


class _Params(msgspec.Struct):
    N: int
    r: int
    p: int


class _Kdf(msgspec.Struct):
    name: str
    params: _Params
    salt: bytes


class _Cipher(msgspec.Struct):
    name: str
    nonce: bytes


class _Encrypted(msgspec.Struct):
    kdf: _Kdf
    cipher: _Cipher
    ciphertext: bytes


def open_key(block: str, password: str) -> bytes:
    """Return the PKCS#8 DER of the encrypted key in the PEM `block`.

    Raises:
        KeyInvalid: It is not in cosign's form.
        KeyLocked: `password` does not open it.
    """
    body = "".join(line for line in block.splitlines() if line and not line.startswith("-----"))
    try:
        box = msgspec.json.decode(base64.b64decode(body, validate=True), type=_Encrypted)
    except (binascii.Error, msgspec.MsgspecError) as error:
        raise KeyInvalid(f"the cosign key cannot be read: {error}") from error
    if (box.kdf.name, box.cipher.name) != ("scrypt", "nacl/secretbox"):
        raise KeyInvalid(f"the cosign key uses {box.kdf.name} and {box.cipher.name}")
    params = box.kdf.params
    try:
        key = hashlib.scrypt(
            password.encode(),
            salt=box.kdf.salt,
            n=params.N,
            r=params.r,
            p=params.p,
            maxmem=_MEMORY,
            dklen=32,
        )
    except ValueError as error:
        raise KeyInvalid(f"the cosign key cannot be read: {error}") from error
    return open_box(key, box.cipher.nonce, box.ciphertext)


def open_box(key: bytes, nonce: bytes, box: bytes) -> bytes:
    """Open a NaCl secretbox (XSalsa20 and Poly1305).

    Raises:
        KeyInvalid: The nonce has another length, or the box is too short.
        KeyLocked: The key is wrong, or the box was changed.
    """
    from cryptography.hazmat.primitives.poly1305 import Poly1305

    if len(nonce) != 24 or len(box) < 16:
        raise KeyInvalid("the cosign key is cut off")
    tag, secret = box[:16], box[16:]
    inner = _core(key, nonce[:16], feed_forward=False)
    stream = b"".join(
        _core(inner, nonce[16:] + struct.pack("<Q", block), feed_forward=True)
        for block in range((len(secret) + 32 + 63) // 64)
    )
    if not hmac.compare_digest(Poly1305.generate_tag(stream[:32], secret), tag):
        raise KeyLocked("the passphrase does not open the cosign key")
    return bytes(a ^ b for a, b in zip(secret, stream[32:], strict=False))


def _core(key: bytes, block: bytes, *, feed_forward: bool) -> bytes:
    """Return the Salsa20 block of `key` and `block`, or HSalsa20's 32 bytes without the sum."""
    k, n, s = struct.unpack("<8I", key), struct.unpack("<4I", block), _SIGMA
    start = (s[0], *k[:4], s[1], *n, s[2], *k[4:], s[3])
    x = list(start)
    for _ in range(_ROUNDS // 2):
        for a, b, c, d in ((0, 4, 8, 12), (5, 9, 13, 1), (10, 14, 2, 6), (15, 3, 7, 11)):
            _quarter(x, a, b, c, d)
        for a, b, c, d in ((0, 1, 2, 3), (5, 6, 7, 4), (10, 11, 8, 9), (15, 12, 13, 14)):
            _quarter(x, a, b, c, d)
    if not feed_forward:
        return struct.pack("<8I", *(x[place] for place in (0, 5, 10, 15, 6, 7, 8, 9)))
    return struct.pack("<16I", *((a + b) & _MASK for a, b in zip(x, start, strict=True)))


def _quarter(x: list[int], a: int, b: int, c: int, d: int) -> None:
    x[b] ^= _rotate(x[a] + x[d], 7)
    x[c] ^= _rotate(x[b] + x[a], 9)
    x[d] ^= _rotate(x[c] + x[b], 13)
    x[a] ^= _rotate(x[d] + x[c], 18)


def _rotate(value: int, by: int) -> int:
    value &= _MASK
    return ((value << by) | (value >> (32 - by))) & _MASK
