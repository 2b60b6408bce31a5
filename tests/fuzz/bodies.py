"""Bodies of requests: whatever they are, they are taken or refused by name."""

from __future__ import annotations

import asyncio
import json
import math
import struct
from typing import Any

import msgspec
from algo_gateway.calls.call import Failure
from algo_gateway.control import Control
from algo_gateway.files.forms import read_form
from algo_gateway.files.parts import joined
from algo_gateway.inference import request as inference

JSON_WORDS = (b"NaN", b"1e999", b"\\ud800", b"[" * 300, b'{"a":', b"9" * 5000, b"\xff", b"null")
JSON_SEEDS = (
    b'{"image": [0.5, 1, -2e3], "name": "\\u00e9\\n", "deep": {"a": [[], {}]}}',
    b'[true, false, null, "x", 12345678901234567890]',
    b' {"a": 1}\n',
    '"é𝄞"'.encode(),
    b"[1%s.5, 1%s, 0.%s]" % (b"0" * 309, b"0" * 309, b"1" * 309),
    b"[%s.5, %s]" % (b"1" * 309, b"1" * 400),
    b"[%se99]" % (b"1" * 250),
)
_TENSORS = {
    "id": "1",
    "inputs": [
        {"name": "a", "datatype": "FP32", "shape": [2, 2], "data": [[1, 2], [3, 4.5]]},
        {"name": "b", "datatype": "BYTES", "shape": [2], "data": ["x", "y"]},
        {"name": "c", "datatype": "BOOL", "shape": [1], "data": [True]},
    ],
    "outputs": [{"name": "o", "parameters": {"binary_data": True}}],
}
_BINARY = {
    "inputs": [
        {
            "name": "a",
            "datatype": "INT64",
            "shape": [2],
            "parameters": {"binary_data_size": 16},
        },
        {"name": "b", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": 7}},
    ]
}
TENSOR_WORDS = (
    b'"UINT8"',
    b'"FP16"',
    b'"shape":[-1',
    b"99999999999",
    b'"data":null',
    b"\0\0\0\xff",
)
TENSOR_SEEDS = (
    b"none\n" + json.dumps(_TENSORS).encode(),
    b"%d\n" % len(json.dumps(_BINARY))
    + json.dumps(_BINARY).encode()
    + struct.pack("<qqI3s", 1, -2, 3, b"abc"),
)
_PARTS = [
    {"path": ["image"], "length": 3, "filename": "a.png", "content_type": "image/png"},
    {"path": ["n"], "length": 1},
    {"path": ["list", 0, "x"], "length": 2, "content_type": "application/json"},
]
PART_WORDS = (b'"path":[', b'"length":-1', b'"content_type":"application/json"', b"99999999", b"[[")
PART_SEEDS = (
    struct.pack("<I", len(json.dumps(_PARTS))) + json.dumps(_PARTS).encode() + b"\xff\0\x013{}",
)
FORM_WORDS = (
    b"\r\n--b\r\n",
    b"--b--\r\n",
    b"\r\n\r\n",
    b'filename="',
    b"filename*=UTF-8''%C3%A9",
    b"Content-Disposition: form-data",
    b"boundary=",
    b"\xff",
)
FORM_SEEDS = (
    b"multipart/form-data; boundary=b\n"
    b'--b\r\nContent-Disposition: form-data; name="n"\r\n\r\n5\r\n'
    b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n'
    b"Content-Type: image/png\r\n\r\n\x89PNG\r\n\r\n--b--\r\n",
    b'multipart/form-data; boundary="b"\n'
    b'--b\r\nContent-Disposition: form-data; name="n"\r\n\r\n1\r\n'
    b'--b\r\nContent-Disposition: form-data; name="n"\r\n\r\n2\r\n--b--\r\n',
)
CONTROL_WORDS = (b'"changed":[', b'"token":"secret"', b"\\ud800", b'"force":true', b'"do":')
CONTROL_SEEDS = (
    b'{"do":"status","token":"secret"}',
    b'{"do":"nothing","token":"secret","changed":["a"]}',
    b'{"do":"status","token":"\\u00e9"}',
)


def json_body(data: bytes) -> None:
    """JSON is read as Python's own reader does, or refused by name, as what no double holds is."""
    from algo_runner.values import BadInput, decode

    try:
        expected = json.loads(data.decode(), parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError):
        expected = _refused
    try:
        value = decode(data, "application/json")
    except BadInput as error:
        assert expected is _refused, (error, expected)
        return
    assert value == expected


def tensors(data: bytes) -> None:
    """A request with tensors is taken or refused with 400; the first line is the header's value."""
    length, _, body = data.partition(b"\n")
    try:
        header = None if length == b"none" else length.decode("latin-1")
        taken = inference.parse(body, header)
        for tensor in taken.tensors:
            assert len(tensor.values) == tensor.count
    except Failure as failure:
        assert failure.status == 400, failure.message
        assert failure.code and failure.message


def parts(data: bytes) -> None:
    """The parts of a form are taken or refused by name."""
    from algo_runner.typed.parts import read_parts
    from algo_runner.values import BadInput

    for natural in (True, False):
        try:
            read_parts(data, natural=natural)
        except BadInput as error:
            assert error.code


def form(data: bytes) -> None:
    """A form is taken or refused with 400, and a runner can read the parts that are made of it."""
    from algo_runner.typed.parts import read_parts
    from algo_runner.values import BadInput

    kind, _, body = data.partition(b"\n")
    try:
        parts = read_form(body, kind.decode("latin-1"))
    except Failure as failure:
        assert failure.status == 400, failure.message
        return
    try:
        read_parts(joined(parts), natural=False)
    except BadInput as error:
        assert error.code != "malformed_parts", error  # a field may be no UTF-8


class _Pool:
    """Is asked for nothing but its state."""

    ready = True


def control_line(data: bytes) -> None:
    """A line that is no command of this session is refused, and nothing else happens."""
    control = Control(_Pool(), "secret", lambda: None)  # type: ignore[arg-type]
    if b"reload" in data:
        return  # what it does needs a real pool
    answer = asyncio.run(control._answer(data))
    document = json.loads(msgspec.json.encode(answer))
    assert document["ok"] in {True, False}
    if document["ok"]:
        assert json.loads(data.decode(errors="replace"))["token"] == "secret"


_refused: Any = object()


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(text)
    return value


def _refuse(constant: str) -> None:
    raise ValueError(constant)
