"""Jobs in SQLite: every method is one step that is kept whole or not at all."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import msgspec

from algo_gateway.jobs.job import CANCELLED, FAILED, QUEUED, RUNNING, SUCCEEDED, Job, Order

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE = "jobs.sqlite3"
VERSION = 1
_COLUMNS = ", ".join(field.name for field in msgspec.structs.fields(Job))
# A body is the input while a job is open, and its result afterwards.
_SCHEMA = """
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    client TEXT NOT NULL,
    shape TEXT NOT NULL,
    content_type TEXT NOT NULL,
    timeout REAL NOT NULL,
    created REAL NOT NULL,
    started REAL,
    ended REAL,
    attempt INTEGER NOT NULL DEFAULT 0,
    lost INTEGER NOT NULL DEFAULT 0,
    seconds REAL NOT NULL DEFAULT 0,
    status INTEGER NOT NULL DEFAULT 0,
    error BLOB,
    result_type TEXT NOT NULL DEFAULT '',
    size INTEGER NOT NULL,
    hook TEXT NOT NULL,
    hook_state TEXT NOT NULL DEFAULT '',
    hook_attempts INTEGER NOT NULL DEFAULT 0,
    hook_next REAL,
    hook_status INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX jobs_open ON jobs (number) WHERE ended IS NULL;
CREATE INDEX jobs_ended ON jobs (ended) WHERE ended IS NOT NULL;
CREATE INDEX hooks_due ON jobs (hook_next) WHERE hook_state = 'pending';
CREATE TABLE bodies (
    number INTEGER PRIMARY KEY REFERENCES jobs (number) ON DELETE CASCADE,
    body BLOB NOT NULL
);
"""
_FORGET = 500


class Full(msgspec.Struct, frozen=True):
    """No more jobs are taken; `reason` says of what there are too many."""

    reason: str


class Limits(msgspec.Struct, frozen=True):
    """What is kept: open jobs, ended jobs, seconds after the end, bytes of all bodies."""

    queue: int
    count: int
    seconds: float
    size: int


class Waits(msgspec.Struct, frozen=True):
    """A job that waits to be begun."""

    id: str
    client: str
    arrived: float


class Store:
    """The jobs of one gateway. Used by one thread, which begins and ends transactions.

    Raises:
        sqlite3.Error: The file is no database, another gateway has it, or the disk is full.
        ValueError: A newer version wrote it.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self.limits = limits
        self.db = sqlite3.connect(path, isolation_level=None, timeout=0.2)
        try:
            self._prepare()
        except BaseException:
            self.db.close()
            raise
        self.recount()

    def _prepare(self) -> None:
        db = self.db
        # One gateway alone: a second one is told "locked", and no memory is shared through
        # files, which some file systems cannot do.
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA journal_size_limit = 16000000")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("BEGIN IMMEDIATE")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            db.execute("ROLLBACK")
            raise ValueError(f"its form is {version}, this gateway knows {VERSION}")
        if not version:
            for statement in _SCHEMA.split(";"):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")

    def recount(self) -> None:
        """Count what is kept, at the start and when a transaction was undone."""
        sums = "count(*) FILTER (WHERE ended IS NULL), count(*), coalesce(sum(size), 0)"
        self.open, self._count, self._size = self.db.execute(f"SELECT {sums} FROM jobs").fetchone()

    def recover(self, attempts: int, now: float, error: bytes) -> list[Waits]:
        """Put back what was running when the gateway ended, and return all that waits.

        A job that was lost `attempts` times fails with `error`.
        """
        self.db.execute("UPDATE jobs SET lost = lost + 1 WHERE state = ?", (RUNNING,))
        lost = self.db.execute(
            "SELECT id FROM jobs WHERE state = ? AND lost >= ?", (RUNNING, attempts)
        ).fetchall()
        for (name,) in lost:
            self.fail(name, 502, error, now)
        self.db.execute("UPDATE jobs SET state = ? WHERE state = ?", (QUEUED, RUNNING))
        waiting = "SELECT id, client, created FROM jobs WHERE state = ? ORDER BY number"
        return [Waits(*row) for row in self.db.execute(waiting, (QUEUED,))]

    def accept(self, order: Order, now: float) -> tuple[Job, bool] | Full:
        """Take a job, or find the one that has its id; tell whether it is new.

        `Full` when as many as are taken are open, or their bodies are too large together.
        """
        known = self.get(order.id)
        if known is not None:
            return known, False
        if self.open >= self.limits.queue:
            return Full(f"{self.open} jobs are waiting already")
        size = len(order.body)
        self.forget(now, size)
        if self._size + size > self.limits.size:
            return Full(f"the jobs hold {self._size} bytes already")
        columns = "id, state, fingerprint, client, shape, content_type, timeout, created, size, "
        columns += "hook, hook_state"
        self.db.execute(
            f"INSERT INTO jobs ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                order.id,
                QUEUED,
                order.fingerprint,
                order.client,
                order.shape,
                order.content_type,
                order.timeout,
                now,
                size,
                order.hook,
                "waiting" if order.hook else "",
            ),
        )
        job = self.get(order.id)
        assert job is not None
        self.db.execute("INSERT INTO bodies VALUES (?, ?)", (job.number, order.body))
        self.open += 1
        self._count += 1
        self._size += size
        return job, True

    def begin(self, name: str, now: float) -> tuple[Job, bytes] | None:
        """Begin an attempt: return the job and its input, None when it is not to be run."""
        begun = "state = ?, attempt = attempt + 1, started = ?"
        done = self.db.execute(
            f"UPDATE jobs SET {begun} WHERE id = ? AND state = ?", (RUNNING, now, name, QUEUED)
        )
        job = self.get(name) if done.rowcount else None
        return None if job is None else (job, self.body(job))

    def put_back(self, name: str, *, lost: bool = False) -> Job | None:
        """Let a running job wait again; `lost` counts the attempt against it."""
        self.db.execute(
            "UPDATE jobs SET state = ?, lost = lost + ? WHERE id = ? AND state = ?",
            (QUEUED, int(lost), name, RUNNING),
        )
        return self.get(name)

    def succeed(self, name: str, kind: str, body: bytes, seconds: float, now: float) -> Job | None:
        """Keep the result of a running job."""
        return self._end(name, now, SUCCEEDED, 200, None, kind, body, seconds)

    def fail(self, name: str, status: int, error: bytes, now: float) -> Job | None:
        """Keep why a job has no result."""
        return self._end(name, now, FAILED, status, error)

    def cancel(self, name: str, now: float) -> Job | None:
        """End an open job without a result; None when there is no such job."""
        return self._end(name, now, CANCELLED, 0, None)

    def _end(
        self,
        name: str,
        now: float,
        state: str,
        status: int,
        error: bytes | None,
        kind: str = "",
        body: bytes = b"",
        seconds: float = 0.0,
    ) -> Job | None:
        job = self.get(name)
        if job is None or not job.open:
            return job
        hook = "pending" if job.hook else ""
        self.db.execute(
            "UPDATE jobs SET state = ?, ended = ?, status = ?, error = ?, result_type = ?, "
            "size = ?, seconds = ?, hook_state = ?, hook_next = ? WHERE number = ?",
            (state, now, status, error, kind, len(body), seconds, hook, now, job.number),
        )
        self.db.execute("UPDATE bodies SET body = ? WHERE number = ?", (body, job.number))
        self.open -= 1
        self._size += len(body) - job.size
        self.forget(now, 0)
        return self.get(name)

    def get(self, name: str) -> Job | None:
        """Return a job."""
        row = self.db.execute(f"SELECT {_COLUMNS} FROM jobs WHERE id = ?", (name,)).fetchone()
        return None if row is None else Job(*row)

    def body(self, job: Job) -> bytes:
        """Return the input of an open job, or the result of one that ended."""
        row = self.db.execute("SELECT body FROM bodies WHERE number = ?", (job.number,)).fetchone()
        return bytes(row[0]) if row else b""

    def result(self, name: str) -> tuple[Job, bytes] | None:
        """Return a job and, when it ended, its result."""
        job = self.get(name)
        if job is None:
            return None
        return job, b"" if job.open else self.body(job)

    def newest(self, state: str, before: int, most: int) -> list[Job]:
        """Return jobs, the newest first, whose number is below `before`, of one state or all."""
        which = "number < ?" + (" AND state = ?" if state else "")
        values = (before, state, most) if state else (before, most)
        query = f"SELECT {_COLUMNS} FROM jobs WHERE {which} ORDER BY number DESC LIMIT ?"
        return [Job(*row) for row in self.db.execute(query, values)]

    def due(self, now: float, most: int, busy: frozenset[str]) -> tuple[list[Job], float | None]:
        """Return jobs whose webhook is due and not `busy`, and when the next one will be."""
        query = f"SELECT {_COLUMNS} FROM jobs WHERE hook_state = 'pending' ORDER BY hook_next"
        found: list[Job] = []
        for row in self.db.execute(query):
            job = Job(*row)
            if job.id in busy:
                continue
            if len(found) == most or (job.hook_next or 0.0) > now:
                return found, job.hook_next
            found.append(job)
        return found, None

    def told(self, name: str, state: str, status: int, at: float | None) -> None:
        """Keep how an attempt to deliver a webhook went, and when the next one is."""
        self.db.execute(
            "UPDATE jobs SET hook_state = ?, hook_attempts = hook_attempts + 1, hook_status = ?, "
            "hook_next = ? WHERE id = ?",
            (state, status, at, name),
        )

    def forget(self, now: float, more: int) -> None:
        """Remove ended jobs that are too old, too many, or in the way of `more` bytes."""
        limits = self.limits
        for number, size, ended in self._oldest():
            many = self._count - self.open > limits.count
            if not many and ended > now - limits.seconds and self._size + more <= limits.size:
                return
            self.db.execute("DELETE FROM jobs WHERE number = ?", (number,))
            self._count -= 1
            self._size -= size

    def _oldest(self) -> Iterator[tuple[int, int, float]]:
        query = "SELECT number, size, ended FROM jobs WHERE ended IS NOT NULL "
        query += f"AND hook_state != 'pending' ORDER BY ended LIMIT {_FORGET}"
        yield from self.db.execute(query).fetchall()

    def tidy(self) -> None:
        """Give the file's free pages back."""
        self.db.execute("PRAGMA incremental_vacuum(2000)")

    def close(self) -> None:
        """Write everything into the one file and close it."""
        self.db.close()
