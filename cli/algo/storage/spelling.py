"""How names are compared by file systems that do not tell every spelling apart."""

from __future__ import annotations

import unicodedata


def folded(name: str) -> str:
    """Return the name as macOS and Windows compare it."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())
