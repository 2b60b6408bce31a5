"""Telling of the end of a job: again and again, later and later, until somebody has heard."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import random
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from algo_gateway.calls.call import Failure
from algo_gateway.jobs.delivery import Delivered, deliver
from algo_gateway.jobs.desk import Trouble
from algo_gateway.jobs.job import Job, written
from algo_gateway.jobs.signatures import signed

if TYPE_CHECKING:
    from collections.abc import Callable

    from algo_gateway.config import Webhooks as Settings
    from algo_gateway.jobs.jobs import Jobs
    from algo_gateway.jobs.store import Store

HEADER = "Webhook-Url"
_SIDE_BY_SIDE = 4
_LONGEST = 3600.0
_FACTOR = 3.0
# A result that is not larger comes with the message.
_EMBEDDED = 65_536
_GONE = 410


def check(url: str, settings: Settings, *, signs: bool) -> str:
    """Return `url` where a job may name it in `Webhook-Url`.

    Raises:
        Failure: 400, it is none, or not allowed in algo.toml, or there is no secret to sign with.
    """
    if len(url) > 2000 or not url.isascii() or not url.isprintable() or " " in url:
        raise Failure(400, "webhook_refused", f"{HEADER} is no URL")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Failure(400, "webhook_refused", f"{HEADER} is no URL: {error}") from error
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc or parts.fragment:
        hint = "write it as https://hooks.example.com/path"
        raise Failure(400, "webhook_refused", f"{HEADER} is no URL for this", hint=hint)
    if not any(_allows(rule, parts.scheme, host, port) for rule in settings.allow):
        hint = "name the host in allow of jobs.webhooks under [serving] in algo.toml"
        raise Failure(400, "webhook_refused", f"{parts.scheme}://{host} is not allowed", hint=hint)
    if not signs:
        what = "this service has no secret to sign webhooks with"
        hint = "start it with ALGO_WEBHOOK_SECRET=whsec_…"
        raise Failure(400, "webhook_unsigned", what, hint=hint)
    return url


def _allows(rule: str, scheme: str, host: str, port: int | None) -> bool:
    """Tell whether `rule` is for a URL: https unless it says http, any port unless it says one."""
    wanted, _, rest = rule.lower().rpartition("://")
    name, _, number = rest.rpartition(":")
    if not number.isdigit() or not name:
        name, number = rest, ""
    usual = 443 if scheme == "https" else 80
    if (wanted or "https") != scheme or (number and int(number) != (port or usual)):
        return False
    if name.startswith("*."):
        return host.endswith(name[1:])
    return host == name.strip("[]")


def message(job: Job, body: bytes) -> bytes:
    """Return what is sent: the job's document, with its result when that is small."""
    document: dict[str, Any] = job.document()
    document.pop("webhook", None)
    if "result" in document and len(body) <= _EMBEDDED:
        document["result"] |= _embedded(job.result_type, body)
    told = {"type": f"job.{job.state}", "timestamp": written(job.ended or 0.0), "data": document}
    return msgspec.json.encode(told)


def _embedded(kind: str, body: bytes) -> dict[str, Any]:
    name = kind.partition(";")[0]
    if name == "application/json":
        return {"value": msgspec.Raw(body)}
    try:
        if name.startswith("text/"):
            return {"value": body.decode()}
    except UnicodeDecodeError:
        pass
    return {"base64": base64.b64encode(body).decode()}


def _settle(future: asyncio.Future[Delivered], went: Delivered) -> None:
    if not future.done():
        future.set_result(went)


class Webhooks:
    """Delivers what is due, a few at a time, from threads.

    Args:
        jobs: Whose ends are told.
        settings: Says which hosts may be told, and how often that is tried.
        keys: Of the signatures.
    """

    def __init__(
        self, jobs: Jobs, settings: Callable[[], Settings], keys: tuple[bytes, ...]
    ) -> None:
        self._jobs = jobs
        self._settings = settings
        self._keys = keys
        self._loop = asyncio.get_running_loop()
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._task = self._loop.create_task(self._run())
        self._random = random.Random()
        self.counts = {"webhook_delivered": 0, "webhook_failed": 0, "webhook_retried": 0}

    def look(self) -> None:
        """Look for what is due, now."""
        self._wake.set()

    async def close(self) -> None:
        """Begin no more; what is under way is tried again after the next start."""
        for task in (self._task, *self._under_way.values()):
            task.cancel()
        await asyncio.gather(self._task, *self._under_way.values(), return_exceptions=True)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            following = await self._begin()
            seconds = None if following is None else max(0.05, following - time.time())
            try:
                await asyncio.wait_for(self._wake.wait(), seconds)
            except TimeoutError:
                continue

    async def _begin(self) -> float | None:
        """Begin what is due, and return when the next one will be."""
        free = _SIDE_BY_SIDE - len(self._under_way)
        if not free:
            return None
        busy, now = frozenset(self._under_way), time.time()
        try:
            due, following = await self._jobs.do(
                lambda store: store.due(now, free, busy), durable=False
            )
        except Trouble:
            return time.time() + 5.0
        for job in due:
            task = self._loop.create_task(self._deliver(job))
            self._under_way[job.id] = task
            task.add_done_callback(lambda _, name=job.id: self._done(name))  # type: ignore[misc]
        return following if len(self._under_way) < _SIDE_BY_SIDE else None

    def _done(self, name: str) -> None:
        self._under_way.pop(name, None)
        self._wake.set()

    async def _deliver(self, job: Job) -> None:
        try:
            _, body = await self._jobs.result(job.id)
        except Failure:
            return
        went = await self._attempt(job, message(job, body))
        state, at = self._after(job, went)
        self.counts[f"webhook_{'retried' if state == 'pending' else state}"] += 1
        if state == "failed":
            self._jobs.say(f"the webhook of job {job.id} is given up: {went.reason or went.status}")

        def keep(store: Store) -> None:
            store.told(job.id, state, went.status, at)

        try:
            await self._jobs.do(keep)
        except Trouble as error:
            self._jobs.say(f"the webhook of job {job.id} cannot be noted: {error}")

    async def _attempt(self, job: Job, body: bytes) -> Delivered:
        try:
            check(job.hook, self._settings(), signs=bool(self._keys))
        except Failure as refused:
            return Delivered(0, refused.message)  # it was allowed when the job was ordered
        # An id may be used again once its job is forgotten; a receiver knows messages by theirs.
        name = f"msg_{job.id}_{job.created * 1000:.0f}"
        headers = signed(self._keys, name, int(time.time()), body)
        future: asyncio.Future[Delivered] = self._loop.create_future()

        def work() -> None:
            went = deliver(job.hook, body, headers, private=self._settings().private)
            with contextlib.suppress(RuntimeError):  # the gateway has ended
                self._loop.call_soon_threadsafe(_settle, future, went)

        # The gateway does not wait for it at its end: it is tried again after the next start.
        threading.Thread(target=work, name="webhook", daemon=True).start()
        return await future

    def _after(self, job: Job, went: Delivered) -> tuple[str, float | None]:
        """Return the state of a webhook after an attempt, and when it is tried again."""
        if went.ok:
            return "delivered", None
        if went.status == _GONE or job.hook_attempts + 1 >= self._settings().attempts:
            return "failed", None
        wait = min(_LONGEST, self._settings().backoff * _FACTOR**job.hook_attempts)
        wait *= self._random.uniform(0.5, 1.0)
        return "pending", time.time() + max(wait, went.retry_after)
