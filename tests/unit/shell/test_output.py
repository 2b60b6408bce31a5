from __future__ import annotations

import io
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from algo import events
from algo.errors import AlgoError, Interrupted
from algo.output import Output, Table, plain
from rich.console import Console

if TYPE_CHECKING:
    import pytest


def make(*, as_json: bool = False) -> tuple[Output, io.StringIO, io.StringIO]:
    out, err = io.StringIO(), io.StringIO()
    return Output(out, err, json=as_json), out, err


@dataclass(frozen=True, slots=True)
class Built:
    name: str
    where: Path
    sizes: tuple[int, ...]


def test_a_result_is_text_on_stdout_and_nothing_else() -> None:
    output, out, err = make()
    output.result(Built("acme/digits", Path("x"), (1,)), human="sha256:abc")
    assert (out.getvalue(), err.getvalue()) == ("sha256:abc\n", "")


def test_a_result_is_one_json_document_when_asked() -> None:
    output, out, _ = make(as_json=True)
    output.result(Built("acme/digits", Path("x"), (1, 2)), human="ignored")
    assert json.loads(out.getvalue()) == {"name": "acme/digits", "where": "x", "sizes": [1, 2]}


def test_an_error_has_its_code_its_reason_and_the_next_command() -> None:
    output, out, err = make()
    output.error(AlgoError("it broke", hint="algo doctor", details="src/a.py:3"))
    assert out.getvalue() == ""
    assert err.getvalue() == "error[failed]: it broke\n  src/a.py:3\nhint: algo doctor\n"


def test_what_others_said_in_an_error_cannot_act_on_the_terminal_or_look_like_us() -> None:
    output, _, err = make()
    said = "\x1b[31mred\n↻ src/a.py → swapped"
    output.error(AlgoError(said, details="\x1b]0;title\x07"))
    output.event(events.ReloadFailed("a.py", said))
    assert err.getvalue() == (
        "error[failed]: \\x1b[31mred\n  ↻ src/a.py → swapped\n  \\x1b]0;title\\x07\n"
        "✗ a.py → \\x1b[31mred; the old code goes on serving\n  ↻ src/a.py → swapped\n"
    )


def test_an_error_is_json_on_stdout_when_asked() -> None:
    output, out, err = make(as_json=True)
    output.error(AlgoError("it broke", hint="algo doctor"))
    assert json.loads(out.getvalue()) == {
        "error": {"code": "failed", "message": "it broke", "hint": "algo doctor"}
    }
    assert err.getvalue() == ""


def test_an_interruption_is_said_without_alarm() -> None:
    output, _, err = make()
    output.error(Interrupted("interrupted"))
    assert err.getvalue() == "interrupted\n"


def test_events_are_plain_lines_on_stderr_when_it_is_no_terminal() -> None:
    output, out, err = make()
    for event in (
        events.Step("Locking requirements.in"),
        events.Progress("pushing", 1, 2),
        events.Reloaded("src/digits.py", "swap", 41.2),
        events.ReloadFailed("src/digits.py", "SyntaxError: bad", "src/digits.py", 3),
        events.ReloadFailed("src/it.js", "Error: no package", "src/it.js", 0),
        events.ReloadFailed("a.rb", "SyntaxError: bad\n{{ a\n ^\n", "a.rb", 2, "{{ a\n ^\n"),
        events.ReloadFailed("a.rb", "SyntaxError: bad\n{{ a", "a.rb", 2, "hint: no"),
        events.Warned("no lock"),
    ):
        output.event(event)
    assert out.getvalue() == ""
    assert err.getvalue().splitlines() == [
        "Locking requirements.in",
        "↻ src/digits.py → swapped in 41 ms, weights kept",
        "✗ src/digits.py → SyntaxError: bad (src/digits.py:3); the old code goes on serving",
        "✗ src/it.js → Error: no package (src/it.js); the old code goes on serving",
        "✗ a.rb → SyntaxError: bad (a.rb:2); the old code goes on serving",
        "  {{ a",
        "   ^",
        "✗ a.rb → SyntaxError: bad (a.rb:2); the old code goes on serving",
        "  {{ a",
        "  hint: no",
        "warning: no lock",
    ]


def test_a_step_that_lasts_has_its_time_on_a_terminal() -> None:
    output, _, err = make()
    now = 0.0
    output.terminal, output.clock = True, lambda: now
    output._console = Console(file=err, force_terminal=True, width=80)

    def shown(word: str) -> bool:
        end = time.monotonic() + 10
        while word not in err.getvalue() and time.monotonic() < end:
            time.sleep(0.02)
        return word in err.getvalue()

    output.event(events.Step("Installing fastapi[all]"))
    now = 2.9
    assert shown("Installing fastapi[all]")
    now = 3.0
    assert shown(" 3 s")
    now = 75.0
    assert shown(" 1 min 15 s")
    output.event(events.Step("Loading"))
    err.truncate(0)
    now = 77.0
    assert shown("Loading")
    assert " s" not in err.getvalue().rpartition("Loading")[2]
    output.close()
    assert " 2 s" not in err.getvalue()


def test_a_step_is_one_line_without_its_time_elsewhere() -> None:
    output, _, err = make()
    now = 0.0
    output.clock = lambda: now
    output.event(events.Step("Locking"))
    now = 100.0
    output.event(events.Step("Loading"))
    output.close()
    assert err.getvalue() == "Locking\nLoading\n"


def test_a_service_writes_one_json_event_a_line() -> None:
    output, out, _ = make(as_json=True)
    output.stream(events.Ready("http://127.0.0.1:1", "{}", "docker"))
    output.stream(events.Reloaded("src/digits.py", "swap", 41.0))
    output.stream(events.Stopped())
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["ready", "reload", "stopped"]
    assert lines[0]["url"] == "http://127.0.0.1:1"
    assert {"trigger", "rung", "milliseconds"} <= lines[1].keys()


def test_a_ready_service_prints_its_url_and_a_curl_to_paste() -> None:
    output, out, _ = make()
    output.stream(events.Ready("http://127.0.0.1:1", '{"text": "it\'s"}', "docker"))
    url, call = out.getvalue().splitlines()
    assert url == "http://127.0.0.1:1"
    assert call.startswith("curl -s http://127.0.0.1:1 ")
    assert call.endswith("""-d '{"text": "it'\\''s"}'""")


def test_a_curl_leaves_out_its_content_type_rather_than_a_line_of_a_terminal() -> None:
    output, out, _ = make()
    for value in ("Ada", "Ada Lovelace"):
        output.stream(events.Ready("http://127.0.0.1:8080", f'"{value}"', "docker"))
    _, short, _, long = out.getvalue().splitlines()
    assert short == (
        "curl -s http://127.0.0.1:8080 -H 'Content-Type: application/json' -d '\"Ada\"'"
    )
    assert long == "curl -s http://127.0.0.1:8080 -d '\"Ada Lovelace\"'"
    assert len(short) <= 80


def test_a_service_with_grpc_prints_that_address_too() -> None:
    output, out, _ = make()
    output.stream(events.Ready("http://127.0.0.1:1", "{}", "docker", grpc="127.0.0.1:2"))
    assert out.getvalue().splitlines()[1] == "gRPC at 127.0.0.1:2"


def test_a_table_in_a_pipe_has_aligned_columns_and_no_colour() -> None:
    output, out, _ = make()
    output.result([], human=Table(("case", "outcome"), [("zero", "passed"), ("long one", "ok")]))
    assert out.getvalue() == "case      outcome\nzero      passed\nlong one  ok\n"


def test_plain_turns_every_value_into_what_json_has() -> None:
    assert plain({"a": (Path("b"), {1})}) == {"a": ["b", [1]]}


class Terminal(io.StringIO):
    """What a person looks at."""

    def isatty(self) -> bool:
        return True


DIGEST = f"sha256:{'0123456789abcdef' * 4}"


def test_a_digest_that_does_not_fit_is_shortened_on_a_terminal_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = Table(("version", "digest", ""), [("1.0.0", DIGEST, "latest")])
    out = Terminal()
    for columns, shown in (("80", "sha256:0123456789ab…"), ("100", DIGEST)):
        monkeypatch.setenv("COLUMNS", columns)
        out.truncate(out.seek(0))
        Output(out, io.StringIO()).result([], human=table)
        assert out.getvalue().splitlines()[1].split() == ["1.0.0", shown, "latest"]
    output, piped, _ = make()
    output.result([], human=table)
    assert piped.getvalue().splitlines()[1] == f"1.0.0    {DIGEST}  latest"


def test_one_long_cell_moves_no_column_of_the_other_rows() -> None:
    output, out, _ = make()
    rows = [("gpu", "none", ""), ("jobs", "x" * 200, "docker volume rm x"), ("a", "b", "c")]
    output.result([], human=Table(("what", "detail", "fix"), rows))
    assert out.getvalue().splitlines() == [
        "what  detail  fix",
        "gpu   none",
        f"jobs  {'x' * 200}  docker volume rm x",
        "a     b       c",
    ]
