"""What the conformance suite calls; every language has the same (tests/languages/README.md)."""

import os
import sys
import time
from pathlib import Path


class AlgorithmError(Exception):
    def __init__(self, message, code):
        super().__init__(message)
        self.code = code


def load(models):
    return {"loads": 1, "models": {name: Path(path).read_text() for name, path in models.items()}}


def apply(value, state):
    if isinstance(value, bytes):
        return value[::-1]
    if isinstance(value, str):
        return f"text: {value}"
    if not isinstance(value, dict) or "do" not in value:
        return {"got": value}
    return globals()[f"do_{value['do']}"](value, state)


def do_echo(value, state):
    return value["value"]


def do_state(value, state):
    return state


def do_bytes(value, state):
    return bytes(range(256)) * value["times"]


def do_raise(value, state):
    raise ValueError(value["message"])


def do_refuse(value, state):
    raise AlgorithmError(value["message"], value["code"])


def do_nan(value, state):
    return {"value": float("nan")}


def do_print(value, state):
    print(value["text"], file=sys.stderr if value["to"] == "stderr" else sys.stdout)


def do_sleep(value, state):
    time.sleep(value["seconds"])
    return value["seconds"]


def do_exit(value, state):
    print("last words", value["code"])
    os._exit(value["code"])


def do_stream(value, state):
    for number in range(value["count"]):
        yield {"number": number}
    if value.get("fails"):
        raise ValueError("after the last piece")
