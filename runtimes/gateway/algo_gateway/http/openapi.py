"""`/openapi.json`: what one algorithm takes and answers (OpenAPI 3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from algo_gateway.config import Description

_ERRORS = {
    "400": "The body is malformed, or the algorithm refused it.",
    "413": "The body is over the limit.",
    "429": "The queue is full; Retry-After says when to come again.",
    "500": "The algorithm failed.",
    "502": "The worker ended during the call.",
    "503": "The algorithm is not loaded.",
    "504": "No answer within the deadline.",
}


def document(description: Description, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the OpenAPI document."""
    sides = {**description.contract, **schema}
    content = {"application/json": {"schema": sides.get("input", {})}}
    content |= {kind: {"schema": {}} for kind in ("text/plain", "application/octet-stream")}
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    output = {"application/json": {"schema": sides.get("output", {})}}
    operation = {
        "summary": f"Call {description.name}",
        "requestBody": {"required": True, "content": content},
        "responses": {
            "200": {"description": "What the algorithm returned.", "content": output},
            **{code: {"description": text, "content": error} for code, text in _ERRORS.items()},
        },
    }
    probe = {"responses": {"200": {"description": "Yes."}, "503": {"description": "No."}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": description.name, "version": "1"},
        "paths": {
            "/": {"post": {**operation, "operationId": "call"}},
            "/invoke": {"post": {**operation, "operationId": "invoke"}},
            "/healthz": {"get": {"summary": "Is the gateway alive?", **probe}},
            "/readyz": {"get": {"summary": "Would a call be answered?", **probe}},
        },
        "components": {"schemas": {"Error": _error_schema()}},
    }


def _error_schema() -> dict[str, Any]:
    text = {"type": "string"}
    details = {"code": text, "message": text, "type": text, "stacktrace": text}
    return {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {"type": "object", "required": ["code", "message"], "properties": details}
        },
    }
