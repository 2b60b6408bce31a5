"""The calls in `/openapi.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from algo_gateway.http.openapi import Interface

_ABOUT = "`X-Request-Timeout` (`500ms`, `2s`) or `grpc-timeout` asks for an earlier deadline."
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
            },
            "required": ["content_type", "duration"],
            "additionalProperties": False,
        },
    },
    "required": ["result", "metadata"],
    "additionalProperties": False,
}


def describe_calls(interface: Interface) -> None:
    """Add the paths that call the algorithm, plain and in Algorithmia's shape."""
    name = interface.description.name
    call = {
        "summary": f"Call {name}",
        "description": _ABOUT,
        "requestBody": interface.request,
        "responses": {"200": interface.answer, **interface.errors()},
    }
    interface.add("POST", "/", "call", call)
    interface.add("POST", "/invoke", "invoke", call)
    content = {"application/json": {"schema": interface.component("Algorithmia", _ALGORITHMIA)}}
    wrapped = {
        **call,
        "summary": f"Call {name}, answered in Algorithmia's shape",
        "responses": {
            "200": {"description": "The result and what it took.", "content": content},
            **interface.errors(),
        },
    }
    interface.add("POST", f"/v1/algo/{name}", "algorithmia", wrapped)
    versioned = {**wrapped, "parameters": [_VERSION]}
    interface.add("POST", f"/v1/algo/{name}/{{version}}", "algorithmia_version", versioned)
