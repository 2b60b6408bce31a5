"""Inputs made of good ones by mutation: the same seed gives the same inputs."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

EDGES = (0, 1, 2, 3, 4, 11, 12, 13, 127, 128, 255, 256, 65535, 65536, (1 << 20) + 1, (1 << 34) + 1)
LONGEST = 1 << 16


def mutated(seeds: Sequence[bytes], words: Sequence[bytes], seed: int) -> Iterator[bytes]:
    """Yield inputs without end: good ones, then such that one to six changes were made of.

    Args:
        seeds: Good inputs.
        words: Pieces that mean something, to be put in.
        seed: Of the random numbers.
    """
    yield from seeds
    chance = random.Random(seed)
    while True:
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.randint(1, 6)):
            _change(data, seeds, words, chance)
        yield bytes(data[:LONGEST])


def cut(data: bytes, seed: int) -> list[bytes]:
    """Return `data` in pieces, as a pipe or a socket may give it."""
    chance = random.Random(seed)
    places = sorted(chance.randint(0, len(data)) for _ in range(chance.randint(0, 8)))
    edges = [0, *places, len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges) if a < b]


def _change(
    data: bytearray, seeds: Sequence[bytes], words: Sequence[bytes], chance: random.Random
) -> None:
    at = chance.randint(0, len(data))
    end = min(len(data), at + chance.randint(1, 16))
    kind = chance.randrange(8)
    if kind == 0 and at < len(data):
        data[at] ^= 1 << chance.randrange(8)
    elif kind == 1:
        data[at:at] = chance.randbytes(chance.randint(1, 8))
    elif kind == 2:
        del data[at:end]
    elif kind == 3:
        data[at:at] = data[at:end] * chance.randint(1, 4)
    elif kind == 4:
        data[at:at] = chance.choice(words)
    elif kind == 5:
        size = chance.choice((1, 2, 4, 8))
        edge = chance.choice(EDGES) % (1 << 8 * size)
        data[at : at + size] = edge.to_bytes(size, "little")
    elif kind == 6:
        other = chance.choice(seeds)
        data[at:] = other[chance.randint(0, len(other)) :]
    else:
        del data[at:]
