"""Requests that somebody bent: each is read, or refused with a reason, and nothing else happens."""

from __future__ import annotations

import json
import random
from typing import Any

from algo_gateway.calls.call import Failure
from algo_gateway.inference import npy
from algo_gateway.inference.request import Request, answer, parse
from algo_gateway.inference.tensors import Tensor, given

FORMS: list[dict[str, Any]] = [
    {"datatype": "FP32", "shape": [2, 3], "data": [1, 2, 3, 4, 5, 6]},
    {"datatype": "INT64", "shape": [2, 2], "data": [[1, 2], [3, 4]]},
    {"datatype": "BYTES", "shape": [2], "data": ["a", "zwölf"]},
    {"datatype": "BOOL", "shape": [1], "parameters": {"binary_data_size": 1}},
    {"datatype": "BF16", "shape": [2], "parameters": {"binary_data_size": 4}},
    {"datatype": "BYTES", "shape": [2], "parameters": {"binary_data_size": 9}},
]
REST = b"\x01" + b"\x80\x3f\x20\xc0" + b"\x01\0\0\0x\0\0\0\0"
VALUES: tuple[Any, ...] = (
    None,
    -1,
    0,
    1 << 63,
    1 << 70,
    1.5,
    "",
    "INT8",
    [],
    [[]],
    {},
    True,
    "\ud800",
    [1] * 40,
)


def bent(value: Any, chance: random.Random) -> Any:
    """Return `value` with something in it replaced, removed or doubled."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        key = chance.choice(list(value))
        if chance.random() < 0.1:
            return {name: one for name, one in value.items() if name != key}
        return {**value, key: bent(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.8:
        at = chance.randrange(len(value))
        if chance.random() < 0.2:
            return value + value[at:]
        return [*value[:at], bent(value[at], chance), *value[at + 1 :]]
    return chance.choice(VALUES)


def test_a_bent_request_is_read_or_refused() -> None:
    chance = random.Random(7)
    read = refused = 0
    for _ in range(20_000):
        names = ("input", "a", "b", "c", "d", "e")
        inputs = [{"name": name, **form} for name, form in zip(names, FORMS, strict=True)]
        document: Any = {"id": "x", "inputs": inputs}
        for _ in range(chance.randrange(3)):
            document = bent(document, chance)
        head = json.dumps(document).encode()
        body = bytearray(head + REST)
        if chance.random() < 0.3:
            body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
        length = len(head) + chance.choice((0, 0, 0, 0, 1, -1, 9999))
        try:
            request = parse(bytes(body), str(length))
        except Failure as problem:
            assert 400 <= problem.status < 500 and problem.message
            refused += 1
            continue
        read += 1
        for tensor in request.tensors:
            assert given(tensor.name, tensor.datatype, tensor.shape, data=tensor.data)
        try:
            answer(request, request.tensors, "it", "1")
        except Failure as problem:
            assert problem.code == "result_not_finite"
    assert read > 1000 and refused > 1000


def test_an_array_that_a_runner_bent_is_read_or_refused() -> None:
    chance = random.Random(7)
    tensor = given("a", "FP32", [2, 3], values=[1, 2, 3, 4, 5, 6])
    good = npy.write(tensor)
    assert npy.read(good).values == tensor.values
    parts = npy.write_parts([("a", npy.NPY, good), ("b", "application/json", b"[1]")])
    assert npy.read_parts(parts)["b"] == [1]
    refused = 0
    for whole, read in ((good, npy.read), (parts, npy.read_parts)):
        for _ in range(5_000):
            body = bytearray(whole)
            for _ in range(chance.randrange(1, 4)):
                body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
            end = chance.choice((len(body), chance.randrange(len(body))))
            try:
                found = read(bytes(body[:end]))
                for one in found.values() if isinstance(found, dict) else [found]:
                    assert not isinstance(one, Tensor) or len(one.values) == one.count
            except ValueError:
                refused += 1
    assert refused > 1000


def test_an_empty_request_has_no_tensors() -> None:
    assert parse(b'{"inputs":[]}', None) == Request([])
