"""Integers that JavaScript's numbers do not hold: what a call gets, and what it may answer."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.languages.language import ROOT

RUNTIME = ROOT / "runtimes" / "javascript"
pytestmark = pytest.mark.program("node")
# What JSON texts become by schemas: the type, the text and what is written; or what is wrong.
READ = f"""
const {{ decode, encode }} = require('{RUNTIME}/values')
const {{ reader }} = require('{RUNTIME}/typed')
const tell = (value) => [typeof value, String(value), encode(value)[1].toString()]
const told = ([schema, body]) => {{
  try {{
    return tell(reader(schema)(decode(Buffer.from(body), 'application/json')))
  }} catch (error) {{
    return error.message
  }}
}}
console.log(JSON.stringify(JSON.parse(process.argv[1]).map(told)))
"""
BIGINT: dict[str, object] = {"type": "integer", "$comment": "bigint"}
ODD, EVEN, ENDLESS = str(2**53 + 1), str(2**60), "9" * 400
REFUSED = "input: expected an integer that a number holds (a bigint may be any), got integer "
CASES: list[tuple[dict[str, object], str, list[str] | str]] = [
    ({}, str(2**53 - 1), ["number", str(2**53 - 1), str(2**53 - 1)]),
    ({}, ODD, ["bigint", ODD, ODD]),
    ({}, ENDLESS, ["bigint", ENDLESS, ENDLESS]),
    (BIGINT, "7", ["bigint", "7", "7"]),
    (BIGINT, ODD, ["bigint", ODD, ODD]),
    ({"type": "number"}, ODD, ["number", str(2**53), str(2**53)]),
    ({"type": "number"}, ENDLESS, f"{REFUSED}{'9' * 40}…"),
    ({"type": "integer"}, ODD, f"{REFUSED}{ODD}"),
    ({"type": "number", "maximum": 7}, ODD, f"input: expected at most 7, got integer {ODD}"),
    ({"type": "integer"}, EVEN, ["number", "1152921504606847000", "1152921504606847000"]),
]


def test_an_integer_is_what_its_type_says() -> None:
    asked = json.dumps([(schema, body) for schema, body, _ in CASES])
    done = subprocess.run(["node", "-e", READ, asked], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [told for _, _, told in CASES]
