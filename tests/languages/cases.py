"""What is asked of the suite's program over HTTP, and what must come back, in any language."""

from __future__ import annotations

import json
import math
import random
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.runtimes.conftest import Answered, GatewayProcess

JSON = "application/json"
TEXT = "text/plain"
BINARY = "application/octet-stream"
DEEP = 500
# What a language cannot do, and why; the page says so, and a test fails when it can after all.
LIMITS = {
    "r": {
        "64-bit integers": "its numbers are doubles",
        "a zero character": "its strings end there",
        "deep JSON": "its C stack ends before 500 levels",
    }
}


@dataclass(frozen=True, slots=True)
class Case:
    """One request and what must come back.

    Attributes:
        name: A sentence of the table.
        body: The request, in JSON where it is no bytes.
        kind: Its content type.
        expected: The result: JSON, text or bytes by its type; None for an error.
        status: Of the answer.
        code: Of an error.
        message: What an error says somewhere.
        accept: What the client takes.
    """

    name: str
    body: Any
    expected: Any = None
    kind: str = JSON
    status: int = 200
    code: str = ""
    message: str = ""
    accept: str = ""

    def check(self, service: GatewayProcess) -> None:
        """Ask, and compare."""
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        headers = {"Content-Type": self.kind} | ({"Accept": self.accept} if self.accept else {})
        answer = service.ask("POST", "/", body, headers)
        assert answer.status == self.status, answer.body[:2000]
        if self.status != 200:
            assert answer.code == self.code
            assert self.message in answer.json["error"]["message"]
        else:
            assert self.found(answer) == self.expected

    def found(self, answer: Answered) -> object:
        """Return the answer's result as its content type says."""
        kind = answer.headers["content-type"].partition(";")[0]
        if kind == JSON:
            return json.loads(answer.body)
        if kind == "application/jsonl":
            return [json.loads(line) for line in answer.body.decode().splitlines()]
        return answer.body if kind == BINARY else answer.body.decode()


def echo(name: str, value: object) -> Case:
    """A value that comes back as it is."""
    return Case(name, {"do": "echo", "value": value}, value)


def nested(depth: int) -> object:
    """Lists in lists."""
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


LARGE = {
    "rows": [{"id": number, "name": f"row {number}", "x": number / 7} for number in range(10_000)]
}
# Short texts, which some parsers give back whole in place of a position.
MALFORMED = {
    '{"xx":1,"y":x}': "line 1, column 13",
    "[1,2,x]": "line 1, column 6",
    '{"a":1]': "line 1, column 7",
    '["[", NaN]': "line 1, column 7",
    '{"日":1 2}': "line 1, column 8",  # characters, not bytes or UTF-16
    '["🎈", {"é":1 "日":2}]': "line 1, column 14",
    '[1,\n "日\t"]': "line 2, column 4",
    '["日", -1e999]': "line 1, column 7",
    '["a//", 1 /* b */]': "line 1, column 11",
    "[1\f]": "line 1, column 3",
    "[1,": "line 1, column 4",
    "": "line 1, column 1",
}
# A word, a string and an escape are wrong where they begin, a number from where it does not go on.
BROKEN = {
    **{'{"a": tru}': 7, "nul": 1, "[fals]": 2, "[truex]": 6, '["a", tr': 7, "[undefined]": 2},
    **{"-": 1, "[-]": 2, "--1": 1, "[-Infinity]": 2, "[-01]": 4, '{"a": -}': 7},
    **{"1.": 2, "[1.]": 3, "1.e5": 2, "[-1.": 4, "1e": 2, "[1e+]": 3, "[1.5ee5]": 5, "[1_0]": 3},
    **{'"\\u12"': 2, '["\\u12g4"]': 3, '["ab\\q"]': 5, '{"\\x": 1}': 3, '["\\u1': 3},
    **{'"abc': 1, '["日", "abc': 7, '{"a': 2, "[1,]": 4, '{"a": 1 , }': 11},
}
# Languages that tell another character of these.
ELSEWHERE = {"go"}
# What is no JSON by RFC 8259, though the one or other parser takes it.
NO_JSON = (
    *(b"[1,]", b'{"a":1,}', b"[1 2]", b'{"a"}', b"{a:1}", b"{1:2}", b'{"a":1}{"b":2}', b"[", b"]"),
    *(b"01", b"-", b"--1", b"+1", b"1.", b".5", b"1e", b"1.e5", b"0x10", b"1_000", b"-01"),
    *(b"nul", b"True", b"nullx", b"Infinity", b"-Infinity", b"[-NaN]", b"undefined"),
    *(b"'a'", b'"a', b'"a\nb"', b'"a\tb"', b'"\\q"', b'"\\u12g4"', b'"\\u12"', b'"\\"'),
    *(b"[1]/**/", b"// x\n1", b"[1,#x\n2]", b"\x0c1", b"\x0b1", b"\xc2\xa01", b"\xef\xbb\xbf1"),
    *(b"\0", b"1\0", b"[1\0]", b'"a\0b"', b" ", b"\n\n"),
)
# As what clients send JSON, besides the type that is alone in a header.
JSON_TYPES = ("application/json;charset=utf-8", "Application/JSON", "application/vnd.it+json", "")


def numbers() -> list[float]:
    """Return numbers of every size that need all their digits."""
    drawn = random.Random(5)
    found = [struct.unpack("<d", drawn.randbytes(8))[0] for _ in range(2000)]
    ends = [5e-324, 2.2250738585072014e-308, 2.225073858507201e-308, 1e21, 1e-7, 2.0**53, 2.0**63]
    return [*(one for one in found if math.isfinite(one)), *ends]


ALONE: tuple[object, ...] = (
    *(0, -1, 10**5, 2**31 - 1, -(2**31), 2**53 - 1, 0.1, 1e21, 1e-7),
    *(True, False, None, "", "é日🎈", [], {}, [[]], [{}], {"a": {}}),
)
# What comes back as it was sent: alone, and one of many alike.
SAME: dict[str, object] = {
    **{repr(one): one for one in ALONE},
    "32 bits and more": [2**31 - 1, 2**31, -(2**31) + 1, -(2**31), -(2**31) - 1, 2**32],
    "empty objects": [{}] * 30,
    "empty lists": [[]] * 30,
    "records": [{"id": one, "a": None, "b": one % 2 == 0, "c": f"{one}"} for one in range(30)],
    "records of other fields": [{"a": 1}] * 25 + [{"b": 1}] * 5 + [{"a": 1, "b": 2}],
    "records of records": [{"a": {"b": [one]}, "c": [], "d": {}} for one in range(30)],
    "records of other kinds": [*({"a": one} for one in range(30)), {"a": "x"}, {"a": 0.5}],
    "records without a name": [{"": one} for one in range(30)],
    "names and texts with escapes": [{'a"b': 'c\\"', "\n\t\x01": "\x1f\x7f/", "é": "日"}] * 30,
    "texts like others": ["null", "NA", "NaN", "true", "1", "[]", "\\u0041", "\\", '"'],
    "what looks like a number that is too large, far behind": ["1e999 " * 9, "x" * 500_000, 1e300],
}
ALL_BYTES = bytes(range(256))
CASES = (
    Case("null", None, {"got": None}),
    Case("an empty body is no JSON", b"", status=400, code="malformed_json"),
    Case("a number", 41, {"got": 41}),
    Case("an empty object", {}, {"got": {}}),
    Case("an empty list", [], {"got": []}),
    echo("nested values", {"a": [1, 2.5, None, True, {"b": "c"}], "d": []}),
    echo("an empty name", {"": 1}),
    echo("unicode", {"ключ": "значение 日本語 🎈", "line": "\u2028", "quotes": '"\\\n\t\u0001'}),
    echo("a zero character", {"nul": "a\u0000b"}),
    echo("text that looks like numbers", ["1e400", '\\"1e999']),
    echo("many digits", [0.1, 1e-300, 1.7976931348623157e308, -2.5, 123456789.125]),
    echo("64-bit integers", [2**63 - 1, -(2**63), 2**53 + 1, 9007199254740991, "\0integer:7"]),
    echo("deep JSON", nested(DEEP)),
    echo("large JSON", LARGE),
    echo("names of every kind", {"__proto__": 1, "constructor": 2, "a b": 3, "日": 4}),
    Case("text in, text out", "é 日".encode(), "text: é 日", TEXT),
    Case(
        "text in another charset", "é".encode("latin-1"), "text: é", f"{TEXT}; charset=iso-8859-1"
    ),
    Case(
        "text in a charset of Windows",
        "50 €".encode("cp1252"),
        "text: 50 €",
        f'{TEXT}; format=flowed; charset="Windows-1252"',
    ),
    Case(
        "text in Shift JIS", "日本".encode("shift_jis"), "text: 日本", f"{TEXT}; charset=shift_jis"
    ),
    Case("JSON in UTF-16", '["é"]'.encode("utf-16"), {"got": ["é"]}, f"{JSON}; charset=utf-16"),
    Case(
        "text in an unknown charset",
        b"a",
        kind=f"{TEXT}; charset=klingon",
        status=415,
        code="unknown_charset",
        message="klingon",
    ),
    Case(
        "text that is not in its charset",
        b"ab\xff",
        kind=f"{TEXT}; charset=us-ascii",
        status=400,
        code="not_in_charset",
        message="byte 2",
    ),
    Case("text that is not UTF-8", b"ab\xff", kind=TEXT, status=400, code="not_utf8"),
    Case("bytes in, bytes out", ALL_BYTES * 4096, ALL_BYTES[::-1] * 4096, BINARY),
    Case("no bytes at all", b"", b"", BINARY),
    Case("bytes from JSON", {"do": "bytes", "times": 3}, ALL_BYTES * 3),
    Case("a text result", {"do": "echo", "value": "plain é"}, "plain é"),
    Case(
        "an escape that JSON has not",
        b'{"do": "echo", "value": "\\x"}',
        status=400,
        code="malformed_json",
    ),
    Case(
        "malformed JSON has its position",
        b'{"a": 1,\n "b": @}',
        status=400,
        code="malformed_json",
        message="line 2, column 7",
    ),
    Case("JSON that is cut off", b'{"a": [1, 2', status=400, code="malformed_json"),
    Case("two JSON values", b"1 2", status=400, code="malformed_json", message="line 1, column 3"),
    Case(
        "a number that no double holds",
        b'{"do": "echo", "value":\n [1e308, -1e400]}',
        status=400,
        code="malformed_json",
        message="the number is too large at line 2, column",
    ),
    Case("NaN in", b'{"do": "echo", "value": NaN}', status=400, code="malformed_json"),
    Case("NaN out", {"do": "nan"}, status=500, code="result_not_finite"),
    Case(
        "the caller's fault",
        {"do": "refuse", "message": "too odd", "code": "odd"},
        status=400,
        code="odd",
        message="too odd",
    ),
    Case(
        "an error",
        {"do": "raise", "message": "went wrong é"},
        status=500,
        code="exception",
        message="went wrong é",
    ),
    Case(
        "load is called once with the models",
        {"do": "state"},
        {"loads": 1, "models": {"weights": "weights\n"}},
    ),
    Case(
        "a stream",
        {"do": "stream", "count": 3},
        [{"number": 0}, {"number": 1}, {"number": 2}],
        accept="application/jsonl",
    ),
    Case("an empty stream", {"do": "stream", "count": 0}, [], accept="application/jsonl"),
)
