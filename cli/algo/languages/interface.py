"""Where the steps of a language run, in our own types: this machine, or a container."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import field

from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from algo.events import Notify


class Work(Value, frozen=True):
    """One run of a step.

    Attributes:
        words: The command, as `runtime.toml` has it.
        places: The folders of this machine that the step sees, by their placeholder; that of
            `report` is a file in it, `report.xml`.
        writable: Which of them it may write.
        folder: The one that it runs in.
        values: The other placeholders.
        needs: Programs that it starts besides its first word.
        oldest: The least versions of programs that this step wants besides those of the language.
        network: Whether it may reach others, with what follows of the user's.
        variables: Patterns of the variables that it gets.
        settings: Files below the home that it may read.
    """

    words: tuple[str, ...]
    places: Mapping[str, Path]
    writable: frozenset[str]
    folder: str
    values: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    oldest: Mapping[str, str] = field(default_factory=dict)
    network: bool = False
    variables: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()


class Finished(Value, frozen=True):
    """How a step ended: its exit code, and what it said."""

    code: int
    said: str


class Mount(Value, frozen=True):
    """A folder or file of this machine that a container sees at `there`."""

    here: Path
    there: str
    writable: bool = False


class Job(Value, frozen=True):
    """A command for a container engine to run once, as this user.

    Attributes:
        command: The command.
        mounts: What it sees of this machine.
        folder: The current folder in the container.
        environment: Variables that it gets.
        network: Whether it may reach others, through the proxies and with the certificates of
            this machine.
    """

    command: tuple[str, ...]
    mounts: tuple[Mount, ...]
    folder: str
    environment: Mapping[str, str] = field(default_factory=dict)
    network: bool = False


class Bench(Protocol):
    """Where the steps of one language run."""

    @property
    def key(self) -> str:
        """What their results depend on besides language and inputs: the same text, the same."""

    def run(self, work: Work, *, notify: Notify) -> Finished:
        """Run one step.

        Raises:
            ToolMissing: This machine lacks a program that it needs.
            BenchMissing: No container engine answers.
        """
