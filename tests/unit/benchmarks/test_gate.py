"""The regression gate and the page that is written from results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.gate import falls
from benchmarks.outcome import Outcome, Ratio
from benchmarks.table import Results, page, read, write

if TYPE_CHECKING:
    from pathlib import Path


def outcome(*ratios: Ratio, name: str = "a.b") -> dict[str, Outcome]:
    return {name: Outcome(name, "what it is", ["who", "s"], [["x", "1"]], list(ratios), "today")}


def most(value: float, limit: float | None = 1.0, unit: str = "") -> Ratio:
    return Ratio("time of the peer's", value, limit, least=False, unit=unit)


def least(value: float, limit: float | None = 3.0) -> Ratio:
    return Ratio("answers of the peer's", value, limit, least=True)


def test_a_ratio_that_fell_is_named_with_by_how_much() -> None:
    lines = falls(outcome(least(5.0), most(0.5)), outcome(least(3.0), most(0.8)))
    assert lines == [
        "a.b: answers of the peer's: was 5.00, is 3.00: 40% worse, 25% allowed",
        "a.b: time of the peer's: was 0.50, is 0.80: 60% worse, 25% allowed",
    ]


def test_what_is_better_or_a_little_worse_passes() -> None:
    recorded = outcome(least(5.0), most(0.5))
    assert falls(recorded, outcome(least(50.0), most(0.05))) == []
    assert falls(recorded, outcome(least(3.8), most(0.62))) == []
    assert len(falls(recorded, outcome(least(3.8), most(0.62)), slack=0.1)) == 2


def test_seconds_are_compared_on_the_same_machine_only() -> None:
    recorded, fresh = outcome(most(1.0, unit="s")), outcome(most(9.0, unit="s"))
    assert falls(recorded, fresh) == []
    assert len(falls(recorded, fresh, same_machine=True)) == 1


def test_a_ratio_that_is_gone_is_told_and_a_benchmark_that_did_not_run_is_not() -> None:
    recorded = outcome(least(5.0)) | outcome(least(5.0), name="c.d")
    assert falls(recorded, outcome()) == ["a.b: answers of the peer's: was 5.00, is not measured"]


def test_failures_that_begin_are_worse_than_none() -> None:
    none = Ratio("not answered", 0.0, 0.0, least=False)
    some = Ratio("not answered", 1.0, 0.0, least=False)
    assert falls(outcome(none), outcome(none)) == []
    assert len(falls(outcome(none), outcome(some))) == 1


def test_the_page_holds_every_figure_and_says_what_is_missed(tmp_path: Path) -> None:
    results = Results("a machine", outcome(least(2.5), most(0.5, limit=None)))
    write(results, tmp_path / "results.json")
    text = page(read(tmp_path / "results.json"), ("c.d", "a.b"))
    assert "Measured on a machine." in text
    assert "| answers of the peer's | 2.50 | at least 3: **missed** |" in text
    assert "| time of the peer's | 0.50 | not asked |" in text
    assert "## What it is\n\n`python -m benchmarks.a.b`, today\n\n| who | s |\n" in text
    nothing = page(read(tmp_path / "none.json"), ("a.b",))
    assert "answers of" not in nothing
    assert "What it is" not in nothing
