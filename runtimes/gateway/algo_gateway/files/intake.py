"""What comes in a request, made ready for a runner."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec

from algo_gateway.calls.call import Failure
from algo_gateway.files.charsets import JSON, JSON_KINDS, in_utf8
from algo_gateway.files.forms import read_form
from algo_gateway.files.parts import PARTS, Part, joined

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from algo_gateway.config import Fetch
    from algo_gateway.files.fetch import Fetched, Fetcher

MOST_URLS = 16
# A form that takes long enough to hold up others is read beside them.
LARGE = 1 << 20


class Intake:
    """Turns forms, and JSON that names files by URL, into one body in parts; text into UTF-8."""

    def __init__(self) -> None:
        self._fetcher: Fetcher | None = None

    async def take(
        self, kind: str, body: bytes, limits: Fetch | None, schema: Mapping[str, Any]
    ) -> tuple[str, bytes]:
        """Return content type and body for the runner: those given, or of parts.

        Args:
            kind: The content type of the request.
            body: Its body.
            limits: What may be fetched; None for nothing.
            schema: The JSON Schema of the input, empty where nothing is known.

        Raises:
            Failure: It is no form, a file cannot be fetched, or its charset is another one.
        """
        kind, body = await in_utf8(kind, body)
        name = kind.partition(";")[0].strip().lower()
        if name == "multipart/form-data":
            if len(body) < LARGE:
                return PARTS, joined(read_form(body, kind))
            return PARTS, await asyncio.to_thread(lambda: joined(read_form(body, kind)))
        if limits is None or b"http" not in body:
            return kind, body
        if name not in JSON_KINDS and not name.endswith("+json"):
            return kind, body
        return await self._fetched(kind, body, limits, schema)

    async def _fetched(
        self, kind: str, body: bytes, limits: Fetch, schema: Mapping[str, Any]
    ) -> tuple[str, bytes]:
        from algo_gateway.files.urls import replaced, urls

        try:
            value = msgspec.json.decode(body)
            named = list(urls(value, schema))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return kind, body  # the runner tells where
        if not named:
            return kind, body
        if len(named) > MOST_URLS:
            message = f"the input names {len(named)} files by URL; {MOST_URLS} is the most"
            raise Failure(400, "too_many_urls", message)
        files = await self._gather([url for _, url in named], limits)
        for path, _ in named:
            value = replaced(value, path)
        parts = [
            Part(path, file.content_type, file.content, file.filename or "file")
            for (path, _), file in zip(named, files, strict=True)
        ]
        if named[0][0]:
            parts.insert(0, Part((), JSON, msgspec.json.encode(value)))
        return PARTS, joined(parts)

    async def _gather(self, wanted: list[str], limits: Fetch) -> list[Fetched]:
        from algo_gateway.files.fetch import Fetcher, too_large

        if self._fetcher is None or self._fetcher.limits != limits:
            self._fetcher = Fetcher(limits)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_told(self._fetcher.get(url))) for url in wanted]
        found: list[Fetched] = []
        for task in tasks:
            result = task.result()
            if isinstance(result, Failure):
                raise result
            found.append(result)
        if sum(len(file.content) for file in found) > limits.max_size:
            raise too_large(f"the {len(found)} files together are", limits.max_size)
        return found


async def _told(work: Awaitable[Fetched]) -> Fetched | Failure:
    """Return the failure instead of raising it: the others go on, and none is lost."""
    try:
        return await work
    except Failure as failure:
        return failure
