"""Bodies that the client compressed."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtimes.conftest import GatewayProcess

    Start = Callable[..., GatewayProcess]

ECHO = "def apply(value):\n    return value\n"
VALUE = {"numbers": list(range(1000))}
PLAIN = json.dumps(VALUE).encode()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(PLAIN)),
        ("GZIP", gzip.compress(PLAIN)),
        ("deflate", zlib.compress(PLAIN)),
        ("identity", PLAIN),
    ],
)
def test_a_packed_body_is_the_value_that_was_packed(
    gateway: Start, encoding: str, body: bytes
) -> None:
    served = gateway(ECHO)
    for path in ("/", "/invoke", "/v1/algo/acme/it/1.0.0"):
        answer = served.post(body, path, **{"Content-Encoding": encoding})
        assert answer.status == 200
        assert answer.json == VALUE or answer.json["result"] == VALUE


@pytest.mark.parametrize(
    ("encoding", "body", "status", "code"),
    [
        ("br", PLAIN, 415, "unknown_encoding"),
        ("gzip, gzip", PLAIN, 415, "unknown_encoding"),
        ("gzip", PLAIN, 400, "malformed_body"),
        ("gzip", gzip.compress(PLAIN)[:-9], 400, "malformed_body"),
        ("gzip", gzip.compress(PLAIN) + b"more", 400, "malformed_body"),
        ("gzip", 2_000_000, 413, "body_too_large"),
        ("gzip", 500_000_000, 413, "body_too_large"),
    ],
    ids=["unknown", "twice", "plain", "short", "longer", "over", "bomb"],
)
def test_a_body_that_is_not_packed_as_it_says_is_refused(
    gateway: Start, encoding: str, body: bytes | int, status: int, code: str
) -> None:
    served = gateway(ECHO, serving={"max_body": 1_000_000})
    # A number of blanks is packed here, and not by every process that collects the tests.
    sent = gzip.compress(b" " * body, 1) if isinstance(body, int) else body
    answer = served.post(sent, **{"Content-Encoding": encoding})
    assert (answer.status, answer.json["error"]["code"]) == (status, code)
