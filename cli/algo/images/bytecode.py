"""Compile packages with the image's Python, so that imports in the container are fast.

The files are the same on every machine: they carry no time (unchecked hash) and the path that
they will have in the image, and the compiler's hash seed is fixed. What a process compiled before
shows in a file, too (marshal notes which constants are shared, and so depends on their reference
counts), so the tree is cut into the same groups everywhere, each compiled in order by a process.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from algo.events import Warned
from algo.images.errors import CannotRebase
from algo.images.load import ensure_loaded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from algo.events import Notify
    from algo.images.image import LayerKind
    from algo.images.interface import ImageEngine
    from algo.images.runtime import RuntimeImage

_MOUNT = "/packages"
# Nobody imports a package's own tests at run time; they are a third of the work.
_NOT = "none"
_GROUPS = 4
_SKIP = r"/tests?/"
# The Python of an environment that brings one.
_OWN = "bin/python"
_LENT = ".compiler"


@dataclass(frozen=True, slots=True)
class Compiler:
    """Compiles Python for a runtime image.

    Args:
        runtime: The runtime image, whose Python is the right one.
        engine: Runs it; None when no engine answers.
        find_python: Finds a Python of a minor version on this machine.
        lend: Lays out, in a folder for a place, the environment whose Python compiles for one that
            cannot run here; False when there is none.
    """

    runtime: RuntimeImage
    engine: ImageEngine | None
    find_python: Callable[[str], Path | None]
    lend: Callable[[Path, str], bool] | None = None

    @property
    def best(self) -> str:
        """What the result depends on when the runtime image itself compiles."""
        return f"runtime {self.runtime.digest}"

    def within_reach(self) -> str:
        """Return what the result will depend on here and now: the best, a host's Python, none."""
        if self.engine is not None:
            return self.best
        minor = self.runtime.recipe.spec.version
        return f"host {minor}" if self.find_python(minor) is not None else _NOT

    def check(self, kind: LayerKind) -> None:
        """Allow that a layer of the `kind` is made."""

    def compile(self, folder: Path, place: str, *, notify: Notify) -> str:
        """Compile the tree at `folder`, which will lie at `place` in the image.

        Files that are not valid for this Python stay uncompiled, as they are when installed.

        Returns:
            What the result depends on, in the words of `best` and `within_reach`.
        """
        if next(folder.rglob("*.py"), None) is None:
            return self.best
        minor = self.runtime.recipe.spec.version
        own = folder / _OWN
        if self.engine is not None:
            reference = ensure_loaded(self.runtime.image, self.engine, notify=notify)
            problem = self._in_container(reference, folder, place)
            if next(folder.rglob("*.pyc"), None) is not None:
                return self.best
            notify(Warned(f"packages could not be compiled in {reference}: {problem}"))
            return _NOT
        if self.lend is None and _runs(own):
            # It is in the image as it is here: no other Python could compile otherwise.
            _compile_here(folder, place, own)
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
        _compile_here(folder, place, python)
        return self.within_reach()

    def _in_container(self, reference: str, folder: Path, place: str) -> str:
        """Compile in the image `reference`; return why that failed, empty when it did not."""
        assert self.engine is not None
        if not (folder / _OWN).is_file():
            command = ["sh", "-c", _script(folder, _MOUNT, place)]
            return self.engine.run(reference, command, folder, _MOUNT)
        lent = folder / _LENT
        try:
            prefix = place
            if self.lend is not None:
                prefix = f"{place}/{_LENT}"
                if not self.lend(lent, prefix):
                    return "the lock has no Python for this machine that could compile them"
            # A whole environment finds its own libraries only where it belongs.
            command = ["sh", "-c", _script(folder, place, place, f"{prefix}/{_OWN}")]
            return self.engine.run(reference, command, folder, place)
        finally:
            shutil.rmtree(lent, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Earlier(Compiler):
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


def groups(folder: Path) -> list[list[str]]:
    """Return the top of the tree at `folder` in at most four groups of about the same size.

    The result depends on names and sizes alone.
    """
    sizes = {path.relative_to(folder).as_posix(): _size(path) for path in _tops(folder)}
    found: list[list[str]] = [[] for _ in range(_GROUPS)]
    filled = [0] * _GROUPS
    for name in sorted(sizes, key=lambda name: (-sizes[name], name)):
        if sizes[name]:
            place = filled.index(min(filled))
            found[place].append(name)
            filled[place] += sizes[name]
    return [sorted(group) for group in found if group]


def _tops(folder: Path) -> list[Path]:
    """Return what is compiled as a whole: a whole environment has all of it in two folders."""
    (*libraries,) = (folder / "lib").glob("python3.*") if (folder / _OWN).is_file() else ()
    if not libraries:
        return list(folder.iterdir())
    packages = [library / "site-packages" for library in libraries]
    parents = [path for path in (*libraries, *packages) if path.is_dir()]
    return [path for parent in parents for path in parent.iterdir() if path not in packages]


def _size(path: Path) -> int:
    """Return the bytes of Python source at `path` or below it."""
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*.py"))
    return path.stat().st_size if path.suffix == ".py" else 0


def _script(folder: Path, seen: str, place: str, python: str = "python3") -> str:
    """Return the shell script that compiles the tree which lies at `seen` for the compiler."""
    # -B: what the compiler itself imports is written as the rest is.
    how = [python, "-B", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    how += ["-x", _SKIP, "-s", seen, "-p", place]
    lines = [
        shlex.join([*how, *(f"{seen}/{name}" for name in group)]) + " &" for group in groups(folder)
    ]
    return "\n".join([*lines, "wait"])


def _compile_here(folder: Path, place: str, python: Path) -> None:
    script = _script(folder, str(folder), place, str(python))
    env = {**os.environ, "PYTHONHASHSEED": "0"}
    subprocess.run(["sh", "-c", script], env=env, capture_output=True, check=False)


def _runs(python: Path) -> bool:
    if not python.is_file():
        return False
    try:
        done = subprocess.run([str(python), "-B", "-I", "-c", ""], capture_output=True, check=False)
    except OSError:  # of another processor
        return False
    return done.returncode == 0
