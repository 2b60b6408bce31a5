"""What the tests of a project came to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.values import Value

if TYPE_CHECKING:
    from algo.contract.compare import Finding
    from algo.contract.record import Contract
    from algo.errors import Problem

CASES = "cases"
TESTS = "tests"
PASSED = "passed"
FAILED = "failed"
ERROR = "error"
SKIPPED = "skipped"


class Outcome(Value, frozen=True):
    """What one case or one test came to.

    Args:
        part: `cases` or `tests`.
        group: The file it is from.
        name: Its name within the file.
        result: `passed`, `failed`, `error` (the test itself broke) or `skipped`.
        seconds: How long it took.
        message: One line: why it failed, or a figure worth seeing.
        details: Further lines, such as a stack trace.
        problems: What is wrong with the input of a case that was refused, place by place.
    """

    part: str
    group: str
    name: str
    result: str
    seconds: float
    message: str = ""
    details: str = ""
    problems: tuple[Problem, ...] = ()

    @property
    def broken(self) -> bool:
        """Whether it keeps a version from being published."""
        return self.result in {FAILED, ERROR}


class TestReport(Value, frozen=True):
    """What the cases and the tests of `name` came to.

    Args:
        name: `owner/name`.
        outcomes: All of them, cases first.
        contract: What the cases showed.
        findings: How that differs from the last version, when one was given.
    """

    name: str
    outcomes: tuple[Outcome, ...]
    contract: Contract
    findings: tuple[Finding, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing failed; a project without cases and tests is fine, too."""
        return not any(outcome.broken for outcome in self.outcomes)

    def count(self, result: str) -> int:
        """Return how many came to `result`."""
        return sum(outcome.result == result for outcome in self.outcomes)

    @property
    def sentence(self) -> str:
        """The whole in one line: `12 passed, 1 failed in 1.24 s`."""
        counts = [(self.count(result), result) for result in (PASSED, FAILED, ERROR, SKIPPED)]
        said = ", ".join(f"{count} {_plural(count, word)}" for count, word in counts if count)
        seconds = sum(outcome.seconds for outcome in self.outcomes)
        return f"{said} in {seconds:.2f} s" if said else "nothing was tested"

    def summary(self) -> Summary:
        """Return what `algo test --json` shows."""
        return Summary(
            self.name,
            self.ok,
            self.count(PASSED),
            self.count(FAILED) + self.count(ERROR),
            self.count(SKIPPED),
            self.outcomes,
        )

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Return the rows of a table: result, what, milliseconds, message."""
        return [
            (
                outcome.result,
                f"{outcome.group}: {outcome.name}" if outcome.group else outcome.name,
                f"{outcome.seconds * 1000:.0f} ms",
                outcome.message,
            )
            for outcome in self.outcomes
        ]


COLUMNS = ("result", "what", "time", "why")


class Summary(Value, frozen=True):
    """The stable JSON form of a report; `failed` counts errors, too."""

    name: str
    ok: bool
    passed: int
    failed: int
    skipped: int
    outcomes: tuple[Outcome, ...]


def _plural(count: int, word: str) -> str:
    return "errors" if word == ERROR and count > 1 else word
