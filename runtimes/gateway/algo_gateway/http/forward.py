"""A gateway that another one took over from: what still comes over old connections goes there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from algo_gateway.calls.call import Failure
from algo_gateway.http import answers
from algo_gateway.net import door

if TYPE_CHECKING:
    from pathlib import Path

    from algo_gateway.http.answers import Headers

# Of one connection alone (RFC 9110, 7.6.1).
_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "expect"})
# What every answer gets again.
_SET = _HOP | {"date"}


class Forward:
    """Sends a request on, and tells its client to use another connection next time."""

    def __init__(self, way: Path) -> None:
        self._way = way

    async def handle(self, scope: Any, proto: Any) -> None:
        """Answer one request with what the gateway that serves now says."""
        try:
            body: bytes = await proto()
        except ConnectionError:
            return  # the client went away
        proto.last()
        try:
            other = await asyncio.to_thread(door.connection, self._way)
            reader, writer = await asyncio.open_connection(sock=other)
        except OSError as error:
            headers, document = answers.failure(
                Failure(503, "stopping", f"the service moved on: {error}", retry_after=1),
                development=False,
            )
            proto.response_bytes(503, headers, document)
            return
        await pass_on(reader, writer, scope, proto, body)


async def pass_on(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    scope: Any,
    proto: Any,
    body: bytes,
) -> None:
    """Send a request to another server, and its answer back.

    Raises:
        OSError, ValueError, IncompleteReadError: The other one does not speak HTTP, or left.
    """
    try:
        writer.write(_request(scope, body) + body)
        await _answer(reader, scope, proto)
    finally:
        writer.close()


def _request(scope: Any, body: bytes) -> bytes:
    query = f"?{scope.query_string}" if scope.query_string else ""
    lines = [f"{scope.method} {scope.path}{query} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in scope.headers.items() if name not in _HOP]
    if "host" not in scope.headers:
        lines.append(f"host: {scope.authority or 'localhost'}")
    lines += ["connection: close", f"content-length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("latin-1")


async def _answer(reader: asyncio.StreamReader, scope: Any, proto: Any) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(head[0].split(" ")[1])
    pairs = [line.partition(":")[::2] for line in head[1:] if line]
    named = [(name.lower(), value.strip()) for name, value in pairs]
    headers: Headers = [one for one in named if one[0] not in _SET]
    fields = dict(named)
    if fields.get("transfer-encoding", "") != "chunked":
        length = int(fields.get("content-length", 0)) if scope.method != "HEAD" else 0
        proto.response_bytes(status, headers, await reader.readexactly(length))
        return
    transport = proto.response_stream(status, headers)
    while size := int((await reader.readline()).partition(b";")[0], 16):
        await transport.send_bytes(await reader.readexactly(size))
        await reader.readexactly(2)
