"""Frames, read by the gateway, by the runner, and by a parser that is too simple to be wrong."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

import msgspec
from algo_gateway.wire.frames import LENGTHS, MAX_BODY, MAX_HEADER, READ, Channel, Reply

from tests.fuzz.mutation import cut

WORDS = (b'"type"', b'"id":1', b"{}", b"\xff\xff", b"\0\0\0\0", b'"schema":{', b"[" * 50)


def _framed(header: dict[str, Any], body: bytes = b"") -> bytes:
    head = json.dumps(header).encode()
    return LENGTHS.pack(len(head), len(body)) + head + body


SEEDS = (
    _framed({"type": "hello", "protocol": 1, "capabilities": ["fork"]}),
    _framed({"type": "result", "id": 7, "content_type": "text/plain"}, b"body"),
    _framed({"type": "log", "stream": "stdout", "call": None}, b"x" * 200),
    _framed({"type": "error", "id": 2, "code": "é", "line": 3, "message": "m"}),
    b"".join(_framed({"type": "chunk", "id": n}, bytes(n)) for n in range(9)),
    _framed({"type": "ready", "schema": {"input": {"type": "integer"}}, "preload": ["a.b"]}),
    _framed({"type": "call", "id": 1}) + _framed({"type": "withdraw", "ids": [1, 2]}),
)


def reference(data: bytes) -> tuple[list[tuple[bytes, bytes]], bool]:
    """Return the headers and bodies that are whole, and whether a length is over its limit."""
    found: list[tuple[bytes, bytes]] = []
    at = 0
    while len(data) - at >= LENGTHS.size:
        head, body = LENGTHS.unpack_from(data, at)
        if head > MAX_HEADER or body > MAX_BODY:
            return found, True
        start = at + LENGTHS.size
        if len(data) < start + head + body:
            break
        found.append((data[start : start + head], data[start + head : start + head + body]))
        at = start + head + body
    return found, False


def gateway(data: bytes) -> None:
    """The gateway takes what the reference takes up to the first header that is none."""
    wanted, bad = _good(reference(data), msgspec.json.Decoder(Reply).decode, msgspec.MsgspecError)
    taken: list[tuple[Any, bytes]] = []
    closed: list[str] = []

    async def scene() -> None:
        source, theirs = os.pipe()
        requests, sink = os.pipe()
        channel = Channel(
            asyncio.get_running_loop(),
            source,
            sink,
            lambda reply, body: taken.append((reply, bytes(body))),
            closed.append,
        )
        for piece in cut(data, len(data)):
            if channel.closed:
                break
            os.write(theirs, piece)
            while not channel.closed and channel._readable():
                pass
        os.close(theirs)
        channel.finish()
        os.close(requests)

    asyncio.run(scene())
    assert taken == wanted, (taken, wanted)
    assert len(closed) == 1, closed
    assert closed[0].startswith("it wrote garbage") == (bad or _early(data)), closed


def _early(data: bytes) -> bool:
    """Tell whether a large body that is not whole has a header that is none: it is read first."""
    at = sum(LENGTHS.size + len(head) + len(body) for head, body in reference(data)[0])
    if len(data) - at < LENGTHS.size:
        return False
    head, body = LENGTHS.unpack_from(data, at)
    header = data[at + LENGTHS.size : at + LENGTHS.size + head]
    if body < READ or len(header) < head:
        return False
    try:
        msgspec.json.decode(header, type=Reply)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return True
    return False


def runner(data: bytes) -> None:
    """The runner takes what the reference takes up to the first header that is none."""
    from algo_runner.frames import Frames, ProtocolError, _header

    wanted, bad = _good(reference(data), _header, ProtocolError)
    source, theirs = os.pipe()
    try:
        frames = Frames(source, -1)
        taken: list[tuple[Any, bytes]] = []
        refused = False
        for piece in cut(data, len(data)):
            # One piece is all that the pipe holds, so a frame that is not whole would wait.
            os.write(theirs, piece)
            frames.cancelled(-1)
            while (one := frames.take()) is not None:
                taken.append((one[0], bytes(one[1])))
    except ProtocolError:
        refused = True
    finally:
        os.close(source)
        os.close(theirs)
    # `cancelled` looks ahead, so a bad header may be found before the good ones were taken.
    assert taken == wanted[: len(taken)], (taken, wanted)
    assert refused == bad, (refused, bad)
    assert refused or taken == wanted


def _good(
    found: tuple[list[tuple[bytes, bytes]], bool], decode: Any, error: type[Exception]
) -> tuple[list[tuple[Any, bytes]], bool]:
    """Return what a parser is to take, and whether it is to refuse what follows."""
    frames, bad = found
    good = []
    for head, body in frames:
        try:
            good.append((decode(head), body))
        except (error, UnicodeDecodeError):
            return good, True
    return good, bad
