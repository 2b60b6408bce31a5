"""Which handler answers which method and path."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from algo_gateway.access.tokens import CALL

# Takes the scope and the protocol of RSGI 1.5 and sends the answer, now or as a coroutine.
Handler = Callable[[Any, Any], Coroutine[Any, Any, None] | None]


class Routes:
    """Paths, and patterns: `*` stands for one segment, `**` at the end for one or more.

    What a path does not take, no pattern takes for it.
    """

    def __init__(self) -> None:
        self._exact: dict[tuple[str, str], Handler] = {}
        self._paths: set[str] = set()
        self._patterns: list[tuple[str, list[str], Handler]] = []
        self._scopes: dict[Handler, str] = {}

    def add(self, methods: str, path: str, handler: Handler, scope: str = CALL) -> None:
        """Let `handler` answer `methods` (between spaces) of `path`, which may be a pattern.

        Where tokens are wanted, one needs `scope` to get there; everybody does when it is empty.
        """
        self._scopes[handler] = scope
        for method in methods.split():
            if "*" in path:
                self._patterns.append((method, path.split("/"), handler))
            else:
                self._exact[method, path] = handler
                self._paths.add(path)

    def find(self, method: str, path: str) -> Handler | None:
        """Return the handler, None when there is none."""
        found = self._exact.get((method, path))
        if found is not None:
            return found
        if path in self._paths:
            return None
        segments = path.split("/")
        for known, pattern, handler in self._patterns:
            if known == method and _fits(segments, pattern):
                return handler
        return None

    def scope_of(self, handler: Handler) -> str:
        """Return the scope that a token needs to get to `handler`, empty for none."""
        return self._scopes.get(handler, CALL)

    def route_of(self, method: str, path: str) -> str:
        """Return the path, or the pattern of it, that is routed; empty when there is none."""
        if (method, path) in self._exact:
            return path
        segments = path.split("/")
        for known, pattern, _ in self._patterns:
            if known == method and _fits(segments, pattern):
                return "/".join(pattern)
        return ""

    def allowed(self, path: str) -> list[str]:
        """Return the methods that `path` takes."""
        if path in self._paths:
            return sorted(method for method, known in self._exact if known == path)
        segments = path.split("/")
        methods = {known for known, pattern, _ in self._patterns if _fits(segments, pattern)}
        return sorted(methods)


def _fits(segments: list[str], pattern: list[str]) -> bool:
    if pattern[-1] == "**" and len(segments) >= len(pattern):
        segments, pattern = segments[: len(pattern) - 1], pattern[:-1]
    return len(segments) == len(pattern) and all(
        wanted == given or (wanted == "*" and given)
        for given, wanted in zip(segments, pattern, strict=True)
    )
