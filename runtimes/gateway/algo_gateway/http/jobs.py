"""Jobs over HTTP: ordered by `Prefer: respond-async` or `PUT`, then asked for under `/jobs`."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import msgspec

from algo_gateway.access.tokens import ADMIN
from algo_gateway.calls.call import Failure, Result
from algo_gateway.calls.deadlines import client_timeout
from algo_gateway.http import answers
from algo_gateway.http.job_operations import describe_jobs
from algo_gateway.http.prefer import Prefer, prefer_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from algo_gateway.http.openapi import Interface
    from algo_gateway.http.routes import Handler, Routes
    from algo_gateway.http.service import Service
    from algo_gateway.jobs.job import Job
    from algo_gateway.jobs.jobs import Jobs

    Answer = tuple[int, answers.Headers, bytes]

FILE = "jobs.sqlite3"
WEBHOOK = "webhook-url"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
_STATES = ("queued", "running", "succeeded", "failed", "cancelled")
# How long a client waits before it asks again, where it does not wait for the end.
_AGAIN = ("retry-after", "1")
_FRESH = ("cache-control", "no-store")
_MOST = 1000
_LAST = 1 << 62
# How long a request waits for the store that another gateway has still.
PATIENCE = 4.0


class JobPages:
    """Answers for jobs. What keeps and runs them is imported with the first one."""

    def __init__(self, service: Service, folder: Path | None, keys: tuple[bytes, ...] = ()) -> None:
        self._service = service
        self._folder = folder
        self._keys = keys
        self._opening: asyncio.Task[Jobs] | None = None
        self._leave: Callable[[], None] = lambda: None
        self._retry: asyncio.Task[None] | None = None

    def register(self, routes: Routes) -> None:
        """Add the paths of jobs."""
        # Whoever knows a job's id may ask for it; the list tells everybody's.
        routes.add("GET HEAD", "/jobs", self._handler(self._list), ADMIN)
        routes.add("GET HEAD", "/jobs/*", self._handler(self._show))
        routes.add("PUT", "/jobs/*", self._handler(self._put))
        routes.add("DELETE", "/jobs/*", self._handler(self._cancel))
        routes.add("GET HEAD", "/jobs/*/result", self._handler(self._result))

    def describe(self, interface: Interface) -> None:
        """Add jobs to the document."""
        describe_jobs(interface)

    def resume(self) -> None:
        """Go on with the jobs of an earlier process, if there are any."""
        if self._folder is not None and (self._folder / FILE).exists():
            self._retry = asyncio.get_running_loop().create_task(self._reopen())

    def halt(self) -> None:
        """Begin no more jobs."""
        if self._retry is not None:
            self._retry.cancel()
        if (jobs := self._open_already()) is not None:
            jobs.halt()

    async def close(self) -> None:
        """Keep what did not end, after the pool has stopped."""
        if (jobs := self._open_already()) is not None:
            self._opening = None
            await jobs.close()
        self._leave()

    async def order(self, scope: Any, headers: Any, proto: Any, shape: str) -> bool:
        """Answer a call that prefers to be a job; False when it does not.

        Args:
            scope: Of the request.
            headers: Of the request.
            proto: Of the request.
            shape: How its result is to be written: `plain` or `algorithmia`.
        """
        prefer = prefer_of(headers)
        if not prefer.respond_async:
            return False

        async def ordered(scope: Any, proto: Any) -> Answer:
            jobs, job = await self.accept(scope, proto, secrets.token_hex(16), shape)
            if prefer.wait:
                job = await jobs.get(job.id, prefer.wait)
                if not job.open:
                    status, headers, body = await self._outcome(jobs, job.id)
                    done = Prefer(wait=prefer.wait).applied
                    place = ("content-location", f"/jobs/{job.id}/result")
                    return status, [*headers, *done, place], body
            return _accepted(job, prefer)

        work = self._handler(ordered)(scope, proto)
        if work is not None:
            await work
        return True

    async def _put(self, scope: Any, proto: Any) -> Answer:
        name, prefer = _name(scope), prefer_of(scope.headers)
        if _ID.fullmatch(name) is None:
            hint = "up to 100 letters, digits and . _ - of which the first is a letter or digit"
            raise Failure(400, "bad_job_id", f"{name[:100]!r} is no id for a job", hint=hint)
        jobs, job = await self.accept(scope, proto, name, "plain")
        if prefer.wait:
            job = await jobs.get(name, prefer.wait)
        return _accepted(job, prefer) if job.open else _document(200, job, prefer)

    async def _show(self, scope: Any, proto: Any) -> Answer:
        prefer = prefer_of(scope.headers)
        jobs, name = await self._known(scope)
        return _document(200, await jobs.get(name, prefer.wait or 0.0), prefer)

    async def _cancel(self, scope: Any, proto: Any) -> Answer:
        jobs, name = await self._known(scope)
        return _document(200, await jobs.cancel(name), Prefer())

    async def _result(self, scope: Any, proto: Any) -> Answer:
        prefer = prefer_of(scope.headers)
        jobs, name = await self._known(scope)
        if prefer.wait:
            await jobs.get(name, prefer.wait)
        status, headers, body = await self._outcome(jobs, name)
        return status, [*headers, *Prefer(wait=prefer.wait).applied], body

    async def _list(self, scope: Any, proto: Any) -> Answer:
        state, before, most = _query(scope.query_string)
        if self._open_already() is None and not self._kept():
            return 200, [*answers.JSON, _FRESH], b'{"jobs":[],"next":null}'
        found = await (await self._jobs()).newest(state, before, most)
        more = f"/jobs?before={found[-1].number}&limit={most}" if len(found) == most else None
        if more and state:
            more += f"&state={state}"
        document = {"jobs": [job.document() for job in found], "next": more}
        return 200, [*answers.JSON, _FRESH], msgspec.json.encode(document)

    async def accept(self, scope: Any, proto: Any, name: str, shape: str) -> tuple[Jobs, Job]:
        """Keep a request as the job `name` (`order` says what `shape` is).

        Raises:
            Failure: There is no room, or it cannot be kept.
        """
        from algo_gateway.jobs.job import Order

        headers = scope.headers
        body = await self._service.body(headers, proto)
        kind, body = await self._service.prepared(
            headers.get("content-type") or "application/json", body
        )
        order = Order(
            name,
            kind,
            body,
            shape,
            scope.client.rpartition(":")[0],
            client_timeout(headers) or 0.0,
            self._hook(headers.get(WEBHOOK)),
        )
        jobs = await self._jobs()
        job, _ = await jobs.accept(order)
        return jobs, job

    def _hook(self, url: str | None) -> str:
        if url is None:
            return ""
        from algo_gateway.jobs.webhooks import check

        allowed = self._service.pool.serving.jobs.webhooks
        return check(url, allowed, signs=bool(self._keys))

    async def _outcome(self, jobs: Jobs, name: str) -> Answer:
        """Return what a call would have been answered with, or 202 while there is nothing."""
        job, body = await jobs.result(name)
        if job.open:
            return _accepted(job, Prefer())
        if job.state == "succeeded":
            if job.shape == "algorithmia":
                body = answers.algorithmia(Result(job.result_type, body), job.seconds)
                return 200, [*answers.JSON, _FRESH], body
            return 200, [("content-type", job.result_type), _FRESH], body
        if job.error is not None:
            return job.status, [*answers.JSON, _FRESH], b'{"error":' + job.error + b"}"
        raise Failure(410, "cancelled", f"the job {name} was cancelled and has no result")

    async def _known(self, scope: Any) -> tuple[Jobs, str]:
        """Return the jobs and the id that the path names.

        Raises:
            Failure: 404, there can be none.
        """
        name = _name(scope)
        if self._open_already() is None and not self._kept():
            raise Failure(404, "no_such_job", f"there is no job {name[:100]}")
        return await self._jobs(), name

    def _kept(self) -> bool:
        return self._folder is not None and (self._folder / FILE).exists()

    def _open_already(self) -> Jobs | None:
        task = self._opening
        if task is None or not task.done() or task.cancelled() or task.exception() is not None:
            return None
        return task.result()

    async def _jobs(self) -> Jobs:
        """Return the jobs, opened now if they are not yet.

        Raises:
            Failure: 503, they cannot be had.
        """
        task = self._opening
        if task is None or (task.done() and (task.cancelled() or task.exception())):
            task = self._opening = asyncio.get_running_loop().create_task(self._open())
        return await asyncio.shield(task)

    async def _open(self) -> Jobs:
        from sqlite3 import Error

        from algo_gateway.jobs.jobs import Jobs
        from algo_gateway.jobs.place import Place

        service = self._service
        place = await asyncio.to_thread(
            Place, self._folder, lambda text: service.logs.say(text, "warning")
        )
        jobs = Jobs(
            place.folder / FILE,
            service.pool,
            self._details,
            service.logs,
            service.ids,
            self._keys,
        )
        end = time.monotonic() + PATIENCE
        while True:
            try:
                await jobs.open()
                break
            except (Error, OSError, ValueError) as error:
                if "locked" in str(error) and time.monotonic() < end:
                    await asyncio.sleep(0.1)  # the gateway before this one may be about to end
                    continue
                message = f"the jobs in {place.folder} cannot be opened: {error}"
                service.logs.say(message, "error")
                what = "jobs cannot be kept: their store cannot be opened"
                hint = "another gateway may use the folder (ALGO_JOBS); the log says why"
                raise Failure(503, "jobs_unavailable", what, retry_after=5, hint=hint) from error
        self._leave = place.leave
        service.metrics.jobs = jobs.counts
        return jobs

    async def _reopen(self) -> None:
        """Open what is there, again and again: the gateway before may not have ended yet."""
        while True:
            try:
                await self._jobs()
            except Failure:
                await asyncio.sleep(2.0)
            else:
                return

    def _details(self, problem: Failure) -> bytes:
        _, body = answers.failure(problem, development=self._service.development)
        return bytes(msgspec.json.decode(body, type=_ErrorDocument).error)

    def _handler(self, answer: Callable[[Any, Any], Awaitable[Answer]]) -> Handler:
        async def handle(scope: Any, proto: Any) -> None:
            began, service, asked = time.monotonic(), self._service, scope.headers
            try:
                status, headers, body = await answer(scope, proto)
                headers = [*headers, *service.named(proto, asked, None)]
            except Failure as problem:
                status = problem.status
                headers, body = service.failed(problem, None, proto, asked)
            service.answered(status, began)
            proto.response_bytes(status, headers, b"" if scope.method == "HEAD" else body)

        return handle


class _ErrorDocument(msgspec.Struct):
    error: msgspec.Raw


def _name(scope: Any) -> str:
    return str(scope.path.split("/")[2])


def _document(status: int, job: Job, prefer: Prefer) -> Answer:
    headers = [*answers.JSON, _FRESH, ("vary", "prefer"), *Prefer(wait=prefer.wait).applied]
    if job.open:
        headers.append(_AGAIN)
    return status, headers, msgspec.json.encode(job.document())


def _accepted(job: Job, prefer: Prefer) -> Answer:
    place = ("location", f"/jobs/{job.id}")
    headers = [*answers.JSON, _FRESH, place, _AGAIN, *prefer.applied]
    return 202, headers, msgspec.json.encode(job.document())


def _query(text: str) -> tuple[str, int, int]:
    """Return state, number and limit of a list.

    Raises:
        Failure: 400, one of them is none.
    """
    asked = {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}
    state = asked.get("state", "")
    if "state" in asked and state not in _STATES:
        raise Failure(
            400, "bad_query", f"there is no state {state[:50]!r}", hint=", ".join(_STATES)
        )
    numbers = []
    for name, default, largest in (("before", _LAST, _LAST), ("limit", 100, _MOST)):
        given = asked.get(name, str(default))
        whole = given.isascii() and given.isdigit() and len(given) <= len(str(_LAST))
        if not (whole and 1 <= int(given) <= largest):
            raise Failure(400, "bad_query", f"{name} is from 1 to {largest}, not {given[:50]!r}")
        numbers.append(int(given))
    return state, numbers[0], numbers[1]
