"""What `load` depends on: found in the syntax, so that comments and `apply` do not count."""

from __future__ import annotations

import ast
import builtins
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from algo_runner.source import Project


@dataclass(frozen=True)
class Fingerprint:
    """A digest of all that `load` reaches; `classes` tells whether classes are among it.

    An instance made by a class of the old module is not one of the new module's class, so
    state that may hold such instances is not kept.
    """

    digest: str
    classes: bool


@dataclass
class _Module:
    """The top level of a project's file: which statements bind a name, and the others."""

    path: Path
    bound: dict[str, list[ast.stmt]] = field(default_factory=dict)
    effects: list[ast.stmt] = field(default_factory=list)
    stars: list[ast.ImportFrom] = field(default_factory=list)

    @classmethod
    def parse(cls, path: Path) -> _Module:
        module = cls(path)
        for statement in ast.parse(path.read_bytes(), str(path)).body:
            if isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*":
                module.stars.append(statement)
            names = set() if _is_inert(statement) else _binds(statement)
            for name in names:
                module.bound.setdefault(name, []).append(statement)
            if not names and not _is_inert(statement):
                module.effects.append(statement)
        return module


def fingerprint(project: Project) -> Fingerprint:
    """Return the fingerprint of the entry module's `load` and all that it reaches.

    Raises:
        OSError, SyntaxError, ValueError: A file of the project cannot be read or parsed.
    """
    walk = _Walk(project)
    walk.visit(project.entry, "load")
    text = "\n".join(sorted(walk.parts))
    return Fingerprint(hashlib.sha256(text.encode()).hexdigest(), walk.classes)


class _Walk:
    def __init__(self, project: Project) -> None:
        self.project = project
        self.parts: set[str] = set()
        self.classes = False
        self._modules: dict[Path, _Module] = {}
        self._seen: set[tuple[Path, str]] = set()

    def visit(self, path: Path, name: str) -> None:
        """Add what `name` of the file at `path` is made of."""
        if (path, name) in self._seen:
            return
        self._seen.add((path, name))
        module = self._module(path)
        if name not in module.bound:
            for star in module.stars:
                self._import_from(path, star, name)
            return
        for statement in module.bound[name]:
            self._statement(path, name, statement)

    def _module(self, path: Path) -> _Module:
        if path not in self._modules:
            module = self._modules[path] = _Module.parse(path)
            # A bare statement runs at import and may change anything: it counts always.
            for statement in module.effects:
                self._add(path, "", statement)
                self._names(path, statement)
        return self._modules[path]

    def _statement(self, path: Path, name: str, statement: ast.stmt) -> None:
        if isinstance(statement, ast.Import):
            self._import(statement, name)
            return
        if isinstance(statement, ast.ImportFrom):
            self._import_from(path, statement, name)
            return
        self._add(path, name, statement)
        self.classes = self.classes or isinstance(statement, ast.ClassDef)
        self._names(path, statement)

    def _names(self, path: Path, statement: ast.stmt) -> None:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and not hasattr(builtins, node.id):
                self.visit(path, node.id)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    self._import(node, alias.asname or alias.name.partition(".")[0])
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    self._import_from(path, node, alias.asname or alias.name)

    def _import(self, statement: ast.Import, name: str) -> None:
        for alias in statement.names:
            if name in {alias.asname, alias.name.partition(".")[0]}:
                self._whole(alias.name)

    def _import_from(self, path: Path, statement: ast.ImportFrom, name: str) -> None:
        for alias in statement.names:
            if alias.name != "*" and name not in {alias.asname, alias.name}:
                continue
            original = name if alias.name == "*" else alias.name
            module = "." * statement.level + (statement.module or "")
            own = self._resolve(path, statement)
            if own is not None:
                self.visit(own, original)
            else:
                self._whole(f"{module}.{original}")

    def _resolve(self, path: Path, statement: ast.ImportFrom) -> Path | None:
        if not statement.level:
            return self.project.file_of(statement.module or "")
        return self.project.relative(path, statement.level, statement.module or "")

    def _whole(self, name: str) -> None:
        """Add a module of the project whole, of others the name: their code is locked."""
        own = self.project.file_of(name.lstrip("."))
        if own is None:
            self.parts.add(f"import {name}")
            return
        module = self._module(own)
        for bound in list(module.bound):
            self.visit(own, bound)

    def _add(self, path: Path, name: str, statement: ast.stmt) -> None:
        self.parts.add(f"{path.name}:{name}:{ast.dump(statement)}")


def _binds(statement: ast.stmt) -> set[str]:
    """Return the names that a top-level statement binds, nested blocks included."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.partition(".")[0] for alias in statement.names} - {"*"}
    names: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    return names


def _is_inert(statement: ast.stmt) -> bool:
    """Tell whether an import does nothing with it: a docstring, or what only a script runs."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    if not isinstance(statement, ast.If) or statement.orelse:
        return False
    names = {node.id for node in ast.walk(statement.test) if isinstance(node, ast.Name)}
    return names == {"__name__"}
