"""A worker as the gateway sees it: a channel, the calls in flight, and how fast it is."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import TYPE_CHECKING

import msgspec

from algo_gateway.calls.call import Call, Failure
from algo_gateway.wire.frames import Channel, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from algo_gateway.wire.unread import Unread

# A worker whose calls are shorter than the way through the pipe gets the next ones ahead of
# time: they wait in its pipe instead of in our queue, and it never idles between two calls.
SHORT_CALL = 0.002
AHEAD = 16
# A runner looks for a `withdraw` no further than behind as many bytes (and a header's worth more).
MOST_LOOKED_AT = 1 << 17


class LoadFailed(Exception):
    """A worker could not load the algorithm; `reply` tells where and why."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.message)
        self.reply = reply


class Worker:
    """One process that answers calls, in order."""

    def __init__(self, pid: int, concurrency: int, on_idle: Callable[[Worker], None]) -> None:
        self.pid = pid
        self.concurrency = concurrency
        self.calls: dict[int, Call] = {}
        self.limit = concurrency
        self.ready = False
        self.draining = False
        self.reply = Reply("")
        # What to answer to its calls when it ends: we know better than its exit code.
        self.verdict: Failure | None = None
        # Bytes of a GPU's memory that it uses and that are free; None when it cannot tell.
        self.room: tuple[int, int] | None = None
        self.batch = 0
        self.batch_began = 0.0
        self.died: Callable[[Worker, str], None] = lambda worker, reason: None
        self.logged: Callable[[Reply, bytes], None] = lambda reply, body: None
        self.worked: Callable[[float, float], None] = lambda waited, seconds: None
        self.withdrew: Callable[[Call], None] = lambda call: None
        # Since when calls ahead of time are being taken back; 0: they are not.
        self.withdrawing = 0.0
        self.channel: Channel | None = None
        self.unread: Unread | None = None
        self._on_idle = on_idle
        self._waiting: dict[str, asyncio.Future[Reply]] = {}
        # Calls whose streams are full: those that wait, and those that let the whole worker wait.
        self._paused: set[int] = set()
        self._blocking: set[int] = set()
        self._mean = SHORT_CALL
        self._last = 0.0

    def attach(self, loop: asyncio.AbstractEventLoop, source: int, sink: int) -> None:
        """Begin to speak over the two pipes."""
        self.channel = Channel(loop, source, sink, self._frame, self._closed)
        self.channel.begins = self._begins

    @property
    def alive(self) -> bool:
        """Whether its pipes are open."""
        return self.channel is not None and not self.channel.closed

    def loaded(self, reply: Reply) -> None:
        """Take the `ready` frame: calls may come."""
        self.reply = reply
        self.ready = True
        self.measure(reply)
        if reply.batch:
            self.limit = 1

    def measure(self, reply: Reply) -> None:
        """Take what a reply says of the GPU's memory."""
        if reply.gpu_free >= 0:
            self.room = reply.gpu_used, reply.gpu_free

    @property
    def begun(self) -> int:
        """How many of its calls are being answered; the others wait in its pipe."""
        return len(self.calls) if self.reply.batch else min(len(self.calls), self.concurrency)

    def send(self, call: Call) -> None:
        """Hand over a call."""
        channel, calls = self.channel, self.calls
        assert channel is not None
        busy = len(calls) > 0
        if not busy or self.concurrency > 1:
            call.began = time.monotonic()
            if not busy:
                self._last = call.began
        calls[call.id] = call
        call.worker = self
        if busy:
            channel.send_soon(call.header, call.body)
        else:
            channel.send(call.header, call.body)

    def send_batch(self, calls: Sequence[Call]) -> None:
        """Hand over calls that are answered together."""
        assert self.channel is not None
        self.batch, self.batch_began = len(calls), time.monotonic()
        if len(calls) == 1:
            self.send(calls[0])
            return
        parts = []
        for call in calls:
            self.calls[call.id] = call
            call.worker = self
            call.began = self.batch_began
            parts.append(call.part)
        header = msgspec.json.encode({"type": "batch", "calls": parts})
        self.channel.send(header, b"".join([call.body for call in calls]))

    def cancel(self, call: Call) -> None:
        """Tell the worker that nobody waits for `call` any more."""
        if self.channel is not None:
            self.channel.send(msgspec.json.encode({"type": "cancel", "id": call.id}))

    def waits_since(self) -> float:
        """Return since when calls wait in its pipe without any answer of it; 0 where none do."""
        return self._last if self.reply.ahead and len(self.calls) > 1 else 0.0

    def withdraw(self, now: float) -> None:
        """Ask for the calls that it has not begun; none is sent until it answers one."""
        assert self.channel is not None
        self.withdrawing, self.limit = now, 1
        ids = list(self.calls)[1:]
        self.channel.send(msgspec.json.encode({"type": "withdraw", "ids": ids}))

    def withdrawn(self) -> list[Call]:
        """Return, and forget, the calls that it will not begin any more.

        It looks for a `withdraw` more often than we wait for this (runtimes/README.md), before it
        begins a call and after it answered the one before. So where no answer is on its way, it
        has begun none of them.
        """
        self.withdrawing = 0.0
        ahead = list(self.calls.values())[1:]
        if self.channel is None or not self.channel.quiet:
            return []
        if sum(len(call.body) for call in ahead) > MOST_LOOKED_AT:
            return []
        for call in ahead:
            del self.calls[call.id]
        return ahead

    async def ask(self, message: dict[str, object], answers: tuple[str, ...]) -> Reply:
        """Send a frame and return the first reply whose type is one of `answers`.

        Raises:
            Failure: The worker died before it answered.
        """
        assert self.channel is not None
        expected = self.expect(*answers)
        self.channel.send(msgspec.json.encode(message))
        return await expected

    def expect(self, *kinds: str) -> asyncio.Future[Reply]:
        """Return a future of the next reply whose type is one of `kinds`."""
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        for kind in kinds:
            self._waiting[kind] = future
        return future

    def kill(self) -> None:
        """End the process at once."""
        if self.pid > 0:
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                return

    def shut_down(self) -> None:
        """Ask the process to end after the calls it has."""
        if self.channel is not None:
            self.channel.send(b'{"type":"shutdown"}')

    def settle(self, *, swap: bool) -> None:
        """Let what `reload` prepared answer the calls to come, or forget it."""
        if self.channel is not None:
            self.channel.send(b'{"type":"commit"}' if swap else b'{"type":"discard"}')

    def pause(self, call: Call) -> None:
        """Let the stream of `call` wait, as its reader is slow; the other calls go on."""
        if not self.reply.flow:
            self.block(call)
        elif self.channel is not None:
            self._paused.add(call.id)
            self.channel.send(b'{"type":"pause","id":%d}' % call.id)

    def block(self, call: Call) -> None:
        """Read nothing more from the worker before `resume(call)`."""
        if self.channel is not None:
            self._blocking.add(call.id)
            self.channel.pause()

    def resume(self, call: Call) -> None:
        """Let the stream of `call` go on."""
        if self.channel is None:
            return
        if call.id in self._paused:
            self._paused.discard(call.id)
            self.channel.send(b'{"type":"resume","id":%d}' % call.id)
        if call.id in self._blocking:
            self._blocking.discard(call.id)
            if not self._blocking:
                self.channel.resume()

    def _begins(self, reply: Reply) -> None:
        """Let go of an input that has become a large result: memory for one is enough."""
        call = self.calls.get(reply.id)
        if call is not None and reply.type == "result":
            call.body = b""

    def _frame(self, reply: Reply, body: bytes) -> None:
        kind = reply.type
        if kind == "log":
            self.logged(reply, body)
            return
        future = self._waiting.get(kind)
        if future is not None:
            for name in [name for name, one in self._waiting.items() if one is future]:
                del self._waiting[name]
            if not future.done():
                future.set_result(reply)
            return
        call = self.calls.get(reply.id)
        if call is not None and call.take(reply, body):
            del self.calls[reply.id]
            self._measure(call)
            self._on_idle(self)
        elif call is not None and kind == "withdrawn":
            del self.calls[reply.id]
            self.withdrew(call)

    def _measure(self, call: Call) -> None:
        now = time.monotonic()
        # A call that was sent ahead of time waited in the pipe until the one before it ended.
        began = call.began = call.began or self._last
        call.ended = now
        self.worked(began - call.arrived, now - began)
        self._mean += 0.1 * (now - self._last - self._mean)
        self._last = now
        short = self._mean < SHORT_CALL and self.reply.ahead
        self.withdrawing = 0.0
        if not self.reply.batch:
            self.limit = self.concurrency + (AHEAD if short else 0)

    def _closed(self, reason: str) -> None:
        if self.unread is not None:
            alone = self.concurrency == 1 or len(self.calls) == 1
            call = next(iter(self.calls), None) if alone else None
            for stream, text in self.unread.take():
                self.logged(Reply("log", stream=stream, call=call), text)
        for future in set(self._waiting.values()):
            if not future.done():
                future.set_exception(Failure(502, "worker_died", reason or "the worker ended"))
        self._waiting.clear()
        self.died(self, reason)
