"""Sigstore bundles v0.3 with a DSSE envelope, signed with a key of ours.

https://github.com/sigstore/cosign/blob/main/specs/BUNDLE_SPEC.md and
https://github.com/secure-systems-lab/dsse/blob/master/protocol.md
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

import msgspec

from algo.oci import media_types
from algo.oci.errors import BadDocument
from algo.oci.manifest import MAX_MANIFEST
from algo.values import Value

if TYPE_CHECKING:
    from algo.trust.keys import PublicKey, SigningKey

PAYLOAD = "application/vnd.in-toto+json"
PREFIX = "application/vnd.dev.sigstore.bundle"


class _Signature(msgspec.Struct):
    # No keyid: cosign refuses one that it did not make itself.
    sig: str


class _Envelope(msgspec.Struct, rename="camel"):
    payload: str
    payload_type: str
    signatures: tuple[_Signature, ...]


class _Hint(msgspec.Struct, frozen=True):
    hint: str = ""


class _Material(msgspec.Struct, rename="camel"):
    public_key: _Hint = _Hint()
    tlog_entries: tuple[msgspec.Raw, ...] = ()


class _Document(msgspec.Struct, rename="camel"):
    media_type: str
    verification_material: _Material
    dsse_envelope: _Envelope


class Bundle(Value, frozen=True):
    """A signed statement; `hint` is what it says of its key, which proves nothing."""

    payload: bytes
    payload_type: str
    signatures: tuple[bytes, ...]
    hint: str

    def signed_by(self, key: PublicKey) -> bool:
        """Tell whether one of the signatures is that of `key` on this payload."""
        message = pae(self.payload_type, self.payload)
        return any(key.verifies(signature, message) for signature in self.signatures)


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return what DSSE signs: type and payload with their lengths."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def make_bundle(statement: bytes, key: SigningKey) -> bytes:
    """Return the bundle of `statement` signed with `key`, the same bytes each time."""
    signature = key.sign(pae(PAYLOAD, statement))
    envelope = _Envelope(
        payload=base64.b64encode(statement).decode(),
        payload_type=PAYLOAD,
        signatures=(_Signature(base64.b64encode(signature).decode()),),
    )
    material = _Material(_Hint(key.public.id))
    return msgspec.json.encode(_Document(media_types.SIGSTORE_BUNDLE, material, envelope))


def read_bundle(data: bytes) -> Bundle:
    """Read a bundle that holds a DSSE envelope.

    Raises:
        BadDocument: It is none, or too large.
    """
    if len(data) > MAX_MANIFEST:
        raise BadDocument(f"a bundle of {len(data)} bytes is over the limit of {MAX_MANIFEST}")
    try:
        document = msgspec.json.decode(data, type=_Document)
        envelope = document.dsse_envelope
        return Bundle(
            payload=base64.b64decode(envelope.payload, validate=True),
            payload_type=envelope.payload_type,
            signatures=tuple(base64.b64decode(item.sig) for item in envelope.signatures),
            hint=document.verification_material.public_key.hint,
        )
    except (msgspec.MsgspecError, binascii.Error, RecursionError, UnicodeDecodeError) as error:
        raise BadDocument(f"the bundle cannot be read: {error}") from error
