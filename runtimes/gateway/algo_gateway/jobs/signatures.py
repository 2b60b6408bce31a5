"""Standard Webhooks: who sent a message, when, and that nobody changed it.

Source: https://github.com/standard-webhooks/standard-webhooks, specification 1.0.0.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

_PREFIX = "whsec_"


class BadSecret(ValueError):
    """What should be a secret is none."""


def keys_of(text: str) -> tuple[bytes, ...]:
    """Return the keys of `whsec_BASE64`; several, between spaces, while one replaces another.

    Raises:
        BadSecret: One of them is not base64, or shorter than 24 bytes.
    """
    keys = []
    for secret in text.split():
        try:
            key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except binascii.Error as error:
            raise BadSecret("a webhook secret is not whsec_ and base64") from error
        if len(key) < 24:
            raise BadSecret("a webhook secret has less than 24 bytes")
        keys.append(key)
    return tuple(keys)


def signed(keys: tuple[bytes, ...], message: str, at: int, body: bytes) -> dict[str, str]:
    """Return the headers that sign `body`.

    Args:
        keys: Each makes a signature.
        message: Its id, the same at every attempt to deliver it.
        at: Seconds since 1970, of this attempt.
        body: What is sent.
    """
    content = f"{message}.{at}.".encode() + body
    signatures = [
        "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        for key in keys
    ]
    return {
        "webhook-id": message,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(signatures),
    }
