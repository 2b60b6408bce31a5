"""What the workers are made from: a runner, its environment, and what `algorithm.json` says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from algo_gateway.config import Description, Options, Serving, runner_command, runner_forks
from algo_gateway.workers.processes import Runner, hello_frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from algo_gateway.wire.spawning import Spawned
    from algo_gateway.workers.worker import Worker


@dataclass(frozen=True, slots=True)
class Recipe:
    """An environment and a description; development replaces both while the service goes on."""

    options: Options
    description: Description

    @property
    def serving(self) -> Serving:
        """The limits."""
        return self.description.serving

    def changed(
        self, python: str, packages: str, description: Description | None, program: str = ""
    ) -> Recipe:
        """Return the recipe with what is given in place of what it had."""
        options = self.options
        if python:
            options = msgspec.structs.replace(options, python=python)
        if packages:
            options = msgspec.structs.replace(options, packages=Path(packages))
        if program:
            options = msgspec.structs.replace(options, program=Path(program))
        return Recipe(options, description or self.description)

    def rung_from(self, old: Recipe) -> str:
        """Return what it takes to go on with this recipe after `old`.

        `environment`: a runner of other packages; `program`: one that was compiled anew;
        `worker`: one that is told something else;
        `limits`: no process knows of what changed; `none`: nothing did.
        """
        ours, theirs = self.options, old.options
        if (ours.python, ours.packages) != (theirs.python, theirs.packages):
            return "environment"
        if ours.program != theirs.program:
            return "program"
        if self._hello != old._hello or self.serving.preload != old.serving.preload:
            return "worker"
        same = self.description.contract == old.description.contract
        return "none" if same and self.serving == old.serving else "limits"

    def runner(
        self,
        on_idle: Callable[[Worker], None],
        *,
        first: Spawned | None = None,
        before: Runner | None = None,
    ) -> Runner:
        """Return what makes the workers; `first` is a process of it that was started already.

        Raises:
            OSError, ValueError, KeyError: The runtime's folder cannot be read.
        """
        command = runner_command(self.options)
        concurrency = self.serving.concurrency
        forks = not self.alone
        return Runner(command, self._hello, concurrency, on_idle, first, before, forks=forks)

    @property
    def alone(self) -> bool:
        """Whether each worker is a process of its own: the language or a GPU wants it so."""
        return self.gpu or not runner_forks(self.options.runtime)

    @property
    def gpu(self) -> bool:
        """Whether its workers use a GPU."""
        return self.options.gpu or self.description.gpu

    @property
    def _hello(self) -> bytes:
        return hello_frame(self.options, self.description)
