"""A project of Algorithmia gets an `algo.toml` that says what its `algorithmia.conf` means."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from algo.contract.cases import read_cases
from algo.events import Note, counted
from algo.importing import literals
from algo.importing.errors import SourceInvalid
from algo.importing.steps import as_lines, what_next
from algo.project import algorithmia
from algo.project.manifest import FILE, check_name
from algo.scaffold.errors import WouldOverwrite
from algo.scaffold.names import variables
from algo.scaffold.plan import plan
from algo.scaffold.templates import template_files
from algo.scaffold.write import write
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from algo.events import Notify
    from algo.project.manifest import Manifest

_KIND = "imports/algorithmia"
# What the runtime brings.
_BROUGHT = re.compile(r"\s*algorithmia(-adk)?\s*([<>=!~;\[#].*)?", re.IGNORECASE)


class Converted(Value, frozen=True):
    """A project that has an `algo.toml` now.

    Args:
        name: `owner/name`.
        folder: Its folder.
        language: Its language.
        entrypoint: Its file and function.
        models: How many large files of its data are models.
        cases: How many golden cases it has, those of `TEST_CASES.json` among them.
        next: The commands to type now.
    """

    name: str
    folder: Path
    language: str
    entrypoint: str
    models: int
    cases: int
    next: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What was written, and what to type now."""
        has = f"{counted(self.models, 'model')}, {counted(self.cases, 'golden case')}"
        said = f"Wrote {FILE} of {self.name}: {self.language}, {self.entrypoint}, {has}"
        return f"{said}\n{algorithmia.FILE} is not read any more\n{as_lines(self.next)}"


def convert(folder: Path, name: str, templates: Path, cwd: Path, *, notify: Notify) -> Converted:
    """Write an `algo.toml` into the project in `folder`; nothing else of it changes.

    Args:
        folder: Where its `algorithmia.conf` lies.
        name: `owner/name`, empty for that of the file.
        templates: The folder of the templates.
        cwd: Where the next command is typed.
        notify: Gets what there is to know.

    Raises:
        SourceInvalid: There is no `algorithmia.conf`.
        WouldOverwrite: There is an `algo.toml`.
        CaseInvalid: A golden case cannot be read.
        AlgoError: The file cannot be understood, or names no file of code.
    """
    conf = folder / algorithmia.FILE
    if not conf.is_file():
        raise SourceInvalid(f"{folder} is no project of Algorithmia: it has no {algorithmia.FILE}")
    made = folder / FILE
    if made.is_symlink() or made.exists():
        away = shlex.join(["mv", str(made), f"{made}.old"])
        raise WouldOverwrite(f"{made} is already there; nothing was written", hint=away)
    manifest = algorithmia.read(conf)
    algorithm = manifest.algorithm
    called = check_name(name) if name else algorithm.name
    words = {
        "version": literals.quoted(algorithm.version),
        "language": literals.quoted(algorithm.language),
        "entrypoint": literals.quoted(algorithm.entrypoint),
        "timeout": literals.quoted(manifest.serving.timeout),
        "models": literals.table(manifest.model_paths),
    }
    files = plan(template_files(templates / _KIND), variables(called, (), words))
    cases, models = len(read_cases(folder)), len(manifest.models)
    notes = [Note(note) for note in _notes(folder, manifest)]
    # Last, as a failure leaves nothing.
    write(files, folder)
    for note in notes:
        notify(note)
    steps = what_next(folder, cwd)
    return Converted(called, folder, algorithm.language, algorithm.entrypoint, models, cases, steps)


def _notes(folder: Path, manifest: Manifest) -> Iterator[str]:
    if "python2" in re.sub(r"[^a-z0-9]", "", algorithmia.language_of(folder / algorithmia.FILE)):
        yield "it was written for Python 2, and what only that understands does not load"
        yield "pip install fissix && python3 -m fissix -w -n src rewrites it for Python 3"
    requirements = folder / "requirements.txt"
    if manifest.algorithm.language == "python" and requirements.is_file():
        lines = requirements.read_text(encoding="utf-8", errors="replace").splitlines()
        if any(_BROUGHT.fullmatch(line) for line in lines):
            yield "requirements.txt names algorithmia, which the runtime brings: the line can go"
