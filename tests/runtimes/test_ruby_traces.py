"""Stack traces of Ruby, as its runner reports them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

FAULTS = Path("runtimes/ruby/faults.rb").resolve()
REPORT = """
require ARGV[0]
require "#{ARGV[1]}/deep"
begin
  send(ARGV[2], ARGV[3].to_i)
rescue StandardError, SystemStackError => error
  puts AlgoRunner::Faults.report(error, ARGV[1])[:stacktrace]
end
"""


# A function that calls itself, and two that call each other.
DEEP = """def down(n) = n.zero? ? raise("deep") : down(n - 1)
def to(n) = n.zero? ? raise("deep") : fro(n - 1)
def fro(n) = to(n)
"""


def lines(root: Path, function: str, depth: int) -> list[str]:
    """Return the lines of the trace of an error that is so deep; without an end below zero."""
    (root / "deep.rb").write_text(DEEP)
    command = ["ruby", "-e", REPORT, str(FAULTS), str(root), function, str(depth)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.program("ruby")
def test_a_deep_stack_is_told_by_its_ends(tmp_path: Path) -> None:
    few, many, endless = (lines(tmp_path, "to", depth) for depth in (20, 300, -1))
    assert len(few) == 1 + 41
    assert len(many) == 1 + 50 + 1 + 50
    assert many[51] == "  ... 501 more"
    assert endless[0].startswith("SystemStackError: stack level too deep")
    assert len(endless) == len(many)


@pytest.mark.program("ruby")
def test_a_function_that_calls_itself_is_told_once(tmp_path: Path) -> None:
    told, endless = (lines(tmp_path, "down", depth) for depth in (300, -1))
    assert [one.split(":")[0] for one in told] == ["RuntimeError", "  from deep.rb", told[2]]
    assert told[2] == "  ... 300 more like it"
    assert endless[0].startswith("SystemStackError: stack level too deep")
    assert endless[2].endswith(" more like it")
    assert len(endless) == len(told)
