"""The calls in `/openapi.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from algo_gateway.http.openapi import Interface

_ABOUT = "`X-Request-Timeout` (`500ms`, `2s`) or `grpc-timeout` asks for an earlier deadline. "
_ABOUT += "`Prefer: respond-async` makes it a job, answered with 202."
_JOB = {"application/json": {"schema": {"$ref": "#/components/schemas/Job"}}}
_VERSION = {
    "name": "version",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+){0,2}$"},
}
_ALGORITHMIA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "result": {"description": "Text is a string, binary content its base64."},
        "metadata": {
            "type": "object",
            "properties": {
                "content_type": {"enum": ["json", "text", "binary"]},
                "duration": {"type": "number", "description": "In seconds."},
                "stdout": {"type": "string", "description": "In development, if asked for."},
            },
            "required": ["content_type", "duration"],
            "additionalProperties": False,
        },
    },
    "required": ["result", "metadata"],
    "additionalProperties": False,
}


_ALGORITHMIA_ERROR: dict[str, Any] = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {name: {"type": "string"} for name in ("message", "error_type", "code")},
            "required": ["message", "error_type", "code"],
        }
    },
    "required": ["error"],
    "additionalProperties": False,
}
_ALGORITHMIA_VOID: dict[str, Any] = {
    "type": "object",
    "properties": {"async": {"const": "void"}, "request_id": {"type": "string"}},
    "required": ["async", "request_id"],
    "additionalProperties": False,
}
_ABOUT_ALGORITHMIA = (
    "In the query `timeout` in seconds, `output` as `raw` (the result itself) or `void` (a job), "
    "and in development `stdout=true`. What is wrong with a call is told in an answer of 200."
)


def describe_calls(interface: Interface) -> None:
    """Add the paths that call the algorithm."""
    name = interface.description.name
    call = {
        "summary": f"Call {name}",
        "description": _ABOUT,
        "requestBody": interface.request,
        "responses": {
            "200": interface.answer,
            "202": {"description": "The job that it became.", "content": _JOB},
            **interface.errors(),
        },
    }
    interface.add("POST", "/", "call", call)
    interface.add("POST", "/invoke", "invoke", call)


def describe_algorithmia(interface: Interface) -> None:
    """Add the paths that answer in Algorithmia's shape."""
    name = interface.description.name
    shape = {"anyOf": [_ALGORITHMIA, _ALGORITHMIA_ERROR, _ALGORITHMIA_VOID]}
    content = {"application/json": {"schema": interface.component("Algorithmia", shape)}}
    wrapped = {
        "summary": f"Call {name}, answered in Algorithmia's shape",
        "description": _ABOUT_ALGORITHMIA,
        "requestBody": interface.request,
        "responses": {
            "200": {"description": "The result, or why there is none.", "content": content},
            **interface.errors("413", "429", "503"),
        },
    }
    interface.add("POST", f"/v1/algo/{name}", "algorithmia", wrapped)
    versioned = {**wrapped, "parameters": [_VERSION]}
    interface.add("POST", f"/v1/algo/{name}/{{version}}", "algorithmia_version", versioned)
