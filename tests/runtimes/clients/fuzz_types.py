"""Sends odd values to every kind of annotation: what is wrong is told, and nothing else happens.

Run with the packages of types.txt: fuzz_types.py RUNNER_FOLDER SEED VALUES.
"""

from __future__ import annotations

import collections.abc
import datetime
import decimal
import enum
import json
import random
import struct
import sys
import traceback
import uuid
import warnings
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, TypedDict

import msgspec
import numpy as np
import pandas as pd
import PIL.Image
import pydantic
from numpy.typing import NDArray

sys.path.insert(0, sys.argv[1])

from algo_runner.typed.signature import signature
from algo_runner.values import BadInput, BadResult, encode

PARTS = "application/vnd.algo.parts"


class Colour(enum.Enum):
    RED = "r"
    THREE = 3


@dataclass
class Node:
    x: int
    y: list[Node] | None = None
    z: dict[str, Colour] = field(default_factory=dict)


class Size(TypedDict):
    a: int
    b: NotRequired[NDArray[np.int8]]


class Pair(NamedTuple):
    a: int
    b: str = "x"


class Model(pydantic.BaseModel):
    a: int
    b: Model | None = None
    c: datetime.date | None = None


class Struct(msgspec.Struct):
    a: int
    b: NDArray[np.float32] | None = None
    c: bytes = b""


SCALARS = (int, float, str, bool, None, bytes, uuid.UUID, decimal.Decimal)
TIMES = (datetime.datetime, datetime.date, datetime.time, datetime.timedelta)
DTYPES = ("float32", "uint8", "uint64", "bool_", "str_", "bytes_", "datetime64", "complex64")
ANNOTATIONS: list[Any] = [
    *SCALARS,
    *TIMES,
    *(Colour, Node, Size, Pair, Model, Struct, list, dict, tuple, set, np.ndarray),
    *(NDArray[getattr(np, name)] for name in DTYPES),
    *(list[Node], dict[int, Struct], dict[Colour, int], set[int], frozenset[str | int]),
    *(tuple[int, str], tuple[float, ...], collections.deque[int]),
    *(collections.abc.Mapping[str, int], Literal["a", 1, True, None], int | str | list[int]),
    *(Node | Size | Model | Struct | Pair | None, NDArray[np.float64] | None),
    *(Annotated[np.ndarray, np.float16, ("n", "n")], np.float32, np.int16, np.bool_),
    *(pd.DataFrame, Annotated[pd.DataFrame, {"a": int, "b": str | None}]),
    *(PIL.Image.Image, list[PIL.Image.Image | bytes]),
    Annotated[list[int], {"minItems": 1, "maxItems": 3}],
    Annotated[int | None, {"minimum": 3}],
    Annotated[str, {"pattern": "^a"}],
    Annotated[float, {"multipleOf": 0.1}],
]
LEAVES = [0, 1, -1, 3, 2**63, 2**64, -(2**70), 10**400, 1.5, -0.0, 1e308, 5e-324, True, False, None]
LEAVES += ["", "a", "r", "1", "3.5", "true", "null", "[1]", "{}", "2026-01-02", "12:00:00", "PT1S"]
LEAVES += ["2026-01-02T03:04:05Z", "aGk=", "data:,x;base64,aGk=", "\ud800", "é" * 50, "NaN"]
KEYS = ["a", "b", "c", "x", "y", "z", "columns", "data", "index", "3", "r", "$url", "é"]
TYPES = ["text/plain", "application/octet-stream", "text/csv", "image/png", "application/x-npy"]
TYPES += ["application/x-www-form-urlencoded", "application/json"]


def value(odd: random.Random, depth: int = 0) -> Any:
    chance = odd.random()
    if depth > 4 or chance < 0.45:
        return odd.choice(LEAVES)
    count = odd.randrange(4)
    if chance < 0.6:
        return [value(odd, depth + 1)] * count
    if chance < 0.75:
        return [value(odd, depth + 1) for _ in range(count)]
    return {odd.choice(KEYS): value(odd, depth + 1) for _ in range(count)}


def parts(odd: random.Random, fields: dict[str, Any]) -> bytes:
    told, body = [], b""
    for name, one in fields.items():
        content = odd.choice([json.dumps(one).encode(), b"\xff\0", b"abc", b""])
        named = {"path": [name], "content_type": odd.choice(TYPES), "length": len(content)}
        told.append({**named, "filename": odd.choice(["", "f"])})
        body += content
    head = json.dumps(told).encode()
    return struct.pack("<I", len(head)) + head + body


def reader(annotation: Any) -> Any:
    def apply(value):  # type: ignore[no-untyped-def]
        return value

    apply.__annotations__ = {"value": annotation, "return": annotation}
    found = signature(apply, batch=False)
    json.dumps(found.schema)
    return found.read


def main(seed: int, count: int) -> int:
    odd = random.Random(seed)
    readers = [(annotation, reader(annotation)) for annotation in ANNOTATIONS]
    taken = refused = broken = 0
    for _ in range(count):
        sent = value(odd)
        body = json.dumps(sent).encode()
        other = (parts(odd, sent), PARTS) if isinstance(sent, dict) else (body, odd.choice(TYPES))
        for annotation, read in readers:
            for content, kind in ((body, "application/json"), other):
                try:
                    encode(read(content, kind))
                    taken += 1
                except BadResult:
                    taken += 1
                except BadInput as error:
                    refused += bool(str(error))
                except Exception:
                    broken += 1
                    print(annotation, kind, content[:200])
                    traceback.print_exc(limit=-4, file=sys.stdout)
    print(f"{taken} taken, {refused} refused, {broken} broken")
    return 1 if broken or not taken or not refused else 0


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.exit(main(int(sys.argv[2]), int(sys.argv[3])))
