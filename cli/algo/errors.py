"""Named errors: what happened, why, and the command to run next.

`main` alone turns them into text and an exit code; everything below raises.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

DONE = 0
FAILED = 1
USAGE = 2
UNREACHABLE = 3
NOT_ALLOWED = 4
REFUSED = 5
INTERRUPTED = 130

_BESIDE = re.compile(r"(^|/)\.([^/]+?)(?:\.\d+)?\.tmp$")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with an input at one place of it (`input.image`)."""

    path: str
    message: str


class AlgoError(Exception):
    """Something the user can act on.

    A subclass names a stable `code`, an `exit_code` and, where one command fits every
    case, a class-wide `hint`. An instance may carry a better hint.

    Args:
        message: What happened and why, one or two sentences, no trailing newline.
        hint: The command to type next, overriding the class's.
        details: Further lines worth showing (a file and line, a tool's own words).
        problems: What the message says, place by place, for programs.
        algorithm_code: What an algorithm that was called answered as the code of its error.
    """

    code: ClassVar[str] = "failed"
    exit_code: ClassVar[int] = FAILED
    hint: str = ""

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        details: str = "",
        problems: Sequence[Problem] = (),
        algorithm_code: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        self.problems = tuple(problems)
        self.algorithm_code = algorithm_code
        if hint is not None:
            self.hint = hint


class UsageError(AlgoError):
    """The command line itself is wrong."""

    code = "usage"
    exit_code = USAGE
    hint = "algo --help"


class InternalError(AlgoError):
    """A bug of ours, shown as one."""

    code = "internal"
    hint = "run it again with ALGO_DEBUG=1 and report the stack trace"


class Interrupted(AlgoError):
    """The user pressed Ctrl-C."""

    code = "interrupted"
    exit_code = INTERRUPTED


class DiskFull(AlgoError):
    """No space is left where something had to be written."""

    code = "disk_full"
    hint = "algo cache info shows what takes room; or point ALGO_HOME at another disk"


class ResultLost(AlgoError):
    """Standard output takes no more: its disk is full, for instance."""

    code = "result_lost"
    hint = "write it somewhere else and run the command again"


class OutputInvalid(AlgoError):
    """Nothing can be written where `-o` points."""

    code = "output_invalid"
    exit_code = USAGE


class FileProblem(AlgoError):
    """The system refused a file or a folder that a command had to read or write."""

    code = "file_problem"

    @classmethod
    def of(cls, error: OSError) -> FileProblem:
        """Return the error for what the system said of a path."""
        reason = (error.strerror or str(error)).lower()
        # What is written beside a file, to take its place, has a name that nobody knows, and
        # it is the folder that refuses it.
        named = str(error.filename2 or error.filename)
        path = Path(_BESIDE.sub(r"\1\2", named))
        places = path.parents if _BESIDE.search(named) else (path, *path.parents)
        there = next((one for one in places if _exists(one)), path)
        return cls(f"{path}: {reason}", hint=f"ls -ld {shlex.quote(str(there))}")


def _exists(path: Path) -> bool:
    """Tell whether there is something by this name, as far as one may look."""
    try:
        return path.is_symlink() or path.exists()
    except OSError:
        return False
