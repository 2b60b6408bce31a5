"""The author's functions, loaded: `apply`, what `load` returned, and what that depends on."""

from __future__ import annotations

import inspect
import time
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from algo_runner import kit, reads
from algo_runner.dependencies import Fingerprint, fingerprint
from algo_runner.loading import Loaded
from algo_runner.purity import apart
from algo_runner.typed.signature import Signature, signature
from algo_runner.values import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType, SimpleNamespace

    from algo_runner.source import Project
    from algo_runner.typed.stacking import Stack

# An import that takes longer than this would hold up the calls behind it: such code is
# reloaded in a new worker, beside the old one.
SLOW_IMPORT = 0.1


@dataclass(frozen=True)
class Algorithm:
    """One complete version of the author's code; calls in flight keep the one they began with.

    `loaded` is what is known of the call of `load`, `opened` what the import read besides modules.
    With `batch`, `apply` takes a list of inputs and returns as many results; with `stack` they
    are arrays. `read` takes a body and its content type and returns the input of a call.
    """

    apply: Callable[..., Any]
    load: Callable[..., Any] | None
    takes_state: bool
    fingerprint: Fingerprint
    import_seconds: float
    batch: bool = False
    state: Any = None
    schema: dict[str, Any] = field(default_factory=dict)
    loaded: Loaded = field(default_factory=Loaded)
    opened: frozenset[str] = frozenset()
    read: Callable[[bytes, str], Any] = decode
    stack: Stack | None = None

    @property
    def is_async(self) -> bool:
        """Whether it runs on an event loop."""
        functions = [self.apply] + ([self.load] if self.load else [])
        return any(
            inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
            for function in functions
        )

    def call(self, value: Any) -> Any:
        """Call `apply` with an input, or a list of them; an `async` one returns its coroutine."""
        return self.apply(value, self.state) if self.takes_state else self.apply(value)

    def load_state(self, models: Mapping[str, str]) -> Any:
        """Call `load` with the models when it takes them; None when there is no `load`."""
        if self.load is None:
            return None
        return self.load(dict(models)) if _positional(self.load) else self.load()

    def keeps_state_for(
        self, new: Fingerprint, modules: Sequence[ModuleType], *, patient: bool = False
    ) -> bool:
        """Tell whether the state is what the new code's `load` would make again.

        Code that is slow to import is better loaded in a new worker, unless `patient`. `modules`
        are the project's, as they are.
        """
        if self.import_seconds > SLOW_IMPORT and not patient:
            return False
        doubtful = new.doubtful or self.fingerprint.doubtful
        if new.digest != self.fingerprint.digest or doubtful or not self.loaded.pure:
            return False
        if self.state is None or not (new.classes or new.variables):
            return True
        return apart(self.state, modules)


class BadSignature(TypeError):
    """A function of the author's cannot be called as the contract says; where it is written."""

    __module__ = "builtins"  # a stack trace names it without the place of our file

    def __init__(self, message: str, function: Callable[..., Any]) -> None:
        super().__init__(message)
        code = getattr(inspect.unwrap(function), "__code__", None)
        self.filename = "" if code is None else code.co_filename
        self.lineno = 0 if code is None else code.co_firstlineno


def import_algorithm(project: Project, function: str, *, watched: bool = False) -> Algorithm:
    """Import the project's code afresh; its `load` is not called yet.

    With `watched` it is noted what is read meanwhile.

    Raises:
        BaseException: Whatever the author's code raises; AttributeError without `function`,
            BadSignature where it, or `load`, cannot be called as it will be.
    """
    found = fingerprint(project) if project.entry.is_file() else Fingerprint("", classes=False)
    if project.written_for:
        kit.forget()
    began = time.perf_counter()
    with reads.noting() if watched else nullcontext(set[str]()) as opened:
        module: ModuleType | SimpleNamespace = project.load()
    seconds = time.perf_counter() - began
    if project.written_for:
        module = kit.functions(module)
        if hasattr(module, "load"):  # by any name: nothing was followed from there
            found = replace(found, doubtful=True)
    single = function.removesuffix("_batch")  # a name that ends so is that of a batch itself
    many = f"{single}_batch"
    batched = getattr(module, many, None)
    apply = batched if callable(batched) else _function(module, function, project)
    batch = callable(batched) or getattr(apply, "batch", False) is True
    load = getattr(module, "load", None)
    load = load if callable(load) else None
    _check(apply, many if apply is batched else function, least=1, most=2)
    if load is not None:
        _check(load, "load", least=0, most=1)
    annotated = _signature(apply, batch=batch)
    beside = getattr(module, single, None)
    if apply is batched and not annotated.schema and callable(beside):
        annotated = _signature(beside, batch=False)  # it says what one input is
    return Algorithm(
        apply=apply,
        load=load,
        takes_state=_positional(apply) >= 2,
        fingerprint=found,
        import_seconds=seconds,
        batch=batch,
        opened=frozenset(opened),
        schema=annotated.schema,
        read=annotated.read,
        stack=annotated.stack,
    )


def with_state(algorithm: Algorithm, state: Any, loaded: Loaded) -> Algorithm:
    """Return `algorithm` with what its `load` returned, and what is known of that."""
    return replace(algorithm, state=state, loaded=loaded)


def _signature(apply: Callable[..., Any], *, batch: bool) -> Signature:
    try:
        return signature(apply, batch=batch)
    except Exception as error:  # of ours, or of classes of the author's and of packages
        told = str(error)
        if type(error).__name__ != "BadAnnotation":
            name = getattr(apply, "__name__", "apply")
            kind = type(error).__name__
            told = f"the annotations of {name} cannot be read: {kind}: {told}"
        raise BadSignature(told, apply) from None


def _function(module: object, name: str, project: Project) -> Callable[..., Any]:
    found = getattr(module, name, None)
    if not callable(found):
        raise AttributeError(f"{project.entry.relative_to(project.root)} has no function {name}")
    return found


_FORMS = {0: "load() or load(models)", 1: "{0}(input) or {0}(input, state)"}


def _check(function: Callable[..., Any], name: str, *, least: int, most: int) -> None:
    """Refuse a function that does not take from `least` to `most` arguments by position.

    Raises:
        BadSignature: It takes fewer, or needs more.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return  # of C: the first call tells
    taken = _positional(function)
    needed = [one for one in parameters if one.default is one.empty and one.kind in _NAMED]
    free = any(one.kind is one.VAR_POSITIONAL for one in parameters)
    extra = [one.name for one in needed if one.kind is one.KEYWORD_ONLY] or [
        one.name for one in needed[most:]
    ]
    if extra or (taken < least and not free):
        fault = f"nothing gives {extra[0]!r} to it" if extra else "it takes no input"
        raise BadSignature(
            f"{name} cannot be called: {fault}; write it as {_FORMS[least].format(name)}", function
        )


_NAMED = frozenset(
    {
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        inspect.Parameter.KEYWORD_ONLY,
    }
)


def _positional(function: Callable[..., Any]) -> int:
    kinds = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 1
    return sum(parameter.kind in kinds for parameter in parameters)
