"""Annotations of `apply_batch`: the inputs of many calls as arrays, and the results back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.runtimes.test_batching import answers, batch
from tests.runtimes.test_typed_packages import ARRAYS, schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtimes.conftest import RunnerProcess

    Start = Callable[[str], RunnerProcess]


def test_arrays_of_a_batch_are_stacked_and_the_results_split(packaged: Start) -> None:
    started = packaged(
        f"""{ARRAYS}
def apply_batch(
    inputs: Annotated[np.ndarray, np.float32, (None, "n")],
) -> Annotated[np.ndarray, np.float64, (None, "n")]:
    print("shape", inputs.shape)
    if (inputs < 0).any():
        raise ValueError("below zero")
    return inputs.astype(float) * 10
"""
    )
    assert schema(started)["input"]["type"] == "array"
    assert schema(started)["input"]["items"]["type"] == "number"
    started.write(*batch(b"[1,2]", b"[3,4]", b'["x",1]', b"[5]", b"[6,7]"))
    shapes: list[str] = []
    found: dict[int, str] = {}
    while len(found) < 5:
        header, body = started.read(logs=True)
        if header["type"] == "log":
            shapes += [line for line in body.decode().splitlines() if line]
        else:
            found[header["id"]] = header.get("message") or body.decode()
    # Those of one shape are one array; what has another shape is a group of its own.
    assert shapes == ["shape (3, 2)", "shape (1, 1)"]
    assert found == {
        1: "[10.0,20.0]",
        2: "[30.0,40.0]",
        3: 'input[0]: expected a number, got string "x"',
        4: "[50.0]",
        5: "[60.0,70.0]",
    }
    started.write(*batch(b"[1]", b"[-1]", b"[2]"))
    assert answers(started, 3) == {
        1: ("result", "[10.0]"),
        2: ("error", "below zero"),
        3: ("result", "[20.0]"),
    }


def test_a_batch_of_arrays_or_lists_of_anything(packaged: Start) -> None:
    plain = packaged(
        f"{ARRAYS}\ndef apply_batch(values: np.ndarray) -> np.ndarray:\n    return values * 2\n"
    )
    plain.write(*batch(b"[1,2]", b"[3,4]"))
    assert answers(plain, 2) == {1: ("result", "[2,4]"), 2: ("result", "[6,8]")}
    named = packaged(
        f"""{ARRAYS}
from dataclasses import dataclass

@dataclass
class Ask:
    image: Annotated[np.ndarray, np.float32, (None, 2)]
    name: list

def apply_batch(inputs: Ask) -> list:
    return [f"{{name}} {{row.sum()}}" for name, row in zip(inputs.name, inputs.image)]
"""
    )
    named.write(*batch(b'{"image":[1,2],"name":"a"}', b'{"image":[3,4],"name":null}'))
    assert answers(named, 2) == {1: ("result", "a 3.0"), 2: ("result", "None 7.0")}


def test_a_record_of_arrays_is_stacked_field_by_field(packaged: Start) -> None:
    started = packaged(
        f"""{ARRAYS}
@dataclass
class Ask:
    image: Annotated[np.ndarray, np.uint8, (None, 2)]
    scale: Annotated[np.ndarray, np.float32, (None,)]
    name: list[str]

class Given(TypedDict):
    total: NDArray[np.float64]
    name: list[str]

def apply_batch(inputs: Ask) -> Given:
    assert inputs.image.shape == (len(inputs.name), 2)
    return {{"total": (inputs.image.sum(axis=1) * inputs.scale), "name": inputs.name}}
"""
    )
    fields = schema(started)["input"]["properties"]
    assert (fields["image"]["maxItems"], fields["name"]) == (2, {"type": "string"})
    assert fields["scale"]["type"] == "number"
    assert schema(started)["output"]["properties"]["name"] == {"type": "string"}
    asks = [
        {"image": [1, 2], "scale": 2, "name": "a"},
        {"image": [3, 4], "scale": 0.5, "name": "b"},
        {"image": [3, 4, 5], "scale": 0.5, "name": 3},
    ]
    started.write(*batch(*(json.dumps(ask).encode() for ask in asks)))
    found = answers(started, 3)
    assert json.loads(found[1][1]) == {"total": 6.0, "name": "a"}
    assert json.loads(found[2][1]) == {"total": 3.5, "name": "b"}
    assert found[3][1].splitlines() == [
        "input.image: expected the shape (2), got (3)",
        "input.name: expected a string, got integer 3",
    ]
