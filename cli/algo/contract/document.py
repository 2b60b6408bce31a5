"""A document of cases in strict JSON, and words for what stands in it."""

from __future__ import annotations

from typing import Any

from algo.contract.errors import CaseInvalid
from algo.contract.values import kind
from algo.project import strict


def load(text: str, where: str) -> Any:
    """Return the value of a JSON text.

    Raises:
        CaseInvalid: It is not JSON (line and column are named), or has a key twice.
    """
    return strict.load(text, where, CaseInvalid)


def a(value: Any) -> str:
    """Return the kind of a value with its article."""
    word = kind(value)
    return "null" if word == "null" else f"an {word}" if word[0] in "aio" else f"a {word}"
