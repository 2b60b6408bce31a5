from __future__ import annotations

from algo.serving.lines import Printed


def test_what_the_algorithm_prints_is_shown_as_it_is() -> None:
    printed = Printed()
    assert printed.add("hello") == "hello"
    assert printed.add('{"answer": 42}') == '{"answer": 42}'
    assert printed.add('{"time": oops') == '{"time": oops'
    assert printed.tail() == 'hello\n{"answer": 42}\n{"time": oops'


def test_log_documents_are_unwrapped() -> None:
    head = '{"time":"2026-11-25T10:00:00.000Z","level":"info","message":'
    assert Printed().add(head + '"hello","request":"a-1","stream":"stdout"}') == "hello"
    answered = head + '"POST / 200","method":"POST","path":"/","status":200,"milliseconds":1.5}'
    assert Printed().add(answered) == "POST / 200 1.5 ms"
    failed = head + '"500 exception: no","status":500,"stacktrace":"  File"}'
    assert Printed().add(failed) == "500 exception: no\n  File"
    other = head + '"of the algorithm itself","logger":"mine"}'
    assert Printed().add(other) == other


def test_the_gateways_own_documents_are_not_shown() -> None:
    printed = Printed()
    assert printed.add('{"ready":{"port":8080,"milliseconds":100}}') is None
    assert printed.ready
    assert printed.fault is None
    assert printed.add('{"load_error":{"type":"KeyError","message":"x","file":"a.py"}}') is None
    assert printed.fault is not None
    assert (printed.fault.type, printed.fault.file) == ("KeyError", "a.py")
    assert printed.tail() == ""


def test_only_the_last_lines_are_kept() -> None:
    printed = Printed(keep=2)
    for number in range(5):
        printed.add(str(number))
    assert printed.tail() == "3\n4"
