"""A workshop that runs nothing: it answers by a function and keeps what it was shown."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.fakes.algorithms import FunctionAlgorithm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from algo.contract.values import Json
    from algo.errors import AlgoError


@dataclass
class FakeWorkshop:
    """Runs `function` in place of the project; with `error` nothing starts."""

    function: Callable[[Json], Json] = lambda value: value
    error: AlgoError | None = None
    hosted: bool = False
    shown: dict[str, str] = field(default_factory=dict)

    def on_host(self) -> bool:
        """Tell what the test says."""
        return self.hosted

    @contextmanager
    def serving(self, project: Path) -> Iterator[FunctionAlgorithm]:
        """Keep the text files of `project`, then answer."""
        for path in project.rglob("*"):
            if path.is_file() and path.suffix not in {".onnx", ".pkl"}:
                self.shown[path.relative_to(project).as_posix()] = path.read_text()
        if self.error is not None:
            raise self.error
        yield FunctionAlgorithm(self.function)
