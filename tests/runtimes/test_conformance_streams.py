"""The protocol of streams (runtimes/README.md), as `test_conformance` holds the rest of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtimes.conftest import RunnerProcess

    Start = Callable[..., RunnerProcess]


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_stream_whose_reader_is_slow_waits_and_the_others_go_on(runner: Start, kind: str) -> None:
    started = runner(
        f"""
        import asyncio

        {kind} apply(value):
            for number in range(value):
                yield number
        """,
        concurrency=2,
    )
    assert started.load()["flow"] is True
    started.write({"type": "pause", "id": 5})  # there is no such call
    call = {"type": "call", "id": 1, "content_type": "application/json"}
    started.write(call, b"100000")
    assert started.read()[0]["type"] == "chunk"
    started.write({"type": "pause", "id": 1})
    # The answers of a second call come after all that the first one could still yield.
    for number in range(2, 6):
        started.write({**call, "id": number}, b"0")
        while started.read()[0]["id"] != number:
            pass
    started.write({**call, "id": 6}, b"3")
    assert [started.read()[0]["id"] for _ in range(4)] == [6, 6, 6, 6]
    started.write({"type": "resume", "id": 1})
    assert started.read()[0]["id"] == 1
    started.write({"type": "pause", "id": 1})
    started.write({"type": "cancel", "id": 1})
    while (last := started.read()[0])["type"] == "chunk":
        pass
    assert last["type"] in {"end", "error"}


def test_a_stream_can_be_cancelled_while_calls_wait_behind_it(runner: Start) -> None:
    started = runner(
        """
        import time

        def apply(value):
            for number in range(value):
                time.sleep(0.01)
                yield number
        """
    )
    started.load()
    for number, count in ((1, b"1000"), (2, b"1")):
        started.write({"type": "call", "id": number, "content_type": "application/json"}, count)
    assert started.read()[0]["type"] == "chunk"
    started.write({"type": "cancel", "id": 1})
    said: list[dict[str, object]] = []
    while not said or (said[-1]["type"], said[-1]["id"]) != ("end", 2):
        said.append(started.read()[0])
    ends = [header["id"] for header in said if header["type"] == "end"]
    assert ends == [1, 2]
    assert len(said) < 900
