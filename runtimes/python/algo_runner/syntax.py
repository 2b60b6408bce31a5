"""The top level of a project's file: what binds a name, and what else its import does."""

from __future__ import annotations

import ast
import gc
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DEFINITIONS = (*FUNCTIONS, ast.ClassDef)
_IMPORTS = (ast.Import, ast.ImportFrom)
# What a call of makes something that no code of the project changes.
_SETTLED = frozenset({"getLogger", "TypeVar", "ParamSpec", "NewType", "Path", "PurePath"})


@dataclass
class Module:
    """One file.

    Attributes:
        bound: The statements that bind a name, in order: their places in `statements`.
        effects: Those that may change anything: they count always.
        stars: `from x import *`.
        variables: Names that are not only functions, classes, modules and constants.
        lazy: Imports inside functions.
    """

    path: Path
    statements: list[ast.stmt] = field(default_factory=list)
    bound: dict[str, list[int]] = field(default_factory=dict)
    effects: list[int] = field(default_factory=list)
    stars: list[ast.ImportFrom] = field(default_factory=list)
    variables: set[str] = field(default_factory=set)
    lazy: list[ast.Import | ast.ImportFrom] = field(default_factory=list)


_parsed: dict[Path, tuple[bytes, Module]] = {}


def parse(path: Path) -> Module:
    """Return the file at `path`, parsed again only when it changed.

    Raises:
        OSError, SyntaxError, ValueError: It cannot be read or parsed.
    """
    source = path.read_bytes()
    known = _parsed.get(path)
    if known is not None and known[0] == source:
        return known[1]
    module = Module(path)
    for statement in _parsed_alone(source, str(path)).body:
        if not _is_inert(statement):
            _add(module, statement)
    _parsed[path] = source, module
    return module


def _parsed_alone(source: bytes, file: str) -> ast.Module:
    """Return the source's tree.

    CPython before 3.11.9 and 3.12.3 (python/cpython gh-106905) raises a `SystemError` where a
    thread of the author's parses in the middle of it, as `traceback` does for a log. They change
    places in what a collection calls, a finalizer say, so there is none.
    """
    collected = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(source, file)
    finally:
        if collected:
            gc.enable()


def imports(module: Module) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield every import of the file, wherever it stands."""
    for statement in module.statements:
        for node in ast.walk(statement):
            if isinstance(node, _IMPORTS):
                yield node


def executed(statement: ast.stmt) -> list[ast.AST]:
    """Return what an import runs of a statement that only binds names, none when it calls nothing.

    Of a function these are its decorators and defaults, of a class all but its methods' bodies.
    """
    if isinstance(statement, FUNCTIONS):
        parts: list[ast.AST] = list(statement.decorator_list)
        parts += [part for part in _defaults(statement) if _calls(part)]
        return parts
    if isinstance(statement, ast.ClassDef):
        # Its bases may register it (`__init_subclass__`, a metaclass).
        return [statement] if statement.bases or statement.keywords or _calls(statement) else []
    return [statement] if not isinstance(statement, _IMPORTS) and _calls(statement) else []


def _add(module: Module, statement: ast.stmt) -> None:
    at = len(module.statements)
    module.statements.append(statement)
    if isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*":
        module.stars.append(statement)
    for function in [node for node in ast.walk(statement) if isinstance(node, FUNCTIONS)]:
        module.lazy += [node for node in ast.walk(function) if isinstance(node, _IMPORTS)]
    names = binds(statement)
    for name in names:
        module.bound.setdefault(name, []).append(at)
    if not _only_binds(statement):
        module.effects.append(at)
    if not isinstance(statement, (*_DEFINITIONS, *_IMPORTS)) and not _is_settled(statement):
        module.variables |= names


def binds(statement: ast.stmt) -> set[str]:
    """Return the names that a top-level statement binds, nested blocks included."""
    if isinstance(statement, _DEFINITIONS):
        return {statement.name}
    if isinstance(statement, _IMPORTS):
        return _imported(statement)
    names: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, _DEFINITIONS):
            names.add(node.name)
        elif isinstance(node, _IMPORTS):
            names |= _imported(node)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            names.add(node.name)
    return names


def _imported(statement: ast.Import | ast.ImportFrom) -> set[str]:
    return {alias.asname or alias.name.partition(".")[0] for alias in statement.names} - {"*"}


def _only_binds(statement: ast.stmt) -> bool:
    """Tell whether nothing happens but that names get values."""
    if isinstance(statement, (*_DEFINITIONS, *_IMPORTS, ast.Pass)):
        return True
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        return all(_is_name(target) for target in targets)
    if isinstance(statement, ast.If | ast.Try):
        return not any(
            isinstance(node, ast.Call | ast.Delete | ast.Raise | ast.Assert | ast.Await)
            or (isinstance(node, ast.Attribute | ast.Subscript) and not _is_read(node))
            for node in _outside_functions(statement)
        )
    return type(statement).__name__ == "TypeAlias"


def _is_name(target: ast.expr) -> bool:
    if isinstance(target, ast.Tuple | ast.List):
        return all(_is_name(part) for part in target.elts)
    return isinstance(target, ast.Name) or (
        isinstance(target, ast.Starred) and _is_name(target.value)
    )


def _is_read(node: ast.Attribute | ast.Subscript) -> bool:
    return isinstance(node.ctx, ast.Load)


def _is_settled(statement: ast.stmt) -> bool:
    """Tell whether what a statement binds is the same for good: a constant, a logger, a path."""
    value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
    if isinstance(statement, ast.If | ast.Try):
        return all(
            _is_settled(part) or isinstance(part, (*_IMPORTS, *_DEFINITIONS, ast.Pass))
            for part in ast.iter_child_nodes(statement)
            if isinstance(part, ast.stmt)
        )
    return isinstance(statement, ast.AnnAssign) if value is None else _is_immutable(value)


def _is_immutable(value: ast.expr) -> bool:
    if isinstance(value, ast.Constant | ast.JoinedStr):
        return True
    if isinstance(value, ast.Tuple):
        return all(_is_immutable(part) for part in value.elts)
    if isinstance(value, ast.UnaryOp):
        return _is_immutable(value.operand)
    if isinstance(value, ast.BinOp):
        return _is_immutable(value.left) and _is_immutable(value.right)
    if isinstance(value, ast.Attribute):  # Path(__file__).parent
        return _is_immutable(value.value)
    if isinstance(value, ast.Name):
        return value.id in {"__file__", "__name__"}
    if not isinstance(value, ast.Call):
        return False
    function = value.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name in _SETTLED:
        return True
    # re.compile, and methods of a path or a text.
    return isinstance(function, ast.Attribute) and (
        (name == "compile" and getattr(function.value, "id", "") == "re")
        or _is_immutable(function.value)
    )


def _calls(node: ast.AST) -> bool:
    return any(
        isinstance(part, ast.Call | ast.Await) or getattr(part, "decorator_list", None)
        for part in _outside_functions(node)
    )


def _defaults(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.AST]:
    arguments = function.args
    return [part for part in (*arguments.defaults, *arguments.kw_defaults) if part is not None]


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes below, but not those of function bodies: an import does not run them."""
    waiting = [node]
    while waiting:
        here = waiting.pop()
        yield here
        if isinstance(here, FUNCTIONS):
            waiting += [*here.decorator_list, *_defaults(here)]
        elif not isinstance(here, ast.Lambda):
            waiting += ast.iter_child_nodes(here)


def _is_inert(statement: ast.stmt) -> bool:
    """Tell whether an import does nothing with it: a docstring, or what only a script runs."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    if not isinstance(statement, ast.If) or statement.orelse:
        return False
    names = {node.id for node in ast.walk(statement.test) if isinstance(node, ast.Name)}
    return names == {"__name__"}
