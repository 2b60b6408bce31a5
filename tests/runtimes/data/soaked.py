"""The algorithm of the soak: answers of several kinds, faults, and weights that are shared."""

import os
import time

VERSION = 0


class AlgorithmError(Exception):
    """The caller's fault."""

    code = "asked_for"


def load():
    """Return 20 MB that no two loads have in common."""
    return os.urandom(1 << 20) * 20


def apply(value, state):
    """Answer as `kind` says; `n` comes back, so that answers cannot be mixed up unnoticed."""
    if isinstance(value, bytes):
        return value[::-1]
    kind = value.get("kind", "")
    if kind == "sleep":
        time.sleep(0.05)
    elif kind == "stream":
        return ({"n": value["n"], "piece": piece} for piece in range(20))
    elif kind == "refuse":
        raise AlgorithmError(str(value["n"]))
    elif kind == "raise":
        raise ValueError(value["n"])
    elif kind == "print":
        print("x" * 200_000)  # noqa: T201
    elif kind == "exit":
        os._exit(3)
    elif kind == "large":
        return "x" * 8_000_000
    return {"n": value["n"], "touched": state[value["n"] % len(state)] >= 0}
