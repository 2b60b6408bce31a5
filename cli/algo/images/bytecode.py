"""Compile packages with the image's Python, so that imports in the container are fast.

The files are the same on every machine: they carry no time (unchecked hash) and the path that
they will have in the image, the compiler's hash seed is fixed, and each package is compiled as if
it were alone. So what was compiled for one project is there for the next.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from algo.events import Warned
from algo.images.compiled import CompiledPackages, packages
from algo.images.errors import CannotRebase
from algo.images.load import ensure_loaded
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from algo.events import Notify
    from algo.images.image import LayerKind
    from algo.images.interface import ImageEngine
    from algo.images.runtime import RuntimeImage
    from algo.images.tree import Entry

_MOUNT = "/packages"
_NOT = "none"
# The Python of an environment that brings one.
_OWN = "bin/python"
_LENT = ".compiler"


class Result(Value, frozen=True):
    """What became of a tree that was to be compiled.

    Args:
        depends_on: What the result depends on, in the words of `best` and `within_reach`.
        entries: Compiled files that do not lie in the tree: they were here already.
    """

    depends_on: str
    entries: Sequence[Entry] = ()


class Compiler(Value, frozen=True):
    """Compiles Python for a runtime image.

    Args:
        runtime: The runtime image, whose Python is the right one.
        engine: Runs it; None when no engine answers.
        find_python: Finds a Python of a minor version on this machine.
        lend: Lays out, in a folder for a place, the environment whose Python compiles for one that
            cannot run here; False when there is none.
        kept: What the image's Python compiled before; None keeps nothing.
    """

    runtime: RuntimeImage
    engine: ImageEngine | None
    find_python: Callable[[str], Path | None]
    lend: Callable[[Path, str], bool] | None = None
    kept: CompiledPackages | None = None

    @property
    def best(self) -> str:
        """What the result depends on when the runtime image itself compiles."""
        return f"runtime {self.runtime.digest}"

    def within_reach(self) -> str:
        """Return what the result will depend on here and now: the best, a host's Python, none."""
        if self.engine is not None:
            return self.best
        minor = self.runtime.recipe.spec.gateway
        return f"host {minor}" if self.find_python(minor) is not None else _NOT

    def check(self, kind: LayerKind) -> None:
        """Allow that a layer of the `kind` is made."""

    def compile(self, folder: Path, place: str, *, notify: Notify) -> Result:
        """Compile the tree at `folder`, which will lie at `place` in the image.

        Files that are not valid for this Python stay uncompiled, as they are when installed.
        """
        own = folder / _OWN
        tops = [path.relative_to(folder).as_posix() for path in _tops(folder)]
        wanted = packages(folder, tops, f"{self.best} {place}")
        # A Python that an environment brings may be any; only the image's own is named by `best`.
        kept = self.kept if not own.is_file() else None
        known: list[Entry] = []
        if kept is not None and (self.engine is not None or all(map(kept.has, wanted))):
            found = {one.name: kept.entries(one, place.lstrip("/")) for one in wanted}
            known = [entry for entries in found.values() for entry in entries or ()]
            wanted = [one for one in wanted if found[one.name] is None]
        if not wanted:
            return Result(self.best, known)
        names = [one.name for one in wanted]
        if self.engine is None:
            return Result(self._on_host(folder, place, names, notify))
        reference = ensure_loaded(self.runtime.image, self.engine, notify=notify)
        problem = self._in_container(reference, folder, place, names)
        if problem:
            notify(Warned(f"packages could not be compiled in {reference}: {problem}"))
            for made in list(folder.rglob("__pycache__")):
                shutil.rmtree(made)
            return Result(_NOT)
        if kept is not None:
            for one in wanted:
                kept.keep(one, folder)
        return Result(self.best, known)

    def _on_host(self, folder: Path, place: str, names: Sequence[str], notify: Notify) -> str:
        """Compile with a Python of this machine, if there is one; return what it depends on."""
        own = folder / _OWN
        minor = self.runtime.recipe.spec.gateway
        if self.lend is None and _runs(own):
            # It is in the image as it is here: no other Python could compile otherwise.
            _compile_here(folder, place, names, own)
            return self.best
        python = self.find_python(minor)
        if python is None or own.is_file():
            notify(
                Warned(
                    f"no engine and no Python {minor} here: the image holds no compiled "
                    "packages, so its first imports are slower and its digest differs"
                )
            )
            return _NOT
        notify(Warned(f"no engine: packages are compiled by {python}, not by the image's Python"))
        _compile_here(folder, place, names, python)
        return self.within_reach()

    def _in_container(self, reference: str, folder: Path, place: str, names: Sequence[str]) -> str:
        """Compile in the image `reference`; return why that failed, empty when it did not."""
        assert self.engine is not None
        if not (folder / _OWN).is_file():
            command = _command("python3", _MOUNT, place, names)
            return self.engine.run(reference, command, folder, _MOUNT)
        lent = folder / _LENT
        try:
            prefix = place
            if self.lend is not None:
                prefix = f"{place}/{_LENT}"
                if not self.lend(lent, prefix):
                    return "the lock has no Python for this machine that could compile them"
            # A whole environment finds its own libraries only where it belongs.
            command = _command(f"{prefix}/{_OWN}", place, place, names)
            return self.engine.run(reference, command, folder, place)
        finally:
            shutil.rmtree(lent, ignore_errors=True)


class Earlier(Compiler, frozen=True):
    """Knows what another runtime image compiled before, and compiles nothing.

    Args:
        digest: The digest of that runtime image.
    """

    digest: str = ""

    @property
    def best(self) -> str:
        """What the layers depend on that are looked for."""
        return f"runtime {self.digest}"

    def within_reach(self) -> str:
        """Return the same: nothing else will do."""
        return self.best

    def check(self, kind: LayerKind) -> None:
        """Refuse to make a layer.

        Raises:
            CannotRebase: Always.
        """
        raise CannotRebase(
            f"the {kind} layer that was made with the runtime image {self.digest[:19]} is not "
            "cached as it would be now"
        )


def _tops(folder: Path) -> list[Path]:
    """Return what is compiled as a whole: a whole environment has all of it in two folders."""
    (*libraries,) = (folder / "lib").glob("python3.*") if (folder / _OWN).is_file() else ()
    if not libraries:
        return list(folder.iterdir())
    packages = [library / "site-packages" for library in libraries]
    parents = [path for path in (*libraries, *packages) if path.is_dir()]
    return [path for parent in parents for path in parent.iterdir() if path not in packages]


def _command(python: str, seen: str, place: str, names: Sequence[str]) -> list[str]:
    """Return what compiles `names` of the tree which lies at `seen` for the compiler."""
    source = Path(__file__).with_name("compile_each.py").read_text(encoding="utf-8")
    # -B: what the compiler itself imports is written as the rest is.
    return [python, "-B", "-W", "ignore", "-c", source, seen, place, *names]


def _compile_here(folder: Path, place: str, names: Sequence[str], python: Path) -> None:
    command = _command(str(python), str(folder), place, names)
    env = {**os.environ, "PYTHONHASHSEED": "0"}
    subprocess.run(command, env=env, capture_output=True, check=False)


def _runs(python: Path) -> bool:
    if not python.is_file():
        return False
    try:
        done = subprocess.run([str(python), "-B", "-I", "-c", ""], capture_output=True, check=False)
    except OSError:  # of another processor
        return False
    return done.returncode == 0
