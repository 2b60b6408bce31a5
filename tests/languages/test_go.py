"""What a program in Go leaves behind when it ends by itself."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.languages.language import PROGRAMS, ROOT, Language
from tests.languages.served import served
from tests.machine.lacking import lacking

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
GO = Language("go", ROOT / "runtimes" / "go", PROGRAMS / "go")
CODE = """package suite

import "time"

func Apply(name string) string {
	println("before it")
	go func() { panic(name) }()
	time.Sleep(10 * time.Second)
	return name
}
"""


OVERFLOW = """package suite

func down(n int) int { return down(n+1) + 1 }

func Load() {
	for range 500 {
		go func() { select {} }()
	}
}

func Apply(n int) int { return down(n) }
"""


def died(code: str, value: object, tmp_path: Path) -> list[str]:
    """Return what a program printed that ends its worker in a call."""
    if GO.lacking:
        lacking(f"{GO.lacking} is not installed")
    app = tmp_path / "app"
    shutil.copytree(GO.program, app)
    shutil.rmtree(app / "src")
    (app / "src").mkdir()
    (app / "src" / "suite.go").write_text(code)
    gateway = served(GO, app, timeout=60.0)  # Go counts millions of frames before it tells them
    try:
        assert gateway.post(value).code == "worker_died"
    finally:
        gateway.stop()
    return gateway.printed


def test_the_trace_of_a_panic_that_ends_the_worker_is_in_the_log(tmp_path: Path) -> None:
    printed = died(CODE, "out of reach", tmp_path)
    assert any("before it" in line for line in printed)
    assert sum("panic: out of reach" in line for line in printed) == 1
    assert any("suite.go:7" in line for line in printed)


def test_a_recursion_without_an_end_is_told_by_its_ends_however_many_goroutines_wait(
    tmp_path: Path,
) -> None:
    printed = died(OVERFLOW, 1, tmp_path)
    at = printed.index("fatal error: stack overflow")
    told = printed[at:]
    assert told[3:5] == ["  src.down", "    src/suite.go:3"]
    last = told.index("  created by src.Load")
    assert told[last - 3].endswith("[select (no cases)] and 499 more:")
    assert told[last + 1] == "    src/suite.go:7"
    assert last < 300
