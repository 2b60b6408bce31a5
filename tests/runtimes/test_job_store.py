"""The store of jobs and its thread: one transaction for many steps, and a disk that is full."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from algo_gateway.jobs.desk import Desk
from algo_gateway.jobs.job import Job, Order
from algo_gateway.jobs.store import Full, Limits, Store

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

T = TypeVar("T")
LIMITS = Limits(queue=1000, count=1000, seconds=60, size=10_000_000)


def with_desk(path: Path, work: Callable[[Desk], Awaitable[T]], limits: Limits = LIMITS) -> T:
    async def run() -> T:
        desk = Desk(asyncio.get_running_loop())
        await desk.open(lambda: Store(path, limits))
        try:
            return await work(desk)
        finally:
            await desk.close()

    return asyncio.run(run())


def order(name: str, size: int = 10, body: bytes | None = None) -> Order:
    return Order(name, "application/json", b"x" * size if body is None else body)


def taken(store: Store, one: Order) -> Job:
    accepted = store.accept(one, 1.0)
    assert not isinstance(accepted, Full)
    return accepted[0]


def test_a_step_that_fails_undoes_itself_and_no_other(tmp_path: Path) -> None:
    async def work(desk: Desk) -> list[object]:
        def fails(store: Store) -> None:
            taken(store, order("bad"))
            raise sqlite3.DataError("no")

        steps: list[asyncio.Future[Any]] = [
            desk.do(lambda store: taken(store, order("a"))),
            desk.do(fails),
            desk.do(lambda store: taken(store, order("b"))),
        ]
        await asyncio.wait(steps)
        with pytest.raises(sqlite3.DataError):
            steps[1].result()
        names = await desk.do(lambda store: [job.id for job in store.newest("", 99, 99)])
        counted = await desk.do(lambda store: store.open)
        return [names, counted]

    assert with_desk(tmp_path / "jobs.sqlite3", work) == [["b", "a"], 2]


def test_a_full_disk_takes_no_job_and_loses_none(tmp_path: Path) -> None:
    async def work(desk: Desk) -> list[str]:
        def limit(store: Store) -> None:
            (pages,) = store.db.execute("PRAGMA page_count").fetchone()
            store.db.execute(f"PRAGMA max_page_count = {pages + 20}")

        await desk.do(limit)
        orders = [order(f"j{number}", 3000) for number in range(100)]
        steps = [desk.do(lambda store, one=one: taken(store, one)) for one in orders]  # type: ignore[misc]
        await asyncio.wait(steps)
        kept = [step.result().id for step in steps if step.exception() is None]
        assert all(isinstance(step.exception(), sqlite3.OperationalError | None) for step in steps)
        found = await desk.do(lambda store: [job.id for job in store.newest("", 999, 999)])
        assert sorted(found) == sorted(kept)
        assert await desk.do(lambda store: store.open) == len(kept)
        return kept

    path = tmp_path / "jobs.sqlite3"
    kept = with_desk(path, work)
    assert 0 < len(kept) < 100
    waiting = with_desk(path, lambda desk: desk.do(lambda store: store.recover(3, 2.0, b"{}")))
    assert [one.id for one in waiting] == kept


def test_orders_of_the_same_job_agree_in_all_but_their_client() -> None:
    first = order("a")
    assert first.fingerprint == Order("b", first.content_type, first.body, client="x").fingerprint
    for other in (
        Order("a", "text/plain", first.body),
        Order("a", first.content_type, first.body + b"x"),
        Order("a", first.content_type, first.body, timeout=1.0),
        Order("a", first.content_type, first.body, hook="https://a.example/"),
        Order("a", first.content_type, first.body, shape="algorithmia"),
    ):
        assert other.fingerprint != first.fingerprint


def test_an_open_job_is_never_forgotten(tmp_path: Path) -> None:
    def work(store: Store) -> tuple[list[str], object]:
        for number in range(3):
            taken(store, order(f"j{number}"))
        store.begin("j0", 1.0)
        store.succeed("j0", "text/plain", b"y" * 50, 0.1, 2.0)
        store.forget(10_000.0, 0)
        left = [job.id for job in store.newest("", 99, 99)]
        return left, store.accept(order("j9", 200), 3.0)

    limits = Limits(queue=10, count=10, seconds=60, size=100)
    left, refused = with_desk(tmp_path / "jobs.sqlite3", lambda desk: desk.do(work), limits)
    assert left == ["j2", "j1"]
    assert isinstance(refused, Full)


def test_a_webhook_that_was_not_delivered_keeps_its_job(tmp_path: Path) -> None:
    def work(store: Store) -> list[str]:
        taken(store, Order("a", "text/plain", b"", hook="https://a.example/"))
        store.cancel("a", 2.0)
        store.forget(10_000.0, 0)
        kept = [job.id for job in store.newest("", 99, 99)]
        assert [job.id for job in store.due(3.0, 9, frozenset())[0]] == ["a"]
        assert store.due(3.0, 9, frozenset({"a"})) == ([], None)
        store.told("a", "pending", 500, 50.0)
        assert store.due(3.0, 9, frozenset()) == ([], 50.0)
        store.told("a", "delivered", 204, None)
        store.forget(10_000.0, 0)
        return [*kept, *(job.id for job in store.newest("", 99, 99))]

    assert with_desk(tmp_path / "jobs.sqlite3", lambda desk: desk.do(work)) == ["a"]
