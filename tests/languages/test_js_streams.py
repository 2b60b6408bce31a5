"""Asynchronous streams of JavaScript that wait for nothing, or for long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.languages.language import ROOT
from tests.runtimes.conftest import RunnerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.program("node")
CALL = {"type": "call", "id": 1, "content_type": "application/json"}
# It has an end, so that a runner which does not see a cancel fails the test rather than hangs.
PIECES = 200_000
CODE = """exports.apply = async (count) => (async function* () {
  try {
    for (let i = 0; i < count; i++) yield { i }
  } finally {
    console.log('closed')
  }
})()
"""


@pytest.fixture
def endless(tmp_path: Path) -> Iterator[RunnerProcess]:
    """A runner whose first call streams for long."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "it.js").write_text(CODE)
    command = ["node", f"{ROOT}/runtimes/javascript/run.js"]
    runner = RunnerProcess(command, tmp_path, entrypoint="src/it.js:apply", concurrency=2)
    runner.load()
    runner.write(CALL, str(PIECES).encode())
    assert runner.read()[0]["type"] == "chunk"
    yield runner
    runner.close()


def test_a_stream_that_waits_for_nothing_is_closed_when_its_reader_leaves(
    endless: RunnerProcess,
) -> None:
    endless.write({"type": "cancel", "id": 1})
    pieces, printed = 1, b""
    while (said := endless.read(logs=True))[0]["type"] != "end":
        if said[0]["type"] == "chunk":
            pieces += 1
        else:
            printed += said[1]
    assert pieces < PIECES
    assert b"closed" in printed
    endless.write({**CALL, "id": 2}, b"1")
    assert [endless.read()[0]["type"] for _ in range(2)] == ["chunk", "end"]


def test_other_calls_go_on_beside_a_stream_that_waits_for_nothing(endless: RunnerProcess) -> None:
    endless.write({**CALL, "id": 2}, b"1")
    pieces = 1
    while endless.read()[0]["id"] != 2:
        pieces += 1
    assert pieces < PIECES


def test_a_stream_that_waits_for_nothing_is_held(endless: RunnerProcess) -> None:
    endless.write({"type": "pause", "id": 1})
    endless.write({**CALL, "id": 2}, b"1")
    pieces = 1
    while (said := endless.read()[0])["type"] != "end":
        pieces += said["id"] == 1
    assert said["id"] == 2
    assert pieces < PIECES
    endless.write({"type": "resume", "id": 1})
    assert endless.read()[0]["id"] == 1


WAITS = """const later = () => new Promise((resolve) => setTimeout(resolve, 1500))
exports.apply = async () => (async function* () {
  try {
    yield 1
    await later()
    yield 2
  } finally {
    console.log('closed')
  }
})()
"""


def test_a_stream_that_waits_for_long_is_over_as_soon_as_its_reader_leaves(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "it.js").write_text(WAITS)
    command = ["node", f"{ROOT}/runtimes/javascript/run.js"]
    runner = RunnerProcess(command, tmp_path, entrypoint="src/it.js:apply", concurrency=2)
    try:
        runner.load()
        runner.write(CALL, b"0")
        assert runner.read()[0]["type"] == "chunk"
        runner.write({"type": "cancel", "id": 1})
        assert runner.read(logs=True)[0] == {"type": "end", "id": 1}
        said, printed = runner.read(logs=True)
        assert (said["type"], printed) == ("log", b"closed")
    finally:
        runner.close()
