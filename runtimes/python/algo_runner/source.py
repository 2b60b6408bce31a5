"""The author's modules: import them afresh, beside the old ones, always from their source."""

from __future__ import annotations

import ast
import errno
import gc
import hashlib
import importlib
import importlib.machinery
import importlib.util
import linecache
import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from algo_runner import reads, syntax

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import CodeType, ModuleType


# Seconds that a file which had content, and is empty, has to get some: to write it anew, most
# programs empty it first.
_EMPTIED = 0.05
# New objects before a collection, and collections before one of older objects.
_SELDOM = (50_000, 20, 100)


class FreshLoader(importlib.machinery.SourceFileLoader):
    """Compiles from the source every time.

    A `.pyc` is trusted by the second and the size of its source; an edit within one second
    that keeps the size would be missed.
    """

    _filled: ClassVar[set[str]] = set()
    digest = b""

    def get_code(self, fullname: str) -> CodeType:
        """Return the code of the source as it is now."""
        path = self.get_filename(fullname)
        with reads.unnoticed():
            source = self._settled(path)
        self.digest = hashlib.blake2b(source, digest_size=16).digest()
        return self.source_to_code(source, path)

    def _settled(self, path: str) -> bytes:
        """Return what is in a file, not what is in it between its emptying and its writing."""
        end = time.monotonic() + _EMPTIED
        while not (source := self.get_data(path)) and path in self._filled:
            if time.monotonic() > end:
                self._filled.discard(path)
            time.sleep(0.002)
        if source:
            self._filled.add(path)
        return source


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
    """The author's folder and the modules that came from it.

    Args:
        root: The folder.
        entry: The entry's file, relative to it.
        written_for: Whose development kit its code begins by (`algo_runner.kit`), empty for none.
    """

    def __init__(self, root: Path, entry: str, written_for: str = "") -> None:
        self.root = root
        self.entry = root / entry
        self.written_for = written_for
        # Algorithmia's is `src.name`, so that `from . import` works in it.
        self.name = ".".join(Path(entry).with_suffix("").parts) if written_for else self.entry.stem
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

    def modules(self) -> list[ModuleType]:
        """Return the modules that came from the project's folder."""
        return [module for module in list(sys.modules.values()) if self.owns(module)]

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
            for statement in _imports(file):
                for alias in statement.names:
                    own = self.files_of_import(file, statement, alias)
                    waiting += own
                    if not own and not statement_level(statement):
                        names |= dict.fromkeys(self._foreign(statement, alias))
        return seen, list(names)

    def _foreign(self, statement: ast.Import | ast.ImportFrom, alias: ast.alias) -> list[str]:
        """Return what one name of an import may mean of packages, none when it is the project's."""
        module = alias.name if isinstance(statement, ast.Import) else statement.module or ""
        if self._is_own(module.partition(".")[0]):
            return []
        if isinstance(statement, ast.Import) or alias.name == "*":
            return [module]
        return [module, f"{module}.{alias.name}"]

    def _is_own(self, name: str) -> bool:
        """Tell whether a top-level name lies in the project: a module, a folder, an extension."""
        return any(
            self.file_of(name) is not None
            or any((folder / name).glob("*.py"))
            or any(folder.glob(f"{name}.*so"))
            or any(folder.glob(f"{name}.*pyd"))
            for folder in self.folders
        )

    def relative(self, file: Path, level: int, name: str) -> Path | None:
        """Return the file that `level` dots and `name` mean in `file`."""
        folder = file.parent
        for _ in range(level - 1):
            folder = folder.parent
        return _module_file(folder.joinpath(*name.split(".")) if name else folder)

    def package_of(self, file: Path, statement: ast.ImportFrom) -> Path | None:
        """Return the project's file that `from … import` in `file` takes names from."""
        if not statement.level:
            return self.file_of(statement.module or "")
        return self.relative(file, statement.level, statement.module or "")

    def file_of_import(
        self, file: Path, statement: ast.Import | ast.ImportFrom, alias: ast.alias
    ) -> Path | None:
        """Return the project's file that one name of an import in `file` stands for."""
        if isinstance(statement, ast.Import):
            return self.file_of(alias.name)
        module = statement.module or ""
        below = f"{module}.{alias.name}" if module else alias.name
        found = None
        if alias.name != "*":
            if statement.level:
                found = self.relative(file, statement.level, below)
            else:
                found = self.file_of(below)
        return found or self.package_of(file, statement)

    def files_of_import(
        self, file: Path, statement: ast.Import | ast.ImportFrom, alias: ast.alias
    ) -> list[Path]:
        """Return the project's files that one name of an import in `file` has run, packages too."""
        found = {self.file_of_import(file, statement, alias)}
        if isinstance(statement, ast.ImportFrom):
            found.add(self.package_of(file, statement))
        module = alias.name if isinstance(statement, ast.Import) else statement.module or ""
        if not statement_level(statement):
            parts = module.split(".")
            found |= {self.file_of(".".join(parts[:end])) for end in range(1, len(parts) + 1)}
        return [path for path in found if path is not None]


def digest_of(modules: Mapping[str, ModuleType]) -> str:
    """Return what tells the sources that `modules`, all of a project, were made of from others."""
    total = hashlib.blake2b(digest_size=16)
    for name, module in sorted(modules.items()):
        total.update(b"%b\0%b" % (name.encode(), getattr(module.__loader__, "digest", b"")))
    return total.hexdigest()


def statement_level(statement: ast.Import | ast.ImportFrom) -> int:
    """Return how many dots an import begins with."""
    return statement.level if isinstance(statement, ast.ImportFrom) else 0


def _module_file(base: Path) -> Path | None:
    candidates = (base / "__init__.py", base.with_name(f"{base.name}.py"))
    return next((file for file in candidates if file.is_file()), None)


def _imports(file: Path) -> list[ast.Import | ast.ImportFrom]:
    try:
        return list(syntax.imports(syntax.parse(file)))
    except (OSError, SyntaxError, ValueError):
        return []


def import_quietly(names: Sequence[str]) -> None:
    """Import what can be imported: a name may be an attribute, a package may be absent."""
    with few_collections():
        for name in names:
            parent, _, attribute = name.rpartition(".")
            if parent in sys.modules and hasattr(sys.modules[parent], attribute):
                continue
            try:
                importlib.import_module(name)
            except BaseException:
                continue


@contextmanager
def few_collections() -> Iterator[None]:
    """Look for garbage seldom in a block.

    What an import makes stays; to look through it again and again takes a tenth of its time. What
    the block itself sets stays, too.
    """
    before = gc.get_threshold()
    gc.set_threshold(*_SELDOM)
    try:
        yield
    finally:
        if gc.get_threshold() == _SELDOM:
            gc.set_threshold(*before)
