"""Code that was written for Algorithmia's development kit, on the Python runner."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.runtimes.conftest import RunnerProcess

    Start = Callable[..., RunnerProcess]

FOR = {"written_for": "algorithmia"}


def test_the_kit_says_what_to_call(runner: Start) -> None:
    began = runner(
        """
        from Algorithmia import ADK

        def apply(input):
            return "hello {}".format(str(input))

        algorithm = ADK(apply)
        algorithm.init("Algorithmia")
        """,
        **FOR,
    )
    assert began.load()["type"] == "ready"
    header, body = began.call(b'"Ada"')
    assert (header["type"], header["content_type"]) == ("result", "text/plain; charset=utf-8")
    assert body == b"hello Ada"


@pytest.mark.parametrize(
    ("loaded", "signature", "answer"),
    [
        ("{'n': 7}", "value, state=None", b'{"n":7}'),
        ("None", "value, state='nothing'", b"nothing"),
        ("{}", "value, state='nothing'", b"nothing"),
        ("{'n': 7}", "value", b"no place"),
    ],
)
def test_state_is_passed_where_load_returned_something_and_apply_takes_two(
    loaded: str, signature: str, answer: bytes, runner: Start
) -> None:
    began = runner(
        f"""
        import Algorithmia

        def run({signature}):
            return locals().get("state", "no place")

        def begin():
            return {loaded}

        Algorithmia.handler(run, begin).serve()
        """,
        **FOR,
    )
    assert began.load()["type"] == "ready"
    assert began.call(b"1")[1] == answer


def test_without_the_kit_apply_is_called_and_nothing_calls_load(runner: Start) -> None:
    began = runner(
        """
        def load(path):
            raise RuntimeError("this is a helper")

        def apply(input: int) -> int:
            return [type(input).__name__]
        """,
        **FOR,
    )
    ready = began.load()
    assert (ready["type"], ready["schema"]) == ("ready", {})
    assert began.call(b'"text"')[1] == b'["str"]'
    assert began.call(b"\x00", kind="application/octet-stream")[1] == b'["bytes"]'


def test_modules_beside_the_entry_are_imported_in_every_way_of_the_years(
    runner: Start, tmp_path: Path
) -> None:
    (tmp_path / "src" / "deep").mkdir(parents=True)
    (tmp_path / "src" / "__init__.py").touch()
    (tmp_path / "src" / "helper.py").write_text("NAME = 'helper'\n")
    (tmp_path / "src" / "deep" / "__init__.py").touch()
    (tmp_path / "src" / "deep" / "inside.py").write_text("NAME = 'inside'\n")
    (tmp_path / "words.txt").write_text("at the root")
    began = runner(
        """
        import helper
        from . import helper as relative
        from .deep.inside import NAME
        from src.helper import NAME as absolute

        WORDS = open("words.txt").read()

        def apply(input):
            return [helper.NAME, relative.NAME, NAME, absolute, WORDS, __name__]
        """,
        **FOR,
    )
    assert began.load()["type"] == "ready"
    answer = json.loads(began.call(b"null")[1])
    assert answer == ["helper", "helper", "inside", "helper", "at the root", "src.it"]


@pytest.mark.parametrize(
    ("raised", "fault", "code", "error"),
    [
        ("AlgorithmException('no', error_type='Kind')", "caller", "Kind", "Kind"),
        ("AlgorithmException('no')", "caller", "bad_input", "AlgorithmException"),
        ("AlgorithmError('no')", "caller", "bad_input", "AlgorithmError"),
        ("Own('no')", "algorithm", "exception", "OwnKind"),
        ("ValueError('no')", "algorithm", "exception", "ValueError"),
    ],
)
def test_an_exception_is_of_the_kind_that_it_says(
    raised: str, fault: str, code: str, error: str, runner: Start
) -> None:
    began = runner(
        f"""
        from Algorithmia.errors import AlgorithmException

        class AlgorithmError(Exception):
            pass

        class Own(Exception):
            error_type = "OwnKind"

        def apply(input):
            raise {raised}
        """,
        **FOR,
    )
    began.load()
    header, _ = began.call(b"1")
    told = (header["fault"], header["code"], header["error"], header["message"])
    assert told == (fault, code, error, "no")


def test_what_load_raises_is_why_it_does_not_load(runner: Start) -> None:
    began = runner(
        """
        from adk import ADK

        def load():
            raise OSError("the weights are gone")

        def apply(input, state):
            return state

        ADK(apply, load).init()
        """,
        **FOR,
    )
    answer = began.load()
    assert (answer["type"], answer["message"]) == ("load_error", "the weights are gone")
    assert answer["file"] == "src/it.py"


def test_a_project_that_nothing_says_so_of_has_no_such_modules(runner: Start) -> None:
    began = runner("import adk\ndef apply(x):\n    return x\n")
    assert "No module named 'adk'" in began.load()["message"]


def test_an_edit_of_apply_is_swapped_in_and_one_with_a_load_gets_a_new_worker(
    runner: Start, tmp_path: Path
) -> None:
    plain = "def apply(x):\n    return 1\n"
    began = runner(plain, **FOR)
    began.load()
    (tmp_path / "src" / "it.py").write_text(plain.replace("1", "2"))
    began.write({"type": "reload", "id": 3, "changed": ["src/it.py"]})
    assert began.read()[0]["rung"] == "swap"
    began.write({"type": "commit"})
    assert began.call(b"0")[1] == b"2"

    code = "from adk import ADK\ndef get():\n    return 5\ndef apply(x, y):\n    return y\n"
    kit = f"{code}ADK(apply, get).init()\n"
    stateful = runner(kit, **FOR)
    stateful.load()
    assert stateful.call(b"0")[1] == b"5"
    (tmp_path / "src" / "it.py").write_text(kit.replace("5", "6"))
    stateful.write({"type": "reload", "id": 3, "changed": ["src/it.py"]})
    assert stateful.read()[0]["rung"] == "worker"
