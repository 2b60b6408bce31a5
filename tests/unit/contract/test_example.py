"""Inputs made from schemas, where no case has one."""

from __future__ import annotations

import http.server
import json
import threading
from typing import Any

import pytest
from algo.contract.example import example, example_of

NAMED = {"$ref": "#/$defs/N", "$defs": {"N": {"type": "object", "properties": {}}}}
DIGIT = {"type": "integer", "minimum": 0, "maximum": 16}
SCAN = {"type": "array", "minItems": 2, "maxItems": 2, "items": DIGIT}
WITHIN: dict[str, Any] = {"type": "object", "required": ["n"], "properties": {}}
WITHIN["properties"]["n"] = {"$ref": "#"}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, "text"),
        ({"type": "string", "minLength": 6}, "texttt"),
        ({"type": "string", "maxLength": 2}, "te"),
        ({"type": "string", "format": "date"}, "2026-01-31"),
        ({"type": "integer"}, 1),
        ({"type": "integer", "minimum": 5}, 5),
        ({"type": "integer", "exclusiveMinimum": 5, "multipleOf": 1}, 6),
        ({"type": "number", "exclusiveMinimum": 1, "exclusiveMaximum": 2}, 1.5),
        ({"type": "number", "maximum": -3}, -3),
        ({"type": "number", "multipleOf": 0.25, "minimum": 0}, 1),
        ({"type": "boolean"}, True),
        ({"type": "array", "items": {"type": "string"}}, ["text"]),
        (SCAN, [1, 1]),
        ({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}]}, [1, "text"]),
        ({"type": ["null", "string"]}, "text"),
        ({"anyOf": [{"type": "null"}, {"type": "string", "format": "?"}, {"type": "integer"}]}, 1),
        ({"enum": ["red", "blue"]}, "red"),
        ({"const": 7}, 7),
        ({"type": "integer", "default": 3}, 3),
        ({"type": "string", "pattern": "^a+$", "examples": ["aa"]}, "aa"),
        (NAMED, {}),
        (
            {
                "type": "object",
                "properties": {"scan": SCAN, "name": {"type": "string"}},
                "required": ["scan"],
            },
            {"scan": [1, 1]},
        ),
    ],
)
def test_an_example_is_what_the_schema_allows(schema: dict[str, Any], value: object) -> None:
    assert example(schema) == value


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "string", "pattern": "^a+$"},
        {"type": "string", "contentEncoding": "base64"},
        {"type": "string", "format": "iban"},
        {"type": "integer", "minimum": 2, "maximum": 1},
        {"type": "integer", "default": "x"},
        {"type": "array", "items": {"type": "integer"}, "minItems": 2, "uniqueItems": True},
        {"type": "array", "items": {"type": "integer"}, "minItems": 10**9},
        {"type": "string", "minLength": 10**9},
        {"type": "object", "required": ["a"]},
        {"$ref": "#/$defs/nowhere"},
        {"$ref": "https://example.com/schema.json"},
        {"type": "what"},
        WITHIN,
    ],
)
def test_none_is_shown_that_would_be_refused(schema: dict[str, Any]) -> None:
    assert example(schema) is None


@pytest.fixture
def answered(request: pytest.FixtureRequest) -> Any:
    """A server that answers everything with the parameter."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(request.param).encode())

        def log_message(self, *ignored: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def described(schema: object) -> dict[str, Any]:
    call = {"requestBody": {"content": {"application/json": {"schema": schema}}}}
    return {
        "paths": {"/invoke": {"post": call}},
        "components": {"schemas": {"Scan": SCAN}},
    }


@pytest.mark.parametrize(
    ("answered", "value"),
    [
        (described({"$ref": "#/components/schemas/Scan"}), [1, 1]),
        (described({}), None),
        ({"error": "no"}, None),
        (None, None),
    ],
    indirect=["answered"],
)
def test_a_service_says_what_it_takes(answered: str, value: object) -> None:
    assert example_of(answered) == value


def test_a_service_that_is_gone_says_nothing() -> None:
    assert example_of("http://127.0.0.1:9") is None
