"""Durations and sizes, as a manifest has them."""

from __future__ import annotations

import re

from algo.project.errors import ManifestInvalid

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_SIZES = {"": 1, "b": 1, "kb": 1000, "mb": 10**6, "gb": 10**9}
_SIZES |= {"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}


def seconds(text: str, key: str = "") -> float:
    """Return the duration `text` (`250ms`, `60s`, `2m`, `1h`) in seconds.

    Raises:
        ManifestInvalid: It is none; the message names `key`.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text.strip())
    if not match:
        raise ManifestInvalid(
            f"{_at(key)}{text!r} is not a duration", hint="write it as 250ms, 60s or 2m"
        )
    return float(match[1]) * _UNITS[match[2]]


def size(text: str, key: str = "") -> int:
    """Return the size `text` (`10MB`, `1GiB`, `4096`) in bytes.

    Raises:
        ManifestInvalid: It is none; the message names `key`.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", text.strip())
    if not match or match[2].lower() not in _SIZES:
        raise ManifestInvalid(f"{_at(key)}{text!r} is not a size", hint="write it as 10MB or 1GiB")
    return int(float(match[1]) * _SIZES[match[2].lower()])


def _at(key: str) -> str:
    return f"{key}: " if key else ""
