"""What `load` depends on: found in the syntax, so that comments and `apply` do not count.

Names are followed through functions, classes, modules and imports. What cannot be followed (`exec`,
a module that is named at run time) is doubtful, and then state is never kept.
"""

from __future__ import annotations

import ast
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from algo_runner import syntax

if TYPE_CHECKING:
    from pathlib import Path

    from algo_runner.source import Project

_DOUBTFUL = frozenset({"exec", "eval", "globals", "__import__"})
# Of importlib and runpy: they run a file that only the value of a variable names.
_DOUBTFUL_METHODS = frozenset(
    {"exec_module", "load_module", "run_path", "run_module", "reload", "spec_from_file_location"}
)


@dataclass(frozen=True)
class Fingerprint:
    """A digest of all that `load` reaches.

    Attributes:
        digest: The same for the same code, whatever else the files hold.
        classes: Whether classes are among it: an instance of the old one is not one of the new.
        variables: Module-level variables among it, as file and name: `load` may change them, or
            return what they hold.
        doubtful: Whether it may depend on more than was found.
        lazy: Whether a function of the project imports a module of it when it is called.
        files: Those that were looked at.
    """

    digest: str
    classes: bool
    variables: frozenset[tuple[str, str]] = frozenset()
    doubtful: bool = False
    lazy: bool = False
    files: frozenset[str] = frozenset()


def fingerprint(project: Project) -> Fingerprint:
    """Return the fingerprint of the entry module's `load` and all that it reaches.

    Raises:
        OSError, SyntaxError, ValueError: A file of the project cannot be read or parsed.
    """
    modules = _graph(project)
    walk = _Walk(project)
    walk.visit(project.entry, "load")
    for path in modules:
        walk.effects(path)
    while _touching(project, walk, modules):
        pass  # what changes a variable may reach further ones
    dumps = []
    for path, places in sorted(walk.statements.items()):
        module = syntax.parse(path)
        names = path.relative_to(project.root)
        dumps += [f"{names}:{ast.dump(module.statements[at])}" for at in sorted(places)]
    text = "\n".join([*sorted(walk.foreign), *dumps])
    return Fingerprint(
        digest=hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest(),
        classes=walk.classes,
        variables=frozenset((str(path), name) for path, name in walk.variables),
        doubtful=walk.doubtful,
        lazy=any(
            project.file_of_import(path, node, alias) is not None
            for path in modules
            for node in syntax.parse(path).lazy
            for alias in node.names
        ),
        files=frozenset(map(str, modules)),
    )


def _graph(project: Project) -> list[Path]:
    """Return the files of the project that an import of the entry runs, or may run."""
    found: dict[Path, None] = {}
    waiting = [project.entry]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found[path] = None
        for node in syntax.imports(syntax.parse(path)):
            for alias in node.names:
                waiting += project.files_of_import(path, node, alias)
    return list(found)


def _touching(project: Project, walk: _Walk, modules: list[Path]) -> bool:
    """Add what changes a variable that `load` reaches while it is imported; tell if there was any.

    `REGISTRY.append(1)` counts always; `@register` before a function that `load` does not name, or
    `_ = REGISTRY.pop()`, count when what they reach and what `load` reaches meet in a variable.
    """
    added = False
    for path in modules:
        module = syntax.parse(path)
        for at, statement in enumerate(module.statements):
            if at in walk.statements.get(path, ()):
                continue
            parts = syntax.executed(statement)
            if not parts:
                continue
            other = _Walk(project)
            for part in parts:
                other.names(path, part)
            if other.variables & walk.variables:
                walk.add(path, at)
                added = True
    return added


class _Walk:
    """Follows names. `statements` are the places of those that were reached, by file."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.statements: dict[Path, set[int]] = {}
        self.foreign: set[str] = set()
        self.variables: set[tuple[Path, str]] = set()
        self.classes = False
        self.doubtful = False
        self._seen: set[tuple[Path, str]] = set()

    def visit(self, path: Path, name: str) -> None:
        """Add what `name` of the file at `path` is made of."""
        if (path, name) in self._seen:
            return
        self._seen.add((path, name))
        module = syntax.parse(path)
        for star in module.stars:
            self._import_from(path, star, name)
        if name in module.variables:
            self.variables.add((path, name))
        for at in module.bound.get(name, ()):
            statement = module.statements[at]
            if isinstance(statement, ast.Import):
                self._import(statement, name)
            elif isinstance(statement, ast.ImportFrom):
                self._import_from(path, statement, name)
            else:
                self.add(path, at)

    def effects(self, path: Path) -> None:
        """Add what happens at the import of a file besides that names are bound."""
        for at in syntax.parse(path).effects:
            self.add(path, at)

    def add(self, path: Path, at: int) -> None:
        """Add a statement and what it names."""
        places = self.statements.setdefault(path, set())
        if at not in places:
            places.add(at)
            self.names(path, syntax.parse(path).statements[at])

    def names(self, path: Path, tree: ast.AST) -> None:
        """Add what the names in `tree` are made of."""
        for node in ast.walk(tree):
            if isinstance(node, ast.Name):
                self.doubtful = self.doubtful or node.id in _DOUBTFUL
                self.visit(path, node.id)
            elif isinstance(node, ast.ClassDef):
                self.classes = True
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    self._import(node, alias.asname or alias.name.partition(".")[0])
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    self._import_from(path, node, alias.asname or alias.name)
            elif isinstance(node, ast.Call):
                self._call(node)

    def _call(self, node: ast.Call) -> None:
        """Follow `import_module("name")`; doubt what only a run could follow."""
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        if name in _DOUBTFUL_METHODS:
            self.doubtful = True
        elif name == "import_module":
            first = node.args[0] if node.args else None
            named = first.value if isinstance(first, ast.Constant) else None
            if isinstance(named, str) and not named.startswith("."):
                self._whole(named)
            else:
                self.doubtful = True

    def _import(self, statement: ast.Import, name: str) -> None:
        for alias in statement.names:
            if name in {alias.asname, alias.name.partition(".")[0]}:
                self._whole(alias.name)

    def _import_from(self, path: Path, statement: ast.ImportFrom, name: str) -> None:
        for alias in statement.names:
            if alias.name != "*" and name != (alias.asname or alias.name):
                continue
            original = name if alias.name == "*" else alias.name
            package = self.project.package_of(path, statement)
            below = self.project.file_of_import(path, statement, ast.alias(original))
            if below is not None and below != package:
                self._file(below)  # a module of the package
            if package is not None:
                self.visit(package, original)
            elif below is None and alias.name != "*":
                dots = "." * statement.level
                self.foreign.add(f"import {dots}{statement.module or ''}.{original}")

    def _whole(self, name: str) -> None:
        """Add a module of the project whole, of others the name: their code is locked."""
        parts = name.split(".")
        found = False
        for end in range(1, len(parts) + 1):
            own = self.project.file_of(".".join(parts[:end]))
            if own is not None:
                self._file(own)
                found = True
        if not found:
            self.foreign.add(f"import {name}")

    def _file(self, path: Path) -> None:
        """Add all of a file: any of its names may be reached through an attribute."""
        if (path, "*") in self._seen:
            return
        self._seen.add((path, "*"))
        module = syntax.parse(path)
        for name in list(module.bound):
            self.visit(path, name)
        for star in module.stars:
            package = self.project.package_of(path, star)
            if package is not None:
                self._file(package)
