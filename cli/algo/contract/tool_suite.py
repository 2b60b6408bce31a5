"""The project's own tests, run by the step that its language names."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from algo.contract.junit import read_junit
from algo.contract.report import FAILED, PASSED, TESTS, Outcome
from algo.languages.steps import REPORT, place_in
from algo.resources import scratch
from algo.values import Value

if TYPE_CHECKING:
    from algo.events import Notify
    from algo.languages.interface import Bench, Work


class ToolSuite(Value, frozen=True):
    """The tests of the project in `folder`.

    Args:
        folder: The project's folder.
        work: What runs them.
        bench: Where.
        within: The folder for what is temporary, which a container can see.
    """

    folder: Path
    work: Work
    bench: Bench
    within: Path

    def run(self, only: str, notify: Notify) -> tuple[Outcome, ...]:
        """Run the tests; of those that are reported, return the ones with the words in `only`.

        Where no report is written they are one outcome, by the exit code.

        Raises:
            SuiteFailed: The report is no JUnit XML.
            ToolMissing: This machine lacks a program that runs them.
        """
        began = time.perf_counter()
        self.within.mkdir(parents=True, exist_ok=True)
        with scratch("test", self.within) as report:
            places = {**self.work.places, "report": Path(report)}
            writable = self.work.writable | {"report"}
            work = replace(self.work, places=places, writable=writable)
            done = self.bench.run(work, notify=notify)
            file = Path(report, REPORT)
            found = read_junit(file) if file.is_file() else ()
        if found and (done.code == 0 or any(one.broken for one in found)):
            words = only.lower().split()
            return tuple(one for one in found if all(word in one.name.lower() for word in words))
        result = FAILED if done.code else PASSED
        where, line = place_in(done.said, self.folder)
        message = f"{where}:{line}" if done.code and where else ""
        seconds = time.perf_counter() - began
        details = done.said.strip() if done.code else ""
        return (Outcome(TESTS, "tests", "all of them", result, seconds, message, details),)
