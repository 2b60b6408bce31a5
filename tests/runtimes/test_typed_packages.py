"""Annotations of the author's own packages: numpy, PIL, pandas, pydantic, msgspec."""

from __future__ import annotations

import base64
import io
import json
import struct
import subprocess
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from tests.runtimes.conftest import ROOT
from tests.runtimes.test_types import said

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.runtimes.conftest import RunnerProcess

    Start = Callable[[str], RunnerProcess]

ARRAYS = """
from dataclasses import dataclass
from typing import Annotated, Literal, TypedDict
import numpy as np
from numpy.typing import NDArray
"""


def schema(runner: RunnerProcess) -> dict[str, Any]:
    found: dict[str, Any] = runner.schema  # type: ignore[attr-defined]
    return found


def npy(descr: str, shape: str, content: bytes) -> bytes:
    """A file in numpy's format 1.0."""
    head = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    head = head.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + content


def png(width: int, height: int, grey: int) -> bytes:
    """A picture of one grey."""
    rows = (b"\0" + bytes([grey]) * width) * height

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def parts(*given: tuple[list[str | int], str, bytes, str]) -> bytes:
    """A body in parts: path, content type, content and the name of a file."""
    told = [
        {"path": path, "content_type": kind, "length": len(content), "filename": name}
        for path, kind, content, name in given
    ]
    head = json.dumps(told).encode()
    return struct.pack("<I", len(head)) + head + b"".join(content for _, _, content, _ in given)


PARTS = "application/vnd.algo.parts"
SHOW = "return f'{value.dtype} {value.shape} {value.tolist()}'"


@pytest.mark.parametrize(
    ("annotation", "cases"),
    [
        (
            "NDArray[np.float32]",
            [
                ([[1, 2.5]], "float32 (1, 2) [[1.0, 2.5]]"),
                (3, "float32 () 3.0"),
                ([[1, "x"], [True, None]], 'input[0][1]: expected a number, got string "x"'),
                ([[1, 2], [3]], "input[1]: expected 2 items as in the first array here, got 1"),
                ([[1], 2], "input[1]: expected an array of 1, got integer 2"),
                ([1, 1e300], "input[1]: expected a number of float32, got 1e+300"),
                ({}, "expected a number, got an object"),
            ],
        ),
        (
            "Annotated[np.ndarray, np.uint8, ('n', 'n')]",
            [
                ([[1, 2.0], [3, 255]], "uint8 (2, 2) [[1, 2], [3, 255]]"),
                ([[1, 2]], "input: expected the shape (n, n), got (1, 2)"),
                ([1], "input: expected 2 dimensions, got 1"),
                ([[256]], "input[0][0]: expected a number of uint8, got 256"),
                ([[1.5]], "input[0][0]: expected an integer, got number 1.5"),
            ],
        ),
        ("np.ndarray[tuple[int, Literal[2]], np.dtype[np.int64]]", [([[1, 2]], "int64 (1, 2)")]),
        ("NDArray[np.bool_]", [([True], "bool (1,)"), ([1], "input[0]: expected true or false")]),
        ("np.ndarray", [([1, 2], "int64 (2,)"), (["a"], "(1,) ['a']"), ([], "(0,)")]),
        ("NDArray[np.datetime64]", [(["x"], "input: expected an array of datetime64")]),
        ("np.float32", [(1, "float32 () 1.0"), ("x", "expected a number"), ([1], "expected")]),
    ],
)
def test_an_array_has_the_dtype_and_shape_that_are_asked_for(
    packaged: Start, annotation: str, cases: list[tuple[object, str]]
) -> None:
    started = packaged(f"{ARRAYS}\ndef apply(value: {annotation}):\n    {SHOW}\n")
    for value, expected in cases:
        assert expected in said(started, value), value


def test_the_schema_of_an_array_is_nested_as_deep_as_its_shape(packaged: Start) -> None:
    started = packaged(
        f"{ARRAYS}\n"
        "Pixels = Annotated[np.ndarray, 'int8', (2, None), 'pixels']\n"
        "def apply(value: Pixels) -> NDArray[np.float64]:\n    return value / 2\n"
    )
    leaf = {"type": "integer", "minimum": -128, "maximum": 127}
    assert schema(started)["input"] == {
        "type": "array",
        "items": {"type": "array", "items": leaf},
        "minItems": 2,
        "maxItems": 2,
        "description": "pixels",
    }
    nested = {"type": "array", "items": {"$ref": "#/$defs/float64_array"}}
    assert schema(started)["output"]["$defs"]["float64_array"] == {
        "anyOf": [{"type": "number"}, nested]
    }
    assert json.loads(said(started, [[1], [2]])) == [[0.5], [1.0]]


def test_a_file_of_numpys_is_an_array_too(packaged: Start) -> None:
    started = packaged(f"{ARRAYS}\ndef apply(value: NDArray[np.float32]):\n    {SHOW}\n")
    body = npy("<f4", "(1, 2)", struct.pack("<2f", 1.5, 2))
    kind = "application/x-npy"
    assert said(started, body, kind) == "float32 (1, 2) [[1.5, 2.0]]"
    assert said(started, body, "application/x-www-form-urlencoded").startswith("float32 (1, 2)")
    assert "has 8 bytes for the shape (9, 9)" in said(started, npy("<f4", "(9, 9)", bytes(8)), kind)
    objects = npy("|O", "(1,)", b"cos\nsystem\n")
    assert said(started, objects, kind) == "input: a .npy file of Python objects is not read"
    assert "expected an array of float32" in said(started, npy("<c16", "(1,)", bytes(16)), kind)
    assert "expected a .npy file" in said(started, b"nothing", kind)
    # Plain curl calls JSON a form, too: what is told is what is wrong with the JSON.
    form = "application/x-www-form-urlencoded"
    assert said(started, [1, "x"], form) == 'input[1]: expected a number, got string "x"'
    assert "line 1, column 4" in started.call(b"[1,", kind=form)[0]["message"]
    assert "expected a .npy file" in said(started, b"nothing", form)


def test_what_is_no_dtype_is_told_when_the_code_is_loaded(
    runner: Callable[..., RunnerProcess], client_python: Callable[[str], Path]
) -> None:
    folder = next((client_python("types").parent.parent / "lib").glob("python3.*/site-packages"))
    code = f"{ARRAYS}\ndef apply(value: Annotated[np.ndarray, (1.5,)]):\n    pass\n"
    said = runner(code, packages=str(folder)).load()
    assert (said["type"], said["error"], said["line"]) == ("load_error", "BadSignature", 7)
    assert said["message"] == "1.5 in the shape (1.5,) is no length, None or name"


def test_an_image_comes_as_a_body_as_base64_or_in_a_form(packaged: Start) -> None:
    started = packaged(
        """
        from dataclasses import dataclass
        from PIL import Image

        @dataclass
        class Ask:
            image: Image.Image
            times: int = 1

        def apply(value: Image.Image | Ask) -> Image.Image:
            if isinstance(value, Ask):
                return value.image.resize((value.image.width * value.times, 1))
            return value
        """
    )
    assert {"image/png", "image/jpeg", "application/json"} <= set(schema(started)["accepts"])
    assert schema(started)["returns"] == ["image/png"]
    picture = png(3, 2, 77)
    coded = base64.b64encode(picture).decode()

    def size(body: bytes, kind: str) -> tuple[int, int]:
        header, result = started.call(body, kind=kind)
        assert header["content_type"] == "image/png", header
        width, height = struct.unpack(">II", result[16:24])
        return width, height

    assert size(picture, "image/png") == (3, 2)
    assert size(picture, "application/x-www-form-urlencoded") == (3, 2)
    assert size(json.dumps(coded).encode(), "application/json") == (3, 2)
    url = json.dumps({"image": f"data:image/png;base64,{coded}", "times": 2}).encode()
    assert size(url, "application/json") == (6, 1)
    form = parts((["image"], "image/png", picture, "a.png"), (["times"], "text/plain", b"4", ""))
    assert size(form, PARTS) == (12, 1)
    assert "it is of no known kind" in said(started, b"%!PS-Adobe", "application/postscript")
    for kind in ("application/octet-stream", "text/x-sh", "image/png"):
        form = parts((["image"], kind, b"A=3\n", "env.sh"))
        told = "the file env.sh cannot be read as an image: it is of no known kind"
        assert said(started, form, PARTS) == f"input.image: {told}"
    form = parts((["image"], "text/plain", coded.encode(), "a.txt"))
    assert size(form, PARTS) == (3, 1)
    assert "cannot be read" in said(started, picture[:45], "image/png")
    huge = png(1, 1, 0).replace(struct.pack(">II", 1, 1), struct.pack(">II", 60000, 60000), 1)
    assert "input: the image" in said(started, huge, "image/png")


@pytest.mark.parametrize("kinds", ["Image.Image | Ask", "Ask | Image.Image"])
def test_a_file_that_may_be_several_things_is_told_as_what_it_nearly_is(
    packaged: Start, kinds: str
) -> None:
    started = packaged(
        f"""
        from dataclasses import dataclass
        from PIL import Image

        @dataclass
        class Ask:
            times: int

        @dataclass
        class Whole:
            one: {kinds}

        def apply(value: Whole):
            return value.one.times
        """
    )

    def told(content: bytes, kind: str) -> str:
        return said(started, parts((["one"], kind, content, "x.txt")), PARTS)

    assert told(b'{"times": 3}', "application/json") == "3"
    assert told(b'{"times": "x"}', "application/json") == (
        'input.one.times: expected an integer, got string "x"'
    )
    assert "the file x.txt cannot be read as an image" in told(b"A=3", "application/octet-stream")


def test_an_image_inside_a_result_is_a_data_url(packaged: Start) -> None:
    started = packaged(
        "from PIL import Image\n"
        "def apply(value):\n    return {'image': Image.new('CMYK', (2, 1)), 'n': value}\n"
    )
    url = json.loads(said(started, 1))["image"]
    head, _, coded = url.partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(coded)[16:24] == struct.pack(">II", 2, 1)


def test_a_frame_comes_as_records_columns_split_or_csv(packaged: Start) -> None:
    started = packaged(
        """
        from typing import Annotated, Optional
        import pandas as pd

        def apply(
            value: Annotated[pd.DataFrame, {"a": int, "b": Optional[str]}],
        ) -> pd.DataFrame:
            return value.assign(a=value.a * 2)
        """
    )
    expected = [{"a": 2, "b": "x"}, {"a": 4, "b": None}]
    for value in (
        [{"a": 1, "b": "x"}, {"a": 2, "b": None}],
        {"a": [1, 2], "b": ["x", None]},
        {"columns": ["b", "a"], "data": [["x", 1], [None, 2]]},
    ):
        found = json.loads(said(started, value))
        assert [{"a": row["a"], "b": row["b"]} for row in found] == expected
    assert json.loads(said(started, b"a,b\n1,x\n2,\n", "text/csv")) == expected
    assert said(started, [{"a": 1}]) == "input[0].b: is missing"
    assert said(started, {"a": ["x"], "b": [1]}).splitlines() == [
        'input.a[0]: expected an integer, got string "x"',
        "input.b[0]: expected null or a string, got integer 1",
    ]
    assert "expected columns of one length" in said(started, {"a": [1], "b": []})
    split = said(started, {"columns": ["a", "b"], "data": [[1]]})
    assert split == "input.data[0]: expected an array of 2"
    assert "input.b: is missing" in said(started, b"a\n1\n", "text/csv")
    records, columns, _ = schema(started)["input"]["anyOf"]
    assert records["items"]["required"] == columns["required"] == ["a", "b"]


def test_what_stands_beside_an_optional_type_of_a_package_is_meant_for_it(packaged: Start) -> None:
    started = packaged(
        """
        from dataclasses import dataclass
        from typing import Annotated, Optional
        import numpy as np
        import pandas as pd

        @dataclass
        class Ask:
            df: Annotated[pd.DataFrame | None, {"name": str, "age": int | None}] = None
            rows: Annotated[Optional[np.ndarray], np.float32, (None, 2)] = None

        def apply(value: Ask):
            rows = value.rows
            return [value.df is None or list(value.df), rows is None or str(rows.dtype)]
        """
    )
    assert said(started, {}) == "[true,true]"
    assert said(started, {"df": None, "rows": None}) == "[true,true]"
    asked = {"df": [{"name": "a", "age": 3}], "rows": [[1, 2]]}
    assert said(started, asked) == '[["name","age"],"float32"]'
    wrong = {"df": [{"name": "a", "age": "x"}]}
    assert said(started, wrong).startswith("input.df[0].age: expected null or a number")
    assert said(started, {"df": [{"name": "a"}]}) == "input.df[0].age: is missing"
    assert said(started, {"rows": [[1, 2, 3]]}) == (
        "input.rows: expected the shape (any, 2), got (1, 3)"
    )


def test_models_of_pydantic_validate_themselves(packaged: Start) -> None:
    started = packaged(
        """
        import datetime
        from typing import Annotated
        from pydantic import BaseModel, ConfigDict, Field, field_validator

        class Part(BaseModel):
            size: Annotated[int, Field(gt=0, description="In cm.")]
            made: datetime.date | None = None

            @field_validator("size")
            @classmethod
            def odd(cls, value):
                if value == 13:
                    raise ValueError("13 brings bad luck")
                return value

        class Ask(BaseModel):
            '''A question.'''
            model_config = ConfigDict(strict=True)
            parts: list[Part]
            next: "Ask | None" = None

        def apply(value: Ask) -> Ask:
            return value
        """
    )
    assert schema(started)["input"]["$ref"] == "#/$defs/Ask"
    names = schema(started)["input"]["$defs"]
    assert set(names) == {"Ask", "Part"}
    assert names["Ask"]["properties"]["next"]["anyOf"][0] == {"$ref": "#/$defs/Ask"}
    assert names["Part"]["properties"]["size"]["exclusiveMinimum"] == 0
    value = {"parts": [{"size": 2, "made": "2026-01-02"}], "next": {"parts": []}}
    assert json.loads(said(started, value))["parts"] == value["parts"]
    bad = {"parts": [{"size": 0}, {"size": 13}, {}], "next": {"parts": 3}}
    assert said(started, bad).splitlines() == [
        "input.parts[0].size: input should be greater than 0, got integer 0",
        "input.parts[1].size: 13 brings bad luck",
        "input.parts[2].size: is missing",
        "input.next.parts: input should be a valid array, got integer 3",
    ]


def test_structs_of_msgspec_convert_themselves(packaged: Start) -> None:
    started = packaged(
        """
        from typing import Annotated
        import msgspec
        import numpy as np
        from numpy.typing import NDArray

        class Point(msgspec.Struct, rename="camel"):
            x_axis: Annotated[float, msgspec.Meta(ge=0)]
            row: NDArray[np.float32]
            rest: list["Point"] = []
            raw: bytes = b""

        def apply(value: Point) -> Point:
            return value
        """
    )
    point = schema(started)["input"]["$defs"]["Point"]
    assert point["required"] == ["xAxis", "row"]
    assert point["properties"]["rest"]["items"] == {"$ref": "#/$defs/Point"}
    value = {"xAxis": 1.5, "row": [1, 2], "rest": [], "raw": "aGk="}
    assert json.loads(said(started, value)) == value
    assert said(started, {"xAxis": -1, "row": []}) == "input.xAxis: expected float >= 0.0"
    assert said(started, {"xAxis": 1}) == "input.row: is missing"
    nested = {"xAxis": 1, "row": [1], "rest": [{"xAxis": 1, "row": [1, "x"]}]}
    assert said(started, nested) == 'input.rest[0].row[1]: expected a number, got string "x"'
    form = parts(
        (["xAxis"], "text/plain", b"2.5", ""),
        (["row"], "application/json", b"[1]", ""),
        (["raw"], "application/octet-stream", b"\xff", "a.bin"),
    )
    assert json.loads(said(started, form, PARTS))["raw"] == "/w=="


def test_a_name_that_stands_for_a_type_is_a_definition(packaged: Start) -> None:
    started = packaged(
        """
        from typing_extensions import TypeAliasType

        Amount = TypeAliasType("Amount", int | list[int])  # as `type Amount = int | list[int]`

        def apply(value: list[Amount]):
            return value
        """
    )
    assert schema(started)["input"]["items"] == {"$ref": "#/$defs/Amount"}
    assert said(started, [1.0, [2]]) == "[1,[2]]"
    assert said(started, [[1, "x"]]) == 'input[0][1]: expected an integer, got string "x"'


def test_what_numpy_and_pandas_return_needs_no_annotation(packaged: Start) -> None:
    started = packaged(
        """
        import numpy as np
        import pandas as pd

        def apply(value):
            when = pd.to_datetime(["2026-01-02"] * 2)
            frame = pd.DataFrame({"a": [1, 2], "b": [0.5, None], "when": when})
            return {"row": np.arange(2), "one": np.float32(1.5), "frame": frame, "a": frame.a}
        """
    )
    assert json.loads(said(started, 1)) == {
        "row": [0, 1],
        "one": 1.5,
        "frame": [
            {"a": 1, "b": 0.5, "when": "2026-01-02T00:00:00"},
            {"a": 2, "b": None, "when": "2026-01-02T00:00:00"},
        ],
        "a": [1, 2],
    }


def test_strings_of_an_array_do_not_take_the_memory(packaged: Start) -> None:
    started = packaged(f"{ARRAYS}\ndef apply(value: NDArray[np.str_]):\n    {SHOW}\n")
    assert "too long" in said(started, ["x" * 100_000] + [""] * 1000)


@pytest.mark.slow
def test_odd_values_are_taken_or_refused_and_break_nothing(
    client_python: Callable[[str], Path],
) -> None:
    script = ROOT / "tests" / "runtimes" / "clients" / "fuzz_types.py"
    words = [client_python("types"), script, ROOT / "runtimes" / "python", "7", "400"]
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


def test_no_package_is_imported_that_the_code_did_not_import(packaged: Start) -> None:
    started = packaged(
        "import sys\n"
        "def apply(value: list[int]) -> dict:\n"
        "    names = ('numpy', 'pandas', 'PIL', 'pydantic', 'msgspec')\n"
        "    return {'there': [name for name in names if name in sys.modules]}\n"
    )
    assert json.loads(said(started, [1])) == {"there": []}


def test_a_file_in_parts_must_be_whole(packaged: Start) -> None:
    started = packaged("def apply(value: bytes):\n    return len(value)\n")
    assert said(started, parts(([], "image/png", b"abc", "")), PARTS) == "3"
    for body in (b"", b"\x02\0\0\0{}", parts((["a"], "text/plain", b"abc", ""))[:-1]):
        header, _ = started.call(body, kind=PARTS)
        assert (header["fault"], header["code"]) == ("input", "malformed_parts")
    file = io.BytesIO(parts((["a", 3], "text/plain", b"abc", ""))).read()
    assert started.call(file, kind=PARTS)[0]["code"] == "malformed_parts"
