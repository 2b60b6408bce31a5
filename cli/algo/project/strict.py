"""JSON as people write it into a project: nothing in it is taken in silence."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from algo.errors import AlgoError


def load(text: str, where: str, refused: type[AlgoError]) -> Any:
    """Return the value of a JSON text.

    Args:
        text: The text.
        where: What to call it in an error.
        refused: The error to raise.

    Raises:
        AlgoError: `refused`: it is not JSON (line and column are named), or has a key twice.
    """

    def constant(name: str) -> NoReturn:
        raise refused(f"{where} holds {name}, which JSON does not have")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise refused(f"{where}: the key {key!r} stands twice in one object")
            found[key] = value
        return found

    try:
        return json.loads(text, parse_constant=constant, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        reason = error.msg[:1].lower() + error.msg[1:]
        raise refused(f"{where}:{error.lineno}:{error.colno} is not JSON: {reason}") from error
    except RecursionError as error:
        raise refused(f"{where} is nested too deeply") from error
