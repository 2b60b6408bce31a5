"""What a process left in its pipes, as the log gets it."""

from __future__ import annotations

import os
import sys

import pytest
from algo_gateway.wire.unread import Unread

UPPER = "import sys; sys.stdout.write(sys.stdin.read().upper())"
FAILS = "print('nonsense'); raise SystemExit(1)"


@pytest.mark.parametrize(
    ("teller", "told"),
    [
        ([], b"a trace"),
        ([sys.executable, "-c", UPPER], b"A TRACE"),
        ([sys.executable, "-c", FAILS], b"a trace"),
        (["/none/such"], b"a trace"),
    ],
)
def test_a_trace_is_told_by_its_runner_where_that_can(teller: list[str], told: bytes) -> None:
    pipes = {stream: os.pipe() for stream in ("stdout", "stderr")}
    unread = Unread(os.getpid(), {name: ends[0] for name, ends in pipes.items()}, teller)
    for source, sink in pipes.values():
        os.write(sink, b"a trace\n")
        os.close(source)
        os.close(sink)
    assert dict(unread.take()) == {"stdout": b"a trace", "stderr": told}
    assert list(unread.take()) == []
