"""The use case: a source becomes a project that can be tested, served and built at once."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from algo.contract.interface import Fault
from algo.errors import AlgoError
from algo.events import Note, Step, counted
from algo.importing import literals, recording
from algo.importing.errors import ExampleInvalid, ModelUnusable, PickleOnHost, PinsUnmet
from algo.importing.examples import made_up
from algo.importing.interface import Example
from algo.importing.naming import choose_name
from algo.importing.place import making, take_over
from algo.importing.steps import as_lines, what_next
from algo.resources import scratch
from algo.scaffold.names import variables
from algo.scaffold.plan import plan
from algo.scaffold.templates import DEFAULT, template_files
from algo.scaffold.write import write
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from algo.contract.values import Json
    from algo.events import Notify
    from algo.importing.interface import Draft, Source, Workshop

# What every project has, whatever is in it: taken from the template that `algo init` begins with.
_COMMON = (
    "dot_algoignore",
    "dot_github/workflows/algo.yml",
    "dot_gitignore",
    "pytest.ini",
    "requirements-test.in",
)
_REQUIREMENTS, _LOCK = "requirements.in", "algo.lock"
_PROBE = "local/probe"
_UNMET = ("requirements_unsatisfiable", "install_failed", "wheel_build_failed")
_LOAD_FAILED, _NO_GPU = "load_failed", "gpu_unavailable"


class Order(Value, frozen=True):
    """What the user asked for.

    Args:
        cwd: The current folder.
        folder: The project's folder, relative to `cwd`; by default the name without its owner.
        name: `owner/name`, empty for one that is made of user and source.
        user: Who asks; may be empty.
        examples: Files with an input each, in JSON.
        run: Whether to run it, and record what it answers.
    """

    cwd: Path
    folder: Path | None = None
    name: str = ""
    user: str = ""
    examples: tuple[Path, ...] = ()
    run: bool = True


class Imported(Value, frozen=True):
    """A project that was just made.

    Args:
        name: `owner/name`.
        kind: What it was made from.
        folder: Its folder.
        files: What was written, relative to the folder, sorted.
        cases: How many golden cases were recorded.
        next: The commands to type now.
    """

    name: str
    kind: str
    folder: Path
    files: tuple[str, ...]
    cases: int
    next: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What was made, and what to type now."""
        cases = counted(self.cases, "recorded case")
        made = f"Created {self.name} from {self.kind}: {counted(len(self.files), 'file')}, {cases}"
        return f"{made}\n{as_lines(self.next)}"


def import_source(
    source: Source, order: Order, workshop: Workshop, templates: Path, *, notify: Notify
) -> Imported:
    """Make a project of `source`, and record what it answers to its examples.

    All of it is right, or nothing is left behind.

    Args:
        source: What is imported.
        order: What the user asked for.
        workshop: Runs the code of the project.
        templates: The folder of the templates.
        notify: Gets what there is to know.

    Raises:
        ModelUnusable: The model cannot be loaded.
        SourceInvalid: The source is something else.
        SourceUnsupported: It holds something that cannot be taken over.
        TargetTaken: The folder is not empty.
        BadName: The name breaks the rules of OCI repositories.
        ExampleRefused: The model answers an example with an error.
        AlgoError: Its requirements cannot be locked or installed.
    """
    given = _given(order)
    asking = _Asking(workshop, templates, notify)
    draft = source.draft(asking.ask)
    draft = replace(draft, examples=given or draft.examples)
    called = draft.name if order.folder is None else (order.cwd / order.folder).resolve().name
    name = choose_name(order.name, called, draft.owner or order.user)
    target = order.cwd / (order.folder if order.folder is not None else name.split("/")[1])
    asking.tell(draft)
    with making(target) as tree:
        lay_out(draft, name, tree, templates)
        asking.hand_on(tree)
        cases = _recorded(draft, workshop, tree, notify) if order.run else ()
        recording.write(cases, tree)
        files = sorted(path for path in tree.rglob("*") if path.is_file())
        written = tuple(path.relative_to(tree).as_posix() for path in files)
    return Imported(name, draft.parts[0], target, written, len(cases), what_next(target, order.cwd))


def _recorded(
    draft: Draft, workshop: Workshop, tree: Path, notify: Notify
) -> tuple[recording.Recorded, ...]:
    _refuse_on_host(draft, workshop)
    with _told(draft), workshop.serving(tree) as algorithm:
        notify(Step("Recording what it answers"))
        examples = draft.examples
        if not examples and draft.made_up:
            inputs = made_up(algorithm.declared().input)
            examples = (Example("what it must be given", inputs, wanted=False),) if inputs else ()
        if not examples:
            notify(Note("no case is recorded of an answer: give an input with --example FILE"))
        return recording.record(examples, algorithm, notify)


def _refuse_on_host(draft: Draft, workshop: Workshop) -> None:
    if draft.pickled and workshop.on_host():
        raise PickleOnHost(
            f"{draft.name} is or holds a pickle, which runs code when it is read, and no container "
            "engine answers; nothing was read"
        )


class _Asking:
    """Runs projects that are only asked something and then forgotten."""

    def __init__(self, workshop: Workshop, templates: Path, notify: Notify) -> None:
        self._workshop = workshop
        self._templates = templates
        self._notify = notify
        self._notes: set[str] = set()
        self._locked: tuple[bytes, bytes] | None = None

    def tell(self, draft: Draft) -> None:
        """Say what the user has to know of `draft`, once."""
        for note in draft.notes:
            if note not in self._notes:
                self._notes.add(note)
                self._notify(Note(note))

    def ask(self, draft: Draft) -> Json:
        """Run the project of `draft` and return what it answers.

        Raises:
            ModelUnusable: It cannot be loaded, or does not answer.
        """
        self.tell(draft)
        _refuse_on_host(draft, self._workshop)
        with scratch("import") as folder, _told(draft):
            tree = Path(folder, "project")
            tree.mkdir()
            lay_out(draft, _PROBE, tree, self._templates)
            with self._workshop.serving(tree) as algorithm:
                answer = algorithm.call({})
            lock = tree / _LOCK
            if lock.is_file():
                self._locked = ((tree / _REQUIREMENTS).read_bytes(), lock.read_bytes())
        if isinstance(answer, Fault):
            raise ModelUnusable(
                f"{draft.name} says nothing of itself: {answer.code}", details=answer.message
            )
        return answer.value

    def hand_on(self, project: Path) -> None:
        """Give `project` the lock of what was asked, where it has the same requirements."""
        if self._locked and (project / _REQUIREMENTS).read_bytes() == self._locked[0]:
            (project / _LOCK).write_bytes(self._locked[1])


@contextmanager
def _told(draft: Draft) -> Iterator[None]:
    """Name the model where its own code, which nobody has written by hand, does not load."""
    try:
        yield
    except AlgoError as error:
        if error.code in _UNMET and draft.loosen:
            raise PinsUnmet(
                f"what {draft.name} was made with cannot be had for the Python of the image; "
                "nothing was written",
                details=f"{error.message}\n{error.details}".rstrip(),
                hint=draft.loosen,
            ) from error
        if error.code == _NO_GPU and draft.unrun:
            raise type(error)(error.message, details=error.details, hint=draft.unrun) from error
        if error.code != _LOAD_FAILED:
            raise
        raise ModelUnusable(
            f"{draft.name} cannot be loaded in its locked environment; nothing was written",
            details=f"{error.message}\n{error.details}".rstrip(),
            hint=draft.advice or None,
        ) from error


def lay_out(draft: Draft, name: str, folder: Path, templates: Path) -> None:
    """Write the project of `draft`, called `name`, into the empty folder `folder`."""
    common = [file for file in template_files(templates / DEFAULT) if file.path.startswith(_COMMON)]
    own = [file for part in draft.parts for file in template_files(templates / "imports" / part)]
    models = {model: copied.place for model, copied in draft.models.items()}
    words = {"models": literals.table(models), **draft.words}
    taken = {file.path for file in own}
    files = [*own, *(file for file in common if file.path not in taken)]
    write(plan(files, variables(name, draft.reserved, words)), folder)
    for copied in (*draft.models.values(), *draft.files):
        take_over(copied, folder)


def _given(order: Order) -> tuple[Example, ...]:
    return tuple(_example(order.cwd / path) for path in order.examples)


def _example(path: Path) -> Example:
    try:
        return Example(path.stem, (json.loads(path.read_text(encoding="utf-8")),))
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ExampleInvalid(f"{path.name} is no JSON input: {reason}") from error
