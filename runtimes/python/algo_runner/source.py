"""The author's modules: import them afresh, beside the old ones, always from their source."""

from __future__ import annotations

import ast
import errno
import importlib
import importlib.machinery
import importlib.util
import linecache
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import CodeType, ModuleType


class FreshLoader(importlib.machinery.SourceFileLoader):
    """Compiles from the source every time.

    A `.pyc` is trusted by the second and the size of its source; an edit within one second
    that keeps the size would be missed.
    """

    def get_code(self, fullname: str) -> CodeType:
        """Return the code of the source as it is now."""
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


class ProjectFinder:
    """Finds modules below the project before anything else does, and only there."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = [str(folder) for folder in folders]

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of a module of the project, None for every other (PEP 451)."""
        tail = name.rpartition(".")[2]
        for folder in self.folders if path is None else path:
            if path is not None and not any(str(folder).startswith(own) for own in self.folders):
                continue
            for file in (Path(folder) / tail / "__init__.py", Path(folder) / f"{tail}.py"):
                if file.is_file():
                    return importlib.util.spec_from_file_location(
                        name, file, loader=FreshLoader(name, str(file))
                    )
        return None

    def invalidate_caches(self) -> None:
        """Nothing is cached."""


class Project:
    """The author's folder and the modules that came from it."""

    def __init__(self, root: Path, entry: str) -> None:
        self.root = root
        self.entry = root / entry
        self.name = self.entry.stem
        self.folders = [self.entry.parent] + ([root] if root != self.entry.parent else [])

    def install(self) -> None:
        """Make the project's modules importable, before any package of the same name."""
        sys.meta_path.insert(0, ProjectFinder(self.folders))
        for folder in reversed(self.folders):
            sys.path.insert(0, str(folder))

    def load(self) -> ModuleType:
        """Import the entry module afresh; on failure the old modules are as they were.

        Raises:
            BaseException: Whatever the author's code raises.
        """
        old = self._take_out()
        linecache.checkcache()
        try:
            if not self.entry.is_file():
                place = str(self.entry.relative_to(self.root))
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), place)
            return importlib.import_module(self.name)
        except BaseException:
            self.install_modules(old)
            raise

    @contextmanager
    def beside(self) -> Iterator[dict[str, ModuleType]]:
        """Keep the modules that a block imports apart: give them, and put the old ones back."""
        old = {name: module for name, module in sys.modules.items() if self.owns(module)}
        new: dict[str, ModuleType] = {}
        try:
            yield new
        finally:
            new.update(self._take_out())
            sys.modules.update(old)

    def install_modules(self, modules: Mapping[str, ModuleType]) -> None:
        """Let `modules` be the project's, in place of those that are."""
        self._take_out()
        sys.modules.update(modules)

    def _take_out(self) -> dict[str, ModuleType]:
        own = {name: module for name, module in sys.modules.items() if self.owns(module)}
        for name in own:
            del sys.modules[name]
        return own

    def owns(self, module: ModuleType | None) -> bool:
        """Tell whether `module` came from the project's folder."""
        file = getattr(module, "__file__", None)
        return isinstance(getattr(module, "__loader__", None), FreshLoader) and bool(file)

    def file_of(self, name: str) -> Path | None:
        """Return the file that the top-level or dotted module `name` would come from."""
        parts = name.split(".")
        found = (_module_file(folder.joinpath(*parts)) for folder in self.folders)
        return next((file for file in found if file is not None), None)

    def third_party(self) -> list[str]:
        """Return the modules that the project's files import and that are not its own."""
        return self._reach()[1]

    def uses(self, changed: Sequence[str]) -> bool:
        """Tell whether one of the files, given relative to the root, is imported or would be."""
        files = {self.root / path for path in changed}
        loaded = {module.__file__ for module in list(sys.modules.values()) if self.owns(module)}
        return bool(files & self._reach()[0]) or any(str(file) in loaded for file in files)

    def _reach(self) -> tuple[set[Path], list[str]]:
        """Return the project's files that the entry imports, and other modules that these do."""
        names: dict[str, None] = {}
        seen: set[Path] = set()
        waiting = [self.entry]
        while waiting:
            file = waiting.pop()
            if file in seen:
                continue
            seen.add(file)
            for level, name in _imports(file):
                own = self.relative(file, level, name) if level else self.file_of(name)
                if own is not None:
                    waiting.append(own)
                elif not level and self.file_of(name.partition(".")[0]) is None:
                    names[name] = None
        return seen, list(names)

    def relative(self, file: Path, level: int, name: str) -> Path | None:
        """Return the file that `level` dots and `name` mean in `file`."""
        folder = file.parent
        for _ in range(level - 1):
            folder = folder.parent
        return _module_file(folder.joinpath(*name.split(".")) if name else folder)


def _module_file(base: Path) -> Path | None:
    candidates = (base / "__init__.py", base.with_suffix(".py"))
    return next((file for file in candidates if file.is_file()), None)


def _imports(file: Path) -> Iterator[tuple[int, str]]:
    """Yield the dots and the name of each module, or of what may be one, that `file` imports."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if module or node.level:
                yield node.level, module
            for alias in node.names:
                yield node.level, f"{module}.{alias.name}" if module else alias.name


def import_quietly(names: Sequence[str]) -> None:
    """Import what can be imported: a name may be an attribute, a package may be absent."""
    for name in names:
        parent, _, attribute = name.rpartition(".")
        if parent in sys.modules and hasattr(sys.modules[parent], attribute):
            continue
        try:
            importlib.import_module(name)
        except BaseException:
            continue
