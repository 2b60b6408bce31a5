"""Arrays by element type and shape: their annotations, and inputs that have this form."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from algo.importing import literals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from algo.contract.values import Json

Length = int | str | None
_INTEGERS = {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
_NUMBERS = {"float16", "float32", "float64"}
_ARRAYS = {*_INTEGERS, *_NUMBERS, "bool", "string"}
# What a length may be that is not settled; the first one of a tensor is its batch.
_TRIES = (8, 1, 32, 224)
# Values of a case: a picture of 3 by 224 by 224 has 150,528.
MOST = 400_000


def has_array(element: str) -> bool:
    """Tell whether numpy and JSON have the element type."""
    return element in _ARRAYS


def annotation(element: str, shape: Sequence[Length] | None) -> str:
    """Return the annotation of an array in the source of a project."""
    kind = {"bool": "np.bool_", "string": "np.str_"}.get(element, f"np.{element}")
    marks = [kind] if shape is None else [kind, literals.shape(shape)]
    return literals.annotated("np.ndarray", *marks)


def scalar(element: str) -> str:
    """Return Python's type for one element."""
    if element in _INTEGERS:
        return "int"
    return {"bool": "bool", "string": "str"}.get(element, "float")


def told(shape: Sequence[Length]) -> str:
    """Return a shape for people: `[batch, 3, ?]`."""
    return f"[{', '.join('?' if one is None else str(one) for one in shape)}]"


def guesses(
    inputs: Mapping[str, tuple[str, Sequence[Length] | None]],
) -> tuple[dict[str, Json], ...]:
    """Return objects of nested lists for `inputs`, with other lengths where they are open.

    Those that would be too large are left out.
    """
    found: list[dict[str, Json]] = []
    for length in _TRIES:
        shapes = {name: _settled(shape, length) for name, (_, shape) in inputs.items()}
        if sum(math.prod(shape) for shape in shapes.values()) > MOST:
            continue
        made = {name: nested(inputs[name][0], shape) for name, shape in shapes.items()}
        if made not in found:
            found.append(made)
    return tuple(found)


def nested(element: str, shape: Sequence[int], first: int = 0) -> Json:
    """Return nested lists of small values, the same ones every time."""
    if not shape:
        return _value(element, first)
    step = math.prod(shape[1:])
    return [nested(element, shape[1:], first + at * step) for at in range(shape[0])]


def _settled(shape: Sequence[Length] | None, length: int) -> tuple[int, ...]:
    if shape is None:
        return (1,)
    return tuple(
        one if isinstance(one, int) else 1 if at == 0 else length for at, one in enumerate(shape)
    )


def _value(element: str, at: int) -> Json:
    if element == "string":
        return "text"
    if element == "bool":
        return at % 2 == 0
    # 1 is in every vocabulary and is no padding; fractions fit pictures and measures alike.
    return 1 if element in _INTEGERS else at % 10 / 10
