"""The project's own tests, run by pytest in the project's environment."""

from __future__ import annotations

import os
import re
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from algo.children import run
from algo.contract.errors import SuiteFailed
from algo.contract.junit import read_junit
from algo.events import Note
from algo.resources import scratch as scratch_folder
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from algo.contract.report import Outcome
    from algo.events import Notify

FOLDER = "tests"
# Where code that was written for Algorithmia has them, too.
BESIDE = "src"

# https://docs.pytest.org/en/stable/reference/exit-codes.html
_REPORTED = {0, 1, 2}
_NOTHING = 5
# Where package managers put the code of others.
_NOT_OURS = frozenset({"node_modules", "vendor", "target", "__pycache__"})
_WORD = re.compile(r"[\w:+.\[\]/-]+")


def has_tests(project: Path, within: str = FOLDER) -> bool:
    """Tell whether pytest would find a test file in a folder of `project`.

    Raises:
        OSError: A folder may not be read: its tests must not be passed over.
    """
    folder = project / within
    if not folder.is_dir():
        return False
    names = [name for _, _, names in os.walk(folder, onerror=_refused) for name in names]
    return any(fnmatch(name, "test_*.py") or fnmatch(name, "*_test.py") for name in names)


def has_files_like(project: Path, patterns: Sequence[str]) -> bool:
    """Tell whether a file of `project` is like one of `patterns`, `tests/*` or `*_test.go`.

    Raises:
        OSError: A folder may not be read: its tests must not be passed over.
    """
    for folder, below, names in os.walk(project, onerror=_refused):
        below[:] = [name for name in below if not name.startswith(".") and name not in _NOT_OURS]
        root = os.path.relpath(folder, project).removeprefix(".")
        paths = (f"{root}/{name}".lstrip("/") for name in names)
        if any(fnmatch(path, pattern) for path in paths for pattern in patterns):
            return True
    return False


def _refused(error: OSError) -> None:
    raise error


class PytestSuite(Value, frozen=True):
    """The tests of the project in `folder`.

    Args:
        folder: The project's folder.
        python: The Python of an environment that holds what the tests need.
        variables: The environment variables to run it with.
        within: The folders that hold tests.
    """

    folder: Path
    python: Path
    variables: Mapping[str, str]
    within: tuple[str, ...] = (FOLDER,)

    def run(self, only: str, notify: Notify) -> tuple[Outcome, ...]:
        """Run the tests whose names hold the words in `only` (empty: all), in their order.

        Raises:
            SuiteFailed: pytest is not in the environment, or could not run.
        """
        with scratch_folder("test") as scratch:
            report = Path(scratch) / "report.xml"
            command = [str(self.python), "-m", "pytest", "-q", "--junitxml", str(report)]
            # A dry run leaves the folder as it was, and other tests no cache that an editor uses.
            command += ["--override-ini", f"cache_dir={scratch}/cache", *_selection(only)]
            variables = {"PYTHONDONTWRITEBYTECODE": "1", **self.variables}
            done = run([*command, *self.within], cwd=self.folder, env=variables)
            if done.returncode == _NOTHING:
                if not only:
                    notify(Note(f"pytest found no test in {' and '.join(self.within)}/"))
                return ()
            if done.returncode not in _REPORTED or not report.is_file():
                raise _failure(done.returncode, done.stdout.decode(errors="replace"))
            return read_junit(report)


def _selection(only: str) -> list[str]:
    # pytest's -k takes an expression: a word that it would not understand is left out.
    words = [word for word in _WORD.findall(only) if word not in {"and", "or", "not"}]
    return ["-k", " and ".join(words)] if words else []


def _failure(code: int, said: str) -> SuiteFailed:
    if "No module named pytest" in said:
        return SuiteFailed(
            "pytest is not in the project's environment",
            hint="add pytest to requirements-test.in, then: algo lock",
        )
    return SuiteFailed(f"pytest ended with {code}", details=said.strip())
