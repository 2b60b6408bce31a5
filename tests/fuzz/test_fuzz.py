"""The same mutated inputs at every run; `make fuzz` goes on with others."""

from __future__ import annotations

import itertools

import pytest

from tests.fuzz.mutation import mutated
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_no_input_breaks_it(name: str) -> None:
    target = TARGETS[name]
    for data in itertools.islice(mutated(target.seeds, target.words, seed=1), target.rounds):
        try:
            target.check(data)
        except Exception as error:
            raise AssertionError(f"{name} fails on {data!r}") from error
