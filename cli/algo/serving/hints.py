"""What to do about an answer that is an error, by the gateway's code (runtimes/README.md)."""

from __future__ import annotations

_INPUT = "correct the input, then: algo run"
_PRINTED = "look at what the service printed"
_BY_CODE = {
    "invalid_input": "correct the input at the places named, then: algo run",
    "body_too_large": "send less, or raise max-body under [serving] in algo.toml",
    "fetched_too_large": "send less, or raise max-size of fetch under [serving] in algo.toml",
    "fetch_forbidden": "send the file itself, or set fetch under [serving] in algo.toml",
    "deadline_exceeded": "make it faster, or raise timeout under [serving] in algo.toml",
    "queue_full": "try again later, or raise workers or queue under [serving] in algo.toml",
    "exception": "correct the code at the line named, then: algo run",
    "result_not_finite": "return a number or null instead, then: algo run",
    "result_not_serialisable": "return what JSON has, text or bytes, then: algo run",
    "worker_died": f"{_PRINTED} before it ended",
    "worker_out_of_memory": "use less memory, or raise worker-memory under [serving] in algo.toml",
    "no_such_algorithm": "put its project into a folder beside this one, or publish it",
    "not_loaded": "correct the code as algo serve says, then: algo run",
}


def hint_for(code: str, status: int) -> str:
    """Return what a caller can do about an error of `code`, or of that HTTP status."""
    return _BY_CODE.get(code) or (_INPUT if status < 500 else _PRINTED)
