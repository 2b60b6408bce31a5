"""`/openapi.json`: what one algorithm takes and answers (OpenAPI 3.1).

Each part of the HTTP side adds its own operations, in its `describe(interface)`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

from algo_gateway.http.schemas import hoisted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from algo_gateway.config import Description
    from algo_gateway.http.routes import Routes

Json = dict[str, Any]
TEXT = "text/plain"
ANY = ("application/json", TEXT, "application/octet-stream")
JSON_LINES = "application/jsonl"
EVENTS = "text/event-stream"
# Why a call has no result, by status.
ERRORS = {
    "400": "The body is malformed, is not what the algorithm takes, or was refused by it.",
    "413": "The body is over the limit.",
    "415": "The body's content-encoding is none that is known.",
    "429": "The queue is full.",
    "500": "The algorithm failed.",
    "502": "The worker ended during the call.",
    "503": "The algorithm is not loaded.",
    "504": "No answer within the deadline.",
}
_REFUSALS = {
    "401": "There is no token, or none that counts.",
    "403": "The token may not do this.",
}
_FILE = {"type": "string", "contentMediaType": "application/octet-stream"}
# Of an array each item is a field; anything else that has parts is JSON.
_PLAIN = ("string", "integer", "number", "boolean", "array")
_RETRY = {
    "Retry-After": {
        "description": "Seconds after which to come again.",
        "schema": {"type": "integer", "minimum": 1},
    }
}
_PROBLEM = {
    "type": "object",
    "properties": {"path": {"type": "string"}, "message": {"type": "string"}},
    "required": ["path", "message"],
    "additionalProperties": False,
}
_ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "code": {"type": "string", "description": "Stable: decide by it."},
                "message": {"type": "string"},
                "type": {"type": "string", "description": "The class of an exception."},
                "hint": {"type": "string", "description": "What to do about it."},
                "problems": {
                    "type": "array",
                    "items": _PROBLEM,
                    "description": "What is wrong with an input, and where.",
                },
                "stacktrace": {"type": "string", "description": "In development only."},
            },
            "required": ["code", "message"],
            "additionalProperties": False,
        }
    },
    "required": ["error"],
    "additionalProperties": False,
}


class Part(Protocol):
    """A part of the HTTP side: it answers some paths, and says what they are."""

    def register(self, routes: Routes) -> None:
        """Add its paths."""

    def describe(self, interface: Interface) -> None:
        """Add its operations."""


class Interface:
    """The document while it is made.

    Args:
        description: `algorithm.json`.
        schema: What is known of input and output, an empty one for nothing.
    """

    def __init__(self, description: Description, schema: Mapping[str, Any]) -> None:
        self.description = description
        self._sides = schema
        self._schemas: Json = {"Error": _ERROR}
        self._paths: dict[str, Json] = {}
        self._guards: Json = {}
        self._input = hoisted(self._sides.get("input", {}), self._schemas, "Input")
        self._output = hoisted(self._sides.get("output", {}), self._schemas, "Output")

    def add(self, methods: str, path: str, name: str, operation: Json) -> None:
        """Add what `methods` (between spaces) of `path` do.

        Args:
            methods: `"GET HEAD"`.
            path: Its parameters in braces.
            name: Unique in the document; a second method adds its own name to it.
            operation: `summary`, `responses` and whatever else OpenAPI knows.
        """
        for method in methods.lower().split():
            unique = name if method == methods.lower().split()[0] else f"{name}_{method}"
            whole = {"operationId": unique, **operation}
            if method == "head":
                whole["responses"] = _without_content(operation["responses"])
            self._paths.setdefault(path, {})[method] = whole

    def component(self, name: str, schema: Json) -> Json:
        """Add a schema under `name`; return the reference to it."""
        self._schemas[name] = schema
        return {"$ref": f"#/components/schemas/{name}"}

    @property
    def result(self) -> Json:
        """The schema of a result."""
        return self._output

    @property
    def request(self) -> Json:
        """The body of a call."""
        kinds = self._sides.get("accepts") or ANY
        return {"required": True, "content": {kind: self._taken(kind) for kind in kinds}}

    @property
    def answer(self) -> Json:
        """The answer to a call that has a result."""
        content = {kind: self._given(kind) for kind in self._sides.get("returns") or ANY}
        if self._sides.get("streams"):
            content = {
                JSON_LINES: {"schema": self._pieces()},
                EVENTS: {"schema": {"type": "string"}},
            }
        return {"description": "What the algorithm returned.", "content": content}

    def errors(self, *statuses: str) -> Json:
        """Return the answers with our error document: of `statuses`, else of every call."""
        return {status: _error(status) for status in statuses or ERRORS}

    def guard(self, routes: Routes) -> None:
        """Say of each operation that `routes` lets nobody to without a token, which one."""
        self._guards = {"bearer": {"type": "http", "scheme": "bearer"}}
        for path, operations in self._paths.items():
            place = re.sub(r"\{[^}]*\}", "x", path)
            for method, operation in operations.items():
                handler = routes.find(method.upper(), place)
                scope = routes.scope_of(handler) if handler is not None else ""
                if scope:
                    refusals = self.errors("401", "403")
                    if method == "head":
                        refusals = _without_content(refusals)
                    operation["security"] = [{"bearer": [scope]}]
                    operation["responses"] = {**operation["responses"], **refusals}

    def document(self) -> Json:
        """Return the whole."""
        guards = {"securitySchemes": self._guards} if self._guards else {}
        return {
            "openapi": "3.1.0",
            "info": {"title": self.description.name, "version": "1"},
            "paths": self._paths,
            "components": {"schemas": self._schemas, **guards},
        }

    def _taken(self, kind: str) -> Json:
        if kind == "application/json":
            sample = self.description.sample
            return {"schema": self._input} | ({} if sample is None else {"example": sample})
        if kind.startswith("multipart/"):
            return self._form()
        return {"schema": {"type": "string"} if kind.startswith("text/") else {}}

    def _pieces(self) -> Json:
        """A stream is a text, and its lines together are a list of pieces."""
        about = {"type": "array", "items": self._output}
        said = {"contentMediaType": JSON_LINES, "contentSchema": about} if self._output else {}
        return {"type": "string", **said}

    def _form(self) -> Json:
        """The input as a form: its files are files, and what has parts of its own is JSON."""
        schema = self._input
        if "$ref" in schema:
            schema = self._schemas[schema["$ref"].rpartition("/")[2]]
        known = schema.get("properties", {})
        files = {name: _FILE for name in self._sides.get("files", ()) if name in known}
        if not files:
            return {"schema": {"type": "object"}}
        encoded = {
            name: {"contentType": "application/json"}
            for name, one in known.items()
            if name not in files and one.get("type") not in _PLAIN
        }
        return {"schema": {**schema, "properties": {**known, **files}}, "encoding": encoded}

    def _given(self, kind: str) -> Json:
        if kind == "application/json":
            return {"schema": self._output}
        return {"schema": {"type": "string"} if kind.startswith("text/") else {}}


def document(
    description: Description,
    schema: Mapping[str, Any],
    parts: Iterable[Part],
    guarded: Routes | None = None,
) -> dict[str, Any]:
    """Return the OpenAPI document: what `parts` add to it.

    Args:
        description: `algorithm.json`.
        schema: What is known of input and output (`Pool.sides`).
        parts: The parts of the HTTP side.
        guarded: Which path needs which token; None where nobody needs one.
    """
    interface = Interface(description, schema)
    for part in parts:
        part.describe(interface)
    if guarded is not None:
        interface.guard(guarded)
    return interface.document()


def _error(status: str) -> Json:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    text = ERRORS.get(status) or _REFUSALS.get(status, "It cannot be done.")
    answer: Json = {"description": text, "content": content}
    return answer | ({"headers": _RETRY} if status == "429" else {})


def _without_content(responses: Json) -> Json:
    return {
        status: {name: value for name, value in answer.items() if name != "content"}
        for status, answer in responses.items()
    }
