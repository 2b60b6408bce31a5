"""What can go wrong with the folder of a language, and with the steps that it names."""

from __future__ import annotations

from algo.errors import UNREACHABLE, USAGE, AlgoError


class RuntimeInvalid(AlgoError):
    """The runtime of a language lacks a file or holds one that cannot be read."""

    code = "runtime_invalid"
    hint = "install algo-cli again"


class LanguageUnknown(RuntimeInvalid):
    """There is no language of the name that a project says."""

    code = "language_unknown"
    exit_code = USAGE


class LanguageMismatch(AlgoError):
    """The entry file is of another language than the project."""

    code = "language_mismatch"
    exit_code = USAGE
    hint = "correct language or entrypoint in algo.toml"


class ToolMissing(AlgoError):
    """A program that a language needs is not on this machine."""

    code = "tool_missing"
    exit_code = UNREACHABLE
    hint = "install it and put it on PATH, or pass --engine docker"


class ToolTooOld(AlgoError):
    """A program on this machine is older than what a language works with."""

    code = "tool_too_old"
    exit_code = UNREACHABLE
    hint = "install a newer one, or pass --engine docker"


class BenchMissing(AlgoError):
    """Packages or a program must be made for an image, and no container engine answers."""

    code = "workshop_unavailable"
    exit_code = UNREACHABLE
    hint = "start Docker, then try again"


class StepFailed(AlgoError):
    """A step of a language did not do its work; `details` holds its own words.

    Args:
        message: What could not be done.
        file: The project's file that it names first, empty where it names none.
        line: The line in it.
        details: What the step said.
        hint: What to do about it.
    """

    code = "step_failed"
    hint = "correct what it names, then try again"

    def __init__(
        self,
        message: str,
        *,
        file: str = "",
        line: int = 0,
        details: str = "",
        hint: str | None = None,
    ) -> None:
        super().__init__(message, details=details, hint=hint)
        self.file = file
        self.line = line


class BuildFailed(StepFailed):
    """The author's code did not compile."""

    code = "build_failed"
