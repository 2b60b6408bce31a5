"""What is wrong with a value, and where."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from algo_runner.values import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence

# Who sends ten thousand wrong numbers does not read ten thousand lines.
MOST = 20
SHOWN = 40
# A bool of Python is an int, too.
_SCALARS = ((bool, "boolean"), (int, "integer"), (float, "number"))
NO_URLS = "the service takes no files by URL: fetch under [serving] in algo.toml allows them"

Path = tuple[str | int, ...]
Problem = tuple[Path, str]


class Bad(Exception):
    """A value is not what its annotation says.

    Each of the `problems` has the path to it from the value, and a sentence. It is `final` of a
    file that was read as what it must be: that it is not another thing, too, is no news.
    """

    def __init__(self, problems: str | Sequence[Problem], *, final: bool = False) -> None:
        super().__init__()
        self.final = final
        one = isinstance(problems, str)
        self.problems: list[Problem] = [((), problems)] if one else [*problems]

    def under(self, key: str | int) -> list[Problem]:
        """Return the problems as they are told from the object or array that holds the value."""
        return [((key, *path), text) for path, text in self.problems]


class InvalidInput(BadInput):
    """The input is not what `apply` takes; `details` has the `problems` for the answer."""

    def __init__(self, bad: Bad) -> None:
        told = [(place(path), text) for path, text in bad.problems[:MOST]]
        lines = [f"{path}: {text}" for path, text in told]
        if len(bad.problems) >= MOST:
            lines.append("these are the first; there may be more")
        super().__init__("invalid_input", "\n".join(lines))
        problems = [{"path": path, "message": text[:500]} for path, text in told]
        self.details = {"problems": problems}


def place(path: Path) -> str:
    """Return `input.image[3][2]`."""
    text = "input"
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            text += f".{key}" if key.isidentifier() else f"[{_cut(json.dumps(key))}]"
    return text


def expected(what: str, value: Any) -> Bad:
    """Return the fault of a `value` that is something else than `what`."""
    if isinstance(value, dict) and len(value) == 1 and "$url" in value:
        return Bad(NO_URLS)  # the gateway puts the file in its place where it may
    return Bad(f"expected {what}, got {shown(value)}")


def shown(value: Any) -> str:
    """Return a value by the name of its type in JSON: `string "x"`, `null`, `an object`."""
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array"
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, str):
        return f"string {_cut(json.dumps(value[: SHOWN * 2], ensure_ascii=False))}"
    if isinstance(value, bool | int | float):
        kind = next(name for known, name in _SCALARS if isinstance(value, known))
        return f"{kind} {_cut(_number(value))}"
    return type(value).__name__


def _number(value: float) -> str:
    try:
        return json.dumps(value)
    except ValueError:  # an integer of more digits than Python writes
        return "of many digits"


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
