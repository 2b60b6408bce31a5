"""Hints that are the command as it was given, with what must change in it."""

from __future__ import annotations

import contextlib
import re
import shlex
from typing import TYPE_CHECKING

from algo.errors import AlgoError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_WITH_VALUE = ("--to", "--version", "--bump", "--platform", "--engine", "--allow-breaking")
_FLAG = rf"(?:{'|'.join(_WITH_VALUE)}) [^\s,]+|--[a-z][a-z-]*"
_COMMAND = re.compile(rf"\balgo publish((?: (?:{_FLAG}))+)")
# What an option in a hint takes the place of.
_INSTEAD = {
    "--version": ("--bump",),
    "--bump": ("--version",),
    "--dry-run": ("--yes",),
    "--yes": ("--dry-run",),
}


@contextlib.contextmanager
def keeping(given: Mapping[str, str | bool]) -> Iterator[None]:
    """Let each `algo publish` in the hint of an error of this block keep the options `given`.

    Without them, who pastes a hint would publish to another place than was asked for, for good.
    """
    try:
        yield
    except AlgoError as error:
        error.hint = again(error.hint, given)
        raise


def again(hint: str, given: Mapping[str, str | bool]) -> str:
    """Return `hint` with the options `given` in each `algo publish` that names an option."""

    def told(command: re.Match[str]) -> str:
        wanted: dict[str, str | bool] = {}
        for name, _, value in (one.partition(" ") for one in re.findall(_FLAG, command[1])):
            wanted[name] = value or True
        gone = {other for name in wanted for other in _INSTEAD.get(name, ())}
        kept = {name: value for name, value in given.items() if value and name not in gone}
        words = ["algo publish"]
        for name, value in (kept | wanted).items():
            words += [name] if value is True else [name, shlex.quote(str(value))]
        return " ".join(words)

    return _COMMAND.sub(told, hint)
