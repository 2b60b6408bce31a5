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


def test_the_trace_of_a_panic_that_ends_the_worker_is_in_the_log(tmp_path: Path) -> None:
    if GO.lacking:
        lacking(f"{GO.lacking} is not installed")
    app = tmp_path / "app"
    shutil.copytree(GO.program, app)
    shutil.rmtree(app / "src")
    (app / "src").mkdir()
    (app / "src" / "suite.go").write_text(CODE)
    gateway = served(GO, app)
    try:
        assert gateway.post("out of reach").code == "worker_died"
    finally:
        gateway.stop()
    assert any("before it" in line for line in gateway.printed)
    assert sum("panic: out of reach" in line for line in gateway.printed) == 1
    assert any("suite.go:7" in line for line in gateway.printed)
