"""Inputs held against the project's `schema.json` (JSON Schema 2020-12).

For code that declares no types itself. A form is not looked at: its fields are text until the
algorithm reads them.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec
from referencing import Registry

from algo_gateway.calls.call import Failure
from algo_gateway.calls.rules import Validator
from algo_gateway.calls.wording import any_type, problems

if TYPE_CHECKING:
    from collections.abc import Mapping

    from algo_gateway.calls.wording import Problem

# Who sends ten thousand wrong numbers does not read ten thousand lines.
MOST = 20
# To look at a value takes so many times longer than to read its bytes.
EFFORT = 50
_JSON = ("application/json", "application/x-www-form-urlencoded", "")
_FORM = "application/vnd.algo.parts"
_LOCAL = "#/$defs/"


class Declared:
    """Tells whether a body is what `schema`, of an input, says; in time in proportion to it.

    Nothing is fetched for a reference: one that leads out of the schema is the schema's fault.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = schema
        self._validator = Validator(schema, registry=Registry())

    def check(self, kind: str, body: bytes) -> None:
        """Refuse a body that is something else; one that is malformed is left to the runner.

        Args:
            kind: The content type.
            body: JSON, text or bytes.

        Raises:
            Failure: 400, `invalid_input`, with the first problems and their places.
        """
        name = kind.partition(";")[0].strip().lower()
        try:
            if name in _JSON or name.endswith("+json"):
                self._refuse(self._problems(msgspec.json.decode(body)))
            elif name.startswith("text/"):
                self._refuse(self._problems(body.decode()))
            elif name != _FORM and not self.takes_strings:
                what = any_type(self._types)
                self._refuse([("input", f"expected {what}, got {len(body)} bytes")])
        except (msgspec.DecodeError, UnicodeDecodeError):
            return  # the runner tells where
        except RecursionError:
            self._refuse([("input", "is nested too deep to be held against schema.json")])

    @property
    def takes_strings(self) -> bool:
        """Whether text, or bytes in its place, may be the whole input."""
        return not self._types or "string" in self._types

    @property
    def _types(self) -> list[str]:
        """The types that the input may have; empty where the schema does not say it right away."""
        schema: Mapping[str, Any] = self._schema
        names = schema.get("$defs", {})
        for _ in range(len(names) + 1):
            if "type" not in schema and "$ref" in schema:
                schema = names[schema["$ref"].removeprefix(_LOCAL)]
        said = schema.get("type", []) if isinstance(schema, dict) else []
        return [said] if isinstance(said, str) else list(said)

    def _problems(self, value: Any) -> list[Problem]:
        found = (one for error in self._validator.iter_errors(value) for one in problems(error))
        return list(islice(found, MOST + 1))

    def _refuse(self, found: list[Problem]) -> None:
        if not found:
            return
        told = [{"path": path, "message": text[:500]} for path, text in found[:MOST]]
        lines = [f"{one['path']}: {one['message']}" for one in told]
        if len(found) > MOST:
            lines.append("these are the first; there may be more")
        raise Failure(400, "invalid_input", "\n".join(lines), problems=told)
