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
  withCallingHandlers({call}, error = function(error) calls <<- sys.calls()),
  error = function(error) report(error, calls, "{root}")
)
cat(found$stacktrace)
"""


# A function that calls itself, and two that call each other.
DEEP = """down <- function(n) if (n) down(n - 1) else stop("deep")
to <- function(n) if (n) fro(n) else stop("deep")
fro <- function(n) to(n - 1)
"""


def lines(root: Path, function: str, depth: int) -> list[str]:
    """Return the lines of the trace of an error that is so deep."""
    (root / "deep.R").write_text(DEEP)
    code = REPORT.format(faults=FAULTS, root=root, call=f"{function}({depth})")
    command = ["Rscript", "--vanilla", "-e", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.program("Rscript")
def test_a_deep_stack_is_told_by_its_ends(tmp_path: Path) -> None:
    few, many = lines(tmp_path, "to", 20), lines(tmp_path, "to", 300)
    assert not any("more" in line for line in few)
    assert len(many) == 1 + 50 + 1 + 50
    assert many[51].startswith("  ... ")
    assert many[51].endswith(" more")


@pytest.mark.program("Rscript")
def test_a_function_that_calls_itself_is_told_once(tmp_path: Path) -> None:
    assert lines(tmp_path, "down", 300)[1:] == [
        "  stop at deep.R:1",
        "  down at deep.R:1",
        "  ... 299 more like it",
    ]


@pytest.mark.program("Rscript")
@pytest.mark.parametrize("failing", ['n + "x"', "list(n)[[2]]"])
def test_what_a_primitive_refused_is_told_as_it_was_written(failing: str, tmp_path: Path) -> None:
    (tmp_path / "deep.R").write_text(f"down <- function(n) {{\n  {failing}\n}}\n")
    code = REPORT.format(faults=FAULTS, root=tmp_path, call="down(1)")
    command = ["Rscript", "--vanilla", "-e", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1:] == [f"  {failing} at deep.R:2"]
