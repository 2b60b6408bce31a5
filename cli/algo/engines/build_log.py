"""What a failed build said, for people: the step that failed and its own last lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

_TAIL = 30
_SHORT = 100
# Colours and other orders to a terminal (ECMA-48), which tools write in builds, too.
_ORDERS = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
_STEP = re.compile(r"Step (\d+/\d+) : (.*)")
_CLASSIC_NOISE = re.compile(r" ---> |Removing intermediate container |The command '.*returned a ")
_BUILDKIT_STEP = re.compile(r" > (\[.+?\] .*?):?$")
_BUILDKIT_TIME = re.compile(r"^\d+\.\d+ ")
# What the builder's own layers put before a cause; the line is one of the text that it was given,
# in which continued lines are one.
_BEFORE_CAUSE = re.compile(
    r"ERROR: |failed to solve(?: with frontend \S+)?: |rpc error: code = \w+ desc = "
    r"|failed to create LLB definition: | line \d+(?=: )"
)
_CODE = re.compile(r"(?:non-zero code|exit code): (\d+)")


class Failure(Value, frozen=True):
    """Why a build failed.

    Args:
        sentence: It, as the end of a sentence: the step and its code, else the builder's own word.
        lines: The last lines that the step wrote, or the builder where it wrote none.
    """

    sentence: str
    lines: tuple[str, ...] = ()

    @property
    def details(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)


def plain(line: str) -> str:
    """Return `line` without orders to a terminal, and of what overwrites itself only the last."""
    return _ORDERS.sub("", line).rstrip().rpartition("\r")[2]


def classic_failure(lines: Sequence[str]) -> Failure:
    """Read the log of Docker's classic builder, of which the last line is the error."""
    error = lines[-1] if lines else "it said nothing"
    start = max((at for at, line in enumerate(lines) if _STEP.match(line)), default=-1)
    own = [line for line in lines[start + 1 :] if line and not _CLASSIC_NOISE.match(line)]
    code, step = _CODE.search(error), _STEP.match(lines[start]) if start >= 0 else None
    if code is None or step is None:
        return Failure(_shortened(error), tuple(own[:-1][-_TAIL:]))
    return Failure(_ended(f"{step[1]} ({_shortened(step[2])})", code[1]), tuple(own[-_TAIL:]))


def buildkit_failure(lines: Sequence[str]) -> Failure:
    """Read the log of BuildKit (`--progress plain`), which tells at the end of what failed."""
    error = next((line for line in reversed(lines) if line.startswith("ERROR: ")), "")
    start = next((at for at, line in enumerate(lines) if _BUILDKIT_STEP.match(line)), -1)
    cause = _BEFORE_CAUSE.sub("", error) or "it said nothing"
    if start < 0:
        said = (line for line in lines if line and not line.startswith(("#", "ERROR: ")))
        return Failure(cause, tuple(said)[-_TAIL:])
    rest = lines[start + 1 :]
    end = next((at for at, line in enumerate(rest) if line.startswith("------")), len(rest))
    own = tuple(_BUILDKIT_TIME.sub("", line) for line in rest[:end] if line)
    code, step = _CODE.search(error), _BUILDKIT_STEP.match(lines[start])
    if code is None or step is None:
        return Failure(cause, own[-_TAIL:])
    return Failure(_ended(_shortened(step[1]), code[1]), own[-_TAIL:])


def _ended(step: str, code: str) -> str:
    return f"step {step} ended with code {code}"


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"
