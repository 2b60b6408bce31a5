"""What is kept on this machine, by kind, in terms of whoever makes room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from algo.values import Value

if TYPE_CHECKING:
    from pathlib import Path


class Item(Value, frozen=True):
    """Something that is kept.

    Args:
        kind: What it is, in the plural: `environments`.
        name: Which one.
        used: When it was used last, in seconds since 1970.
        paths: The files and folders that it consists of.
        kept: Why it stays whatever is asked for; empty when it may go.
        unfindable: Nothing can find it any more: it is of no use to anybody.
        bytes: What it takes where it is not made of files of this machine.
        cache: It can be had again, at the price of time.
    """

    kind: str
    name: str
    used: float
    paths: tuple[Path, ...] = ()
    kept: str = ""
    unfindable: bool = False
    bytes: int = 0
    cache: bool = True


class Kind(Protocol):
    """A place where things of a kind are kept."""

    def items(self) -> list[Item]:
        """Return what is there; nothing where there is no such place."""

    def remove(self, item: Item) -> str:
        """Remove one of `items()`, unless somebody began to use it.

        Returns:
            Why it stays, empty when it is gone.
        """
