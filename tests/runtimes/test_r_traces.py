"""Stack traces of R, as its runner reports them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

FAULTS = Path("runtimes/r/faults.R").resolve()
REPORT = """
source("{faults}")
options(keep.source = TRUE)
source("{root}/deep.R", keep.source = TRUE)
found <- tryCatch(
  withCallingHandlers(down({depth}), error = function(error) calls <<- sys.calls()),
  error = function(error) report(error, calls, "{root}")
)
cat(found$stacktrace)
"""


@pytest.mark.program("Rscript")
def test_a_deep_stack_is_told_by_its_ends(tmp_path: Path) -> None:
    (tmp_path / "deep.R").write_text('down <- function(n) if (n) down(n - 1) else stop("deep")\n')

    def lines(depth: int) -> list[str]:
        code = REPORT.format(faults=FAULTS, root=tmp_path, depth=depth)
        command = ["Rscript", "--vanilla", "-e", code]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    few, many = lines(20), lines(300)
    assert not any("more" in line for line in few)
    assert len(many) == 1 + 50 + 1 + 50
    assert many[51].startswith("  ... ")
    assert many[51].endswith(" more")


@pytest.mark.program("Rscript")
@pytest.mark.parametrize("failing", ['n + "x"', "list(n)[[2]]"])
def test_what_a_primitive_refused_is_told_as_it_was_written(failing: str, tmp_path: Path) -> None:
    (tmp_path / "deep.R").write_text(f"down <- function(n) {{\n  {failing}\n}}\n")
    code = REPORT.format(faults=FAULTS, root=tmp_path, depth=1)
    command = ["Rscript", "--vanilla", "-e", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1:] == [f"  {failing} at deep.R:2"]
