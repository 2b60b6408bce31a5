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
  down(ARGV[2].to_i)
rescue StandardError, SystemStackError => error
  puts AlgoRunner::Faults.report(error, ARGV[1])[:stacktrace]
end
"""


@pytest.mark.program("ruby")
def test_a_deep_stack_is_told_by_its_ends(tmp_path: Path) -> None:
    (tmp_path / "deep.rb").write_text('def down(n) = n.zero? ? raise("deep") : down(n - 1)\n')

    def lines(depth: int) -> list[str]:
        command = ["ruby", "-e", REPORT, str(FAULTS), str(tmp_path), str(depth)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    few, many, endless = lines(20), lines(300), lines(-1)
    assert len(few) == 1 + 21
    assert len(many) == 1 + 50 + 1 + 50
    assert many[51] == "  ... 201 more"
    assert endless[0].startswith("SystemStackError: stack level too deep")
    assert len(endless) == len(many)
