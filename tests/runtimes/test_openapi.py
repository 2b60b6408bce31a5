"""`/openapi.json` says what the gateway does: all of its paths, by parts that add their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo_gateway.http.schemas import hoisted

from tests.runtimes.test_tokens import CALLER, token, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.runtimes.conftest import GatewayProcess

    Start = Callable[..., GatewayProcess]

ECHO = "def apply(value):\n    return value\n"


def test_every_path_of_the_document_answers_its_methods_and_no_others(gateway: Start) -> None:
    served = gateway(ECHO)
    document = served.ask("GET", "/openapi.json").json
    assert "/v1/algo/acme/it/{version}" in document["paths"]
    names = []
    for path, operations in document["paths"].items():
        names += [operation["operationId"] for operation in operations.values()]
        refused = served.ask("TRACE", path.replace("{version}", "1.0"))
        allowed = sorted(method.upper() for method in operations)
        assert (refused.status, refused.headers["allow"]) == (405, ", ".join(allowed))
    assert len(names) == len(set(names))


def test_errors_have_exactly_the_form_that_is_documented(gateway: Start) -> None:
    served = gateway(ECHO)
    document = served.ask("GET", "/openapi.json").json
    call = document["paths"]["/invoke"]["post"]["responses"]
    errors = {"400", "413", "415", "429", "500", "502", "503", "504"}
    assert set(call) == {"200", "202"} | errors
    assert "Retry-After" in call["429"]["headers"]
    error = document["components"]["schemas"]["Error"]["properties"]["error"]
    assert error["additionalProperties"] is False
    answered = served.post(b"{").json["error"]
    assert set(error["required"]) <= set(answered) <= set(error["properties"])


def test_of_a_stream_the_document_says_what_its_pieces_are(gateway: Start) -> None:
    code = """
from collections.abc import Iterator

def apply(count: int) -> Iterator[{}]:
    yield from range(count)
"""
    told = {}
    for piece in ("int", "object"):
        paths = gateway(code.format(piece)).ask("GET", "/openapi.json").json["paths"]
        told[piece] = paths["/"]["post"]["responses"]["200"]["content"]
    lines = told["int"]["application/jsonl"]["schema"]
    assert lines["contentSchema"] == {"type": "array", "items": {"type": "integer"}}
    assert (lines["type"], lines["contentMediaType"]) == ("string", "application/jsonl")
    text = {"schema": {"type": "string"}}
    assert told["object"] == {"application/jsonl": text, "text/event-stream": text}


def test_where_a_token_is_wanted_the_document_says_which(gateway: Start, tmp_path: Path) -> None:
    assert "securitySchemes" not in gateway(ECHO).ask("GET", "/openapi.json").json["components"]
    file = write(tmp_path / "tokens.json", token(CALLER, "call"))
    served = gateway(ECHO, "--tokens", str(file))
    asked = served.ask("GET", "/openapi.json", headers={"Authorization": f"Bearer {CALLER}"})
    document = asked.json
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    paths = document["paths"]
    assert paths["/invoke"]["post"]["security"] == [{"bearer": ["call"]}]
    assert paths["/v1/algo/acme/it/{version}"]["post"]["security"] == [{"bearer": ["call"]}]
    assert paths["/metrics"]["get"]["security"] == [{"bearer": ["admin"]}]
    assert {"401", "403"} <= set(paths["/invoke"]["post"]["responses"])
    assert "security" not in paths["/healthz"]["get"]


def test_definitions_of_both_sides_share_one_place() -> None:
    components: dict[str, object] = {}
    point = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Point"}}}
    other = {"type": "object", "properties": {"back": {"$ref": "#/$defs/Point"}}}
    first = hoisted({"$ref": "#/$defs/Point", "$defs": {"Point": point}}, components, "Input")
    same = hoisted({"$ref": "#/$defs/Point", "$defs": {"Point": point}}, components, "Output")
    assert first == same == {"$ref": "#/components/schemas/Point"}
    unlike = hoisted({"$ref": "#/$defs/Point", "$defs": {"Point": other}}, components, "Output")
    assert unlike == {"$ref": "#/components/schemas/PointOutput"}
    assert components == {
        "Point": {"type": "object", "properties": {"next": first}},
        "PointOutput": {"type": "object", "properties": {"back": unlike}},
    }
