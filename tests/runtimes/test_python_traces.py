"""Stack traces of Python, as its runner reports them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtimes.conftest import RunnerProcess

    Start = Callable[..., RunnerProcess]


def test_a_trace_through_our_client_has_the_authors_frames_alone(runner: Start) -> None:
    began = runner(
        """
        import Algorithmia

        def apply(value):
            file = Algorithmia.client("key", "http://127.0.0.1:9").file("data://a/b")
            return map(lambda one: file.getString(), [value]).__next__()
        """,
        written_for="algorithmia",
    )
    assert began.load()["type"] == "ready"
    said, _ = began.call(b"1")
    assert said["message"].startswith("http://127.0.0.1:9/v1/data/a/b does not answer: ")
    places = [line for line in said["stacktrace"].splitlines() if line.startswith("  File ")]
    assert places == [
        '  File "src/it.py", line 6, in apply',
        '  File "src/it.py", line 6, in <lambda>',
    ]
    assert (said["file"], said["line"]) == ("src/it.py", 6)


def test_what_a_group_holds_is_trimmed_too(runner: Start) -> None:
    began = runner(
        """
        import Algorithmia

        def apply(value):
            try:
                Algorithmia.client("key", "http://127.0.0.1:9").file("data://a/b").getString()
            except Algorithmia.ApiError as error:
                raise ExceptionGroup("all of them", [error]) from None
        """,
        written_for="algorithmia",
    )
    assert began.load()["type"] == "ready"
    trace = began.call(b"1")[0]["stacktrace"]
    assert 'File "src/it.py", line 6, in apply' in trace
    assert "datafile.py" not in trace
