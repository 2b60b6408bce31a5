"""What an import does with the outside, and what a kind of source does for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from algo.contract.interface import Algorithm
    from algo.contract.values import Json


class Copied(Value, frozen=True):
    """A file or folder to take over: from `source` to `place`, relative to the project."""

    source: Path
    place: str


class Example(Value, frozen=True):
    """An input to record an answer to.

    Args:
        name: What its case is called.
        inputs: The input; further ones are guesses to try where the first is refused.
        wanted: Whether an import without its answer is none.
    """

    name: str
    inputs: tuple[Json, ...]
    wanted: bool = True


class Draft(Value, frozen=True):
    """A project that is not written yet.

    Args:
        parts: The folders below `scaffolds/imports` that make it up; the first names its kind.
        name: What the source is called, for a project that is given no other name.
        models: What `[models]` names, by these names.
        words: What the template's variables mean besides owner, name and module.
        files: Further files of the project.
        reserved: Modules that its code imports.
        examples: Inputs that come with the source, or are made from its signature.
        notes: What the user has to know of it.
        advice: The hint for a model that cannot be loaded.
        loosen: The hint where its versions cannot be had.
        unrun: The hint where it cannot be run on this machine.
        owner: Who it is of, for a project that is given no other name.
        made_up: Whether an input is made up from what it declares when it runs.
        pickled: Whether it holds pickles, which run code when they are read.
    """

    parts: tuple[str, ...]
    name: str
    models: Mapping[str, Copied]
    words: Mapping[str, str]
    files: tuple[Copied, ...] = ()
    reserved: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()
    notes: tuple[str, ...] = ()
    advice: str = ""
    loosen: str = ""
    unrun: str = ""
    owner: str = ""
    made_up: bool = False
    pickled: bool = False


Ask = Callable[[Draft], "Json"]


class Workshop(Protocol):
    """Where the code of a project runs: its locked environment, and nowhere else."""

    def on_host(self) -> bool:
        """Tell whether that is this machine itself although nobody asked for it by name."""

    def serving(self, project: Path) -> AbstractContextManager[Algorithm]:
        """Lock the project in the folder `project`, and run it for the length of a block.

        Raises:
            AlgoError: It cannot be locked, installed or loaded.
        """


class Source(Protocol):
    """What is imported: an ONNX file, an MLflow model, and so on."""

    def draft(self, ask: Ask) -> Draft:
        """Read it, and run nothing of it here.

        Args:
            ask: Runs a project that tells what only running can tell, and returns its answer.

        Raises:
            SourceInvalid: It is something else.
            SourceUnsupported: It holds something that cannot be taken over.
        """
