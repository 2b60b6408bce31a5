"""Inputs made from schemas, where no case has one."""

from __future__ import annotations

import http.server
import json
from typing import Any

import pytest
from algo.contract.example import example, example_of

from tests.fakes import servers

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
        {"type": "integer", "minimum": "5"},
        {"type": "number", "multipleOf": 10**400, "minimum": 0.5},
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

    with servers.serving(Handler) as server:
        yield f"http://127.0.0.1:{server.server_port}"


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


@pytest.mark.parametrize("answered", [{"type": "string"}], indirect=True)
def test_what_a_schema_refers_to_elsewhere_is_not_fetched(answered: str) -> None:
    there = {"$ref": f"{answered}/schema.json"}
    asked: dict[str, Any] = {"type": "string", "not": {"not": there}}
    assert example(asked) is None


def test_no_expression_of_a_schema_is_tried() -> None:
    # One of these would take longer than anybody waits.
    slow = {"pattern": "^(t+)+x$"}
    inside = {"type": "object", "patternProperties": {"^(t+)+x$": {}}, "required": ["t" * 60]}
    inside["properties"] = {"t" * 60: {"type": "string", "minLength": 60, "not": {"not": slow}}}
    assert example(inside) == {"t" * 60: "text".ljust(60, "t")}
