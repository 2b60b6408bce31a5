"""What the set-up tells the person at the terminal."""

from __future__ import annotations

import sys


class MachineError(Exception):
    """A component can't be had; the message says which, why, and what to type."""


def say(text: str) -> None:
    """Print one line of the set-up's story, on stderr and at once."""
    print(f"==> {text}", file=sys.stderr, flush=True)
