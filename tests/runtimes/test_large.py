"""Large bodies, through the pipes and through HTTP."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from algo_gateway.wire.frames import LENGTHS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtimes.conftest import GatewayProcess, RunnerProcess

EXIT_PROTOCOL = 76


def test_large_and_small_frames_follow_each_other(runner: Callable[..., RunnerProcess]) -> None:
    started = runner("def apply(value):\n    return len(value)\n")
    started.load()
    sizes = [70_000, 3, 65_536, 1_000_000, 65_535, 0, 200_000]
    sent = b""
    for number, size in enumerate(sizes):
        head = b'{"type":"call","id":%d,"content_type":"application/octet-stream"}' % number
        sent += LENGTHS.pack(len(head), size) + head + bytes(size)
    for piece in (sent[:70_100], sent[70_100:135_700], sent[135_700:]):
        started.write_raw(piece)
    for number, size in enumerate(sizes):
        header, result = started.read()
        assert (header["id"], int(result)) == (number, size)
    head = b'{"type":"call","id":9,"content_type":"application/octet-stream"}'
    started.write_raw(LENGTHS.pack(len(head), 10**9) + head + bytes(100_000))
    os.close(started.process.sink)
    started.process = type(started.process)(
        started.process.pid, started.process.source, os.open(os.devnull, os.O_WRONLY)
    )
    assert started.exit_code() == EXIT_PROTOCOL


def test_large_bodies_go_through_and_leave_no_memory_behind(
    gateway: Callable[..., GatewayProcess],
) -> None:
    served = gateway("def apply(value):\n    return value\n", serving={"max_body": 50_000_000})
    large = os.urandom(1_000_000) * 20
    for _ in range(4):
        answered = served.ask("POST", "/", large, {"Content-Type": "application/octet-stream"})
        assert answered.body == large
    status = Path(f"/proc/{served.process.pid}/status").read_text()
    kilobytes = int(status.partition("VmRSS:")[2].split()[0])
    assert kilobytes < 75_000, "the gateway keeps bodies"
