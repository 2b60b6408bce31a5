"""A document of cases in strict JSON, and words for what stands in it."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from algo.contract.errors import CaseInvalid
from algo.contract.values import kind


def load(text: str, where: str) -> Any:
    """Return the value of a JSON text.

    Raises:
        CaseInvalid: It is not JSON (line and column are named), or has a key twice.
    """

    def constant(name: str) -> NoReturn:
        raise CaseInvalid(f"{where} holds {name}, which JSON does not have")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise CaseInvalid(f"{where}: the key {key!r} stands twice in one object")
            found[key] = value
        return found

    try:
        return json.loads(text, parse_constant=constant, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        reason = error.msg[:1].lower() + error.msg[1:]
        raise CaseInvalid(f"{where}:{error.lineno}:{error.colno} is not JSON: {reason}") from error
    except RecursionError as error:
        raise CaseInvalid(f"{where} is nested too deeply") from error


def a(value: Any) -> str:
    """Return the kind of a value with its article."""
    word = kind(value)
    return "null" if word == "null" else f"an {word}" if word[0] in "aio" else f"a {word}"
