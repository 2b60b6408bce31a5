"""Annotations of the standard library: what a call sends is converted, or refused by its path."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtimes.conftest import GatewayProcess, RunnerProcess

    Start = Callable[..., RunnerProcess]
    Serve = Callable[..., GatewayProcess]

BEGIN = """
from __future__ import annotations
import collections.abc, datetime, decimal, enum, uuid
from dataclasses import dataclass, field
from typing import *
"""
SHOP = """
class Colour(enum.Enum):
    '''Of a thing.'''
    RED = "red"
    BLUE = 3

class Where(NamedTuple):
    x: float
    y: float = 0.0

@dataclass
class Thing:
    '''Something.'''
    name: Annotated[str, {"minLength": 1}, "What it is called"]
    colour: Colour = Colour.RED
    at: Where | None = None
    parts: list[Thing] = field(default_factory=list)
    made: datetime.datetime | None = None

    def __post_init__(self):
        if self.name == "nothing":
            raise ValueError("nothing is no thing")
"""


def source(annotation: str, body: str = "return repr(value)", more: str = "") -> str:
    return BEGIN + textwrap.dedent(more) + f"\ndef apply(value: {annotation}):\n    {body}\n"


def said(runner: RunnerProcess, value: object, kind: str = "application/json") -> str:
    """What the runner made of a value: its result, or what is wrong with it."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    header, result = runner.call(body, kind=kind)
    if header["type"] == "error":
        assert (header["fault"], header["code"]) == ("input", "invalid_input")
        return str(header["message"])
    return result.decode()


@pytest.mark.parametrize(
    ("annotation", "cases"),
    [
        (
            "int",
            [(3, "3"), (3.0, "3"), (3.5, "an integer, got number 3.5"), (True, "got boolean true")],
        ),
        ("float", [(3, "3.0"), ("x", 'input: expected a number, got string "x"')]),
        ("bool", [(True, "True"), (1, "expected true or false, got integer 1")]),
        ("str", [("a", "'a'"), (1, "expected a string, got integer 1")]),
        ("None", [(None, "None"), (0, "expected null")]),
        ("float | int | None", [(3, "3"), (2.5, "2.5"), (None, "None"), ("a", "null or a number")]),
        ("Optional[str]", [("a", "'a'"), (None, "None")]),
        ("Literal['a', 1]", [("a", "'a'"), (1.0, "1"), (True, 'one of "a", 1, got boolean true')]),
        ("datetime.date", [("2026-02-03", "date(2026, 2, 3)"), ("3 Feb", "expected a date")]),
        ("datetime.time", [("12:30:00", "datetime.time(12, 30)"), (3, "expected a time")]),
        ("datetime.timedelta", [(1.5, "microseconds=500000"), ("PT1M", "seconds=60"), ("P", "PT")]),
        ("decimal.Decimal", [("1.30", "('1.30')"), (1.25, "('1.25')"), ("x", "expected")]),
        ("bytes", [("aGk=", "b'hi'"), ("data:a/b;base64,aGk=", "b'hi'"), ("x", "no base64")]),
        ("uuid.UUID", [(f"{'1' * 8}-2222-3333-4444-{'5' * 12}", "UUID("), ("1", "a UUID")]),
    ],
)
def test_a_scalar_is_what_its_annotation_says(
    runner: Start, annotation: str, cases: list[tuple[object, str]]
) -> None:
    started = runner(source(annotation))
    assert started.load()["type"] == "ready"
    for value, expected in cases:
        assert expected in said(started, value), value


@pytest.mark.parametrize(
    ("annotation", "good", "made", "bad", "problem"),
    [
        (
            "list[int]",
            [1, 2.0],
            "[1, 2]",
            [1, "x"],
            'input[1]: expected an integer, got string "x"',
        ),
        ("list", [1, "a"], "[1, 'a']", {}, "expected an array, got an object"),
        ("set[str]", ["a", "a"], "{'a'}", [1], "input[0]: expected a string"),
        ("tuple[int, str]", [1, "a"], "(1, 'a')", [1], "expected an array of 2, got 1 items"),
        (
            "tuple[float, ...]",
            [1, 2],
            "(1.0, 2.0)",
            [None],
            "input[0]: expected a number, got null",
        ),
        (
            "dict[str, float]",
            {"a": 1},
            "{'a': 1.0}",
            {"a b": []},
            'input["a b"]: expected a number',
        ),
        ("dict[int, str]", {"3": "a"}, "{3: 'a'}", {"x": "a"}, "input.x: the key x is wrong"),
        ("collections.abc.Sequence[int]", [1], "[1]", 1, "expected an array, got integer 1"),
        (
            "list[list[int] | int]",
            [[1], 2],
            "[[1], 2]",
            [["x"]],
            "input[0][0]: expected an integer",
        ),
    ],
)
def test_a_container_tells_where_it_is_wrong(
    runner: Start, annotation: str, good: object, made: str, bad: object, problem: str
) -> None:
    started = runner(source(annotation))
    started.load()
    assert said(started, good) == made
    assert problem in said(started, bad)


def test_records_are_made_of_their_fields_and_every_problem_is_told(runner: Start) -> None:
    started = runner(source("Thing", more=SHOP))
    started.load()
    value = {"name": "a", "at": [1], "parts": [{"name": "b", "colour": 3}], "made": "2026-01-02"}
    made = said(started, value)
    assert made.startswith("Thing(name='a', colour=<Colour.RED: 'red'>, at=Where(x=1.0, y=0.0)")
    assert "parts=[Thing(name='b', colour=<Colour.BLUE: 3>" in made
    bad = {"colour": "green", "at": [1, "x"], "parts": [{"nam": "b"}, 3], "made": 5}
    assert said(started, bad).splitlines() == [
        "input.name: is missing",
        'input.colour: expected one of "red", 3, got string "green"',
        'input.at[1]: expected a number, got string "x"',
        "input.parts[0].name: is missing",
        "input.parts[0].nam: there is no such field; did you mean name?",
        "input.parts[1]: expected an object, got integer 3",
        "input.made: expected null or a string, got integer 5",
    ]
    assert said(started, {"name": ""}) == "input.name: expected at least 1 character(s), got 0"
    assert said(started, {"name": "nothing"}) == "input: nothing is no thing"


def test_a_schema_names_types_once_and_refers_to_them(runner: Start) -> None:
    body = "return value"
    code = source("Thing", body, SHOP).replace("(value: Thing)", "(value: Thing) -> list[Thing]")
    schema = runner(code).load()["schema"]
    assert schema["accepts"] == ["application/json"]
    assert schema["output"]["items"] == {"$ref": "#/$defs/Thing"}
    assert schema["input"]["$ref"] == "#/$defs/Thing"
    names = schema["input"]["$defs"]
    assert set(names) == {"Thing", "Colour", "Where"}
    assert names["Colour"] == {
        "enum": ["red", 3],
        "title": "Colour",
        "description": "Of a thing.",
    }
    thing = names["Thing"]
    assert (thing["description"], thing["required"]) == ("Something.", ["name"])
    assert thing["additionalProperties"] is False
    about = {"type": "string", "minLength": 1, "description": "What it is called"}
    assert thing["properties"]["name"] == about
    assert thing["properties"]["colour"] == {"$ref": "#/$defs/Colour", "default": "red"}
    assert thing["properties"]["parts"]["items"] == {"$ref": "#/$defs/Thing"}
    # What is returned always has every field.
    assert set(schema["output"]["$defs"]["Thing"]["required"]) == set(thing["properties"])


def test_a_typed_dict_and_its_optional_key(runner: Start) -> None:
    more = "class Size(TypedDict):\n    w: int\n    h: NotRequired[int]\n"
    started = runner(source("Size", more=more))
    assert started.load()["schema"]["input"]["$defs"]["Size"]["required"] == ["w"]
    assert said(started, {"w": 1.0}) == "{'w': 1}"
    assert said(started, {"h": 1, "w": 2}) == "{'w': 2, 'h': 1}"
    assert said(started, {"h": None}).splitlines() == [
        "input.w: is missing",
        "input.h: expected an integer, got null",
    ]


@pytest.mark.parametrize(
    ("keywords", "good", "bad", "problem"),
    [
        ("int, {'minimum': 0, 'maximum': 5}", 5, 6, "expected at most 5, got integer 6"),
        ("float, {'exclusiveMinimum': 0}", 0.1, 0, "expected more than 0, got number 0.0"),
        ("int, {'multipleOf': 3}", 9, 10, "expected a multiple of 3"),
        ("str, {'pattern': '^a'}", "ab", "b", "expected what matches ^a"),
        ("list[int], {'maxItems': 1}", [1], [1, 2], "expected at most 1 item(s), got 2"),
    ],
)
def test_what_stands_beside_a_type_bounds_it(
    runner: Start, keywords: str, good: object, bad: object, problem: str
) -> None:
    started = runner(source(f"Annotated[{keywords}]"))
    started.load()
    assert said(started, good)
    assert problem in said(started, bad)


def test_no_more_problems_are_told_than_somebody_reads(runner: Start) -> None:
    started = runner(source("list[int]"))
    started.load()
    header, _ = started.call(json.dumps(["x"] * 1000).encode())
    assert len(header["problems"]) == 20
    assert header["problems"][19]["path"] == "input[19]"
    assert header["message"].endswith("there may be more")


def test_a_value_as_deep_as_json_can_be_is_no_crash(runner: Start) -> None:
    more = "@dataclass\nclass Node:\n    next: Node | None = None\n"
    started = runner(source("Node", "return 'fine'", more))
    started.load()
    assert said(started, b'{"next":' * 20 + b"{}" + b"}" * 20) == "fine"
    header, _ = started.call(b'{"next":' * 800 + b"{}" + b"}" * 800)
    assert (header["fault"], "nested too deep" in header["message"]) == ("input", True)
    # Wrong at the bottom: told once, in the time that it takes to walk there.
    wrong = said(started, b'{"next":' * 40 + b"3" + b"}" * 40)
    assert wrong == f"input{'.next' * 40}: expected null or an object, got integer 3"


@pytest.mark.parametrize("annotation", ["NotThere", "1 / 0", "Any", "object"])
def test_what_says_nothing_costs_nothing_and_refuses_nothing(
    runner: Start, annotation: str
) -> None:
    started = runner(source(annotation, "return value"))
    assert started.load()["schema"].get("input", {}) == {}
    assert json.loads(started.call(b'{"a":[1]}')[1]) == {"a": [1]}


@pytest.mark.parametrize(
    ("annotation", "kind", "body", "expected"),
    [
        ("str", "text/plain", b"abc", "'abc'"),
        ("int", "text/plain", b"3", "3"),
        ("int", "text/plain", b"x", 'expected an integer, got string "x"'),
        ("bytes", "application/octet-stream", b"\x00\xff", "b'\\x00\\xff'"),
        ("bytes", "text/plain", b"abc", "b'abc'"),
        ("bytes", "application/x-www-form-urlencoded", b"\x89PNG", "b'\\x89PNG'"),
        ("list[int]", "application/x-www-form-urlencoded", b"[1]", "[1]"),
        ("int", "application/octet-stream", b"\xff", "expected JSON, got a body of application/"),
    ],
)
def test_a_body_that_is_no_json(
    runner: Start, annotation: str, kind: str, body: bytes, expected: str
) -> None:
    started = runner(source(annotation))
    started.load()
    assert expected in said(started, body, kind)


def test_results_have_a_form_in_json(runner: Start) -> None:
    code = """
        import collections, datetime, decimal, enum, uuid
        from dataclasses import dataclass

        class Colour(enum.Enum):
            RED = "red"

        @dataclass
        class Point:
            at: tuple
            raw: bytes

        def apply(value) -> dict:
            return {
                "when": datetime.datetime(2026, 1, 2, 3, tzinfo=datetime.timezone.utc),
                "long": datetime.timedelta(days=-1, seconds=1.5),
                "day": datetime.timedelta(days=2),
                "id": uuid.UUID(int=1),
                "exact": decimal.Decimal("1.30"),
                "colour": Colour.RED,
                "point": Point((1, 2), b"hi"),
                "queue": collections.deque([1]),
            }
    """
    started = runner(code)
    assert started.load()["schema"] == {
        "output": {"type": "object"},
        "returns": ["application/json"],
    }
    assert json.loads(started.call(b"1")[1]) == {
        "when": "2026-01-02T03:00:00+00:00",
        "long": "-PT86398.5S",
        "day": "P2D",
        "id": "00000000-0000-0000-0000-000000000001",
        "exact": "1.30",
        "colour": "red",
        "point": {"at": [1, 2], "raw": "aGk="},
        "queue": [1],
    }


def test_a_stream_says_the_schema_of_its_pieces(runner: Start) -> None:
    code = "from typing import Iterator\ndef apply(value: int) -> Iterator[int]:\n    yield value\n"
    schema = runner(code).load()["schema"]
    assert schema["output"] == {"type": "integer"}
    assert schema["streams"] is True


def test_a_schema_too_large_for_a_frame_is_told_in_part(runner: Start) -> None:
    names = ", ".join(f"'{'x' * 200}{number}'" for number in range(6000))
    started = runner(f"from typing import Literal\ndef apply(value: Literal[{names}]):\n    pass\n")
    assert started.load()["schema"]["input"] == {}
    assert "expected one of" in said(started, "y")


def test_an_answer_has_each_problem_by_its_path(gateway: Serve) -> None:
    served = gateway("def apply(value: list[int]) -> int:\n    return sum(value)\n")
    assert served.post([1, 2]).json == 3
    answered = served.post([1, "x", None])
    assert (answered.status, answered.code) == (400, "invalid_input")
    assert answered.json["error"]["problems"] == [
        {"path": "input[1]", "message": 'expected an integer, got string "x"'},
        {"path": "input[2]", "message": "expected an integer, got null"},
    ]


def test_an_apply_beside_apply_batch_says_what_one_input_is(runner: Start) -> None:
    started = runner(
        "def apply(value: int) -> int:\n    return apply_batch([value])[0]\n"
        "def apply_batch(values):\n    return [value + 1 for value in values]\n"
    )
    assert started.load()["schema"]["input"] == {"type": "integer"}
    assert said(started, 3.0) == "4"
    assert said(started, "x") == 'input: expected an integer, got string "x"'


@pytest.mark.parametrize(
    "annotation", ["list", "List", "tuple", "Sequence", "collections.abc.Sequence", "dict", "set"]
)
def test_a_batch_whose_annotation_says_nothing_of_its_items(runner: Start, annotation: str) -> None:
    code = f"def apply_batch(values: {annotation}) -> {annotation}:\n    return values\n"
    started = runner(BEGIN + code)
    ready = started.load()
    assert ready["type"] == "ready", ready
    assert (ready["schema"]["input"], ready["schema"]["output"]) == ({}, {})
    assert said(started, {"x": 1}) == '{"x":1}'


@pytest.mark.parametrize("value", [{"$url": "http://a/b"}, "http://a/b", "https://a/b.png"])
def test_a_url_that_nobody_fetched_is_called_so(runner: Start, value: object) -> None:
    started = runner(source("bytes | None"))
    started.load()
    told = (
        "input: the service takes no files by URL: fetch under [serving] in algo.toml allows them"
    )
    assert said(started, value) == told


def test_a_function_named_as_a_batch_is_one(runner: Start) -> None:
    code = "def apply_batch(values: list[dict]) -> list:\n    return [one['x'] for one in values]\n"
    started = runner(code, entrypoint="src/it.py:apply_batch")
    ready = started.load()
    assert ready["batch"] is True
    assert ready["schema"]["input"] == {"type": "object"}
    assert said(started, {"x": 1}) == "1"
    failed = runner("apply = len\n", entrypoint="src/it.py:apply_batch").load()
    assert failed["message"] == "src/it.py has no function apply_batch"


@pytest.mark.parametrize("annotation", ["list[int]", "int | str"])
def test_a_keyword_that_is_no_json_is_told_with_its_field(runner: Start, annotation: str) -> None:
    more = f"""
    @dataclass
    class Ask:
        age: Annotated[{annotation}, {{"least": int}}]
    """
    failed = runner(source("Ask", more=more)).load()
    assert (failed["error"], failed["file"]) == ("BadSignature", "src/it.py")
    assert failed["message"].startswith("Ask.age: 'least' beside the type is <class 'int'>")


def test_an_annotation_that_ends_in_an_error_is_told_with_its_line(runner: Start) -> None:
    code = """
    class Odd(type):
        def __instancecheck__(self, other):
            return False
        def __subclasscheck__(self, other):
            return False
        def __hash__(self):
            raise RuntimeError("no hash")
    class Strange(metaclass=Odd):
        pass
    """
    failed = runner(source("Strange", more=code)).load()
    assert (failed["type"], failed["error"]) == ("load_error", "BadSignature"), failed
    assert failed["file"] == "src/it.py"
    assert failed["line"] > 0
    assert "the annotations of apply cannot be read: RuntimeError: no hash" in failed["message"]


def test_a_field_whose_annotation_nobody_can_evaluate_is_not_checked(runner: Start) -> None:
    more = """
    if TYPE_CHECKING:
        from nowhere import Model

    @dataclass
    class Base:
        n: int

    @dataclass
    class Ask(Base):
        model: Model | None = None
        state: float = 1.0
    """
    started = runner(source("Ask", more=more))
    assert started.load()["type"] == "ready"
    assert said(started, {"n": 1, "model": "x"}) == "Ask(n=1, model='x', state=1.0)"
    assert said(started, {"n": 1, "state": "x"}).startswith("input.state: expected a number")


def test_an_edit_of_an_annotation_is_in_force_after_the_reload(developed: Serve) -> None:
    served = developed("def apply(value: int):\n    return value\n")
    assert served.post("a").status == 400
    (served.app / "src" / "it.py").write_text("def apply(value: str):\n    return value\n")
    assert served.reload("src/it.py")["rung"] == "swap"
    assert served.post("a").body == b"a"
    call = served.ask("GET", "/openapi.json").json["paths"]["/"]["post"]["requestBody"]
    assert call["content"]["application/json"]["schema"] == {"type": "string"}


def test_what_reads_types_is_imported_once_for_all_workers(runner: Start) -> None:
    plain = runner("def apply(value):\n    return value\n").load()["preload"]
    assert not any(name.startswith("algo_runner") for name in plain)
    typed = runner("def apply(value: int):\n    return value\n").load()["preload"]
    assert "algo_runner.typed.scalars" in typed


def test_a_method_and_an_async_function_are_typed_too(runner: Start) -> None:
    started = runner(
        """
        class Model:
            def __call__(self, value: int) -> str:
                return str(value + 1)

        apply = Model()
        """
    )
    assert started.load()["schema"]["input"] == {"type": "integer"}
    assert said(started, 3) == "4"
    started = runner("async def apply(value: int):\n    return value + 1\n")
    started.load()
    assert said(started, 3.0) == "4"
    assert said(started, "x") == 'input: expected an integer, got string "x"'
