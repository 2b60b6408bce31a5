"""What is fuzzed: a function that must not fail, good inputs, and words that mean something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.fuzz import bodies, frames, http, models

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, slots=True)
class Target:
    """One parser; `rounds` is how often `make test` tries it."""

    check: Callable[[bytes], None]
    seeds: Sequence[bytes]
    words: Sequence[bytes]
    rounds: int


TARGETS = {
    "gateway-frames": Target(frames.gateway, frames.SEEDS, frames.WORDS, 1500),
    "runner-frames": Target(frames.runner, frames.SEEDS, frames.WORDS, 5000),
    "json": Target(bodies.json_body, bodies.JSON_SEEDS, bodies.JSON_WORDS, 10_000),
    "tensors": Target(bodies.tensors, bodies.TENSOR_SEEDS, bodies.TENSOR_WORDS, 10_000),
    "parts": Target(bodies.parts, bodies.PART_SEEDS, bodies.PART_WORDS, 10_000),
    "forms": Target(bodies.form, bodies.FORM_SEEDS, bodies.FORM_WORDS, 3000),
    "control": Target(bodies.control_line, bodies.CONTROL_SEEDS, bodies.CONTROL_WORDS, 1500),
    "pickles": Target(models.a_pickle, models.PICKLE_SEEDS, models.PICKLE_WORDS, 5000),
    "onnx": Target(models.an_onnx_file, models.ONNX_SEEDS, models.ONNX_WORDS, 5000),
    "http": Target(http.connection, http.SEEDS, http.WORDS, 1500),
}
