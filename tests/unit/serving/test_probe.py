"""What is told of code that did not load."""

from __future__ import annotations

import pytest
from algo.serving.control import Fault, Outcome
from algo.serving.probe import advice_of, describe, trace_of
from algo.serving.reload import told
from algo.watch.interface import Change


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("AttributeError", "src/it.py has no function aply"),
        ("BadEntry", "src/it.js exports no function aply"),
        ("AlgoRunner::BadEntry", "src/it.rb has no method aply"),
        ("error", "src/it.R has no function aply"),
        ("BadEntry", "src/It.java has no static method aply"),
    ],
)
def test_a_function_that_is_not_there_is_told_with_both_ways_out(kind: str, message: str) -> None:
    fault = Fault(kind, message, message.split(" ")[0], stacktrace=f"{kind}: {message}\n")
    assert describe(fault) == message
    assert trace_of(fault) == ""
    hint = f"write aply into {message.split(' ')[0]}, or correct entrypoint in algo.toml"
    assert advice_of(fault) == hint
    event = told(Change(("algo.toml",), 0.0), Outcome(ok=False, error=fault))
    assert (getattr(event, "message", ""), getattr(event, "details", "")) == (
        message,
        f"hint: {hint}",
    )


def test_what_the_code_raises_keeps_its_kind_and_its_trace() -> None:
    fault = Fault("KeyError", "x", "a.py", 3, "  File a.py, line 3\nKeyError: x")
    assert describe(fault) == "KeyError: x (a.py:3)"
    assert trace_of(fault) == fault.stacktrace.strip()
    assert advice_of(fault) == ""
    drawn = "a.rb:3: unexpected name\n  def apply((input)\n      ^~~"
    assert trace_of(Fault("SyntaxError", drawn, "a.rb", 3, f"SyntaxError: {drawn}  ")) == ""
    assert trace_of(Fault("KeyError", "", stacktrace="somewhere")) == "somewhere"
