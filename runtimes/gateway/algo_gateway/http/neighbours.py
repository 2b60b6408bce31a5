"""Other algorithms: calls of them are passed on to what runs them."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import msgspec

from algo_gateway.http import answers
from algo_gateway.http.forward import pass_on

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from algo_gateway.http.routes import Routes

PREFIX = "/v1/algo"
_KEPT = frozenset("._-")


class Neighbours:
    """Answers `POST /v1/algo/OWNER/NAME[/VERSION]` for every algorithm there is.

    Args:
        name: Our own.
        own: Answers calls of our own.
        way: Where others are: `unix:PATH` or `http://HOST:PORT`, empty for nowhere.
        stuck: Tells whether a call of our own by our own code would wait for itself.
    """

    def __init__(
        self,
        name: str,
        own: Callable[[Any, Any], Coroutine[Any, Any, None]],
        way: str,
        stuck: Callable[[], bool] = lambda: False,
    ) -> None:
        self._name = name
        self._stuck = stuck
        self._own = own
        self._way = way

    def register(self, routes: Routes) -> None:
        """Add its paths."""
        for path in (f"{PREFIX}/*/*", f"{PREFIX}/*/*/*"):
            routes.add("POST", path, self.handle)

    async def handle(self, scope: Any, proto: Any) -> None:
        """Answer a call of one of them."""
        owner, name = scope.path.split("/")[3:5]
        if f"{component(owner)}/{component(name)}" == self._name:
            if self._stuck():
                text = f"{self._name} calls itself, and its only worker waits for the answer"
                _refuse(proto, f"{text}: set workers under [serving] in algo.toml", "calls_itself")
                return
            await self._own(scope, proto)
            return
        try:
            body: bytes = await proto()
            reader, writer = await self._reach()
            await pass_on(reader, writer, scope, proto, body)
        except ConnectionResetError:
            return  # the client went away
        except (OSError, ValueError, EOFError, asyncio.LimitOverrunError) as error:
            nowhere = "nothing here runs other algorithms"
            why = f"it cannot be reached: {error}" if self._way else nowhere
            _refuse(proto, f"there is no algorithm {owner}/{name}: {why}")

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._way.startswith("unix:"):
            return await asyncio.open_unix_connection(self._way.removeprefix("unix:"))
        host, _, port = self._way.removeprefix("http://").rstrip("/").rpartition(":")
        if not host or not port.isdecimal():
            raise ValueError(f"{self._way!r} is no http://HOST:PORT")
        return await asyncio.open_connection(host.strip("[]"), int(port))


def component(text: str) -> str:
    """Return what a repository is called of a name of Algorithmia (the command line's rule)."""
    found = re.sub(r"[^a-z0-9]+", lambda run: run[0] if run[0] in _KEPT else "-", text.lower())
    return found.strip("._-")[:100].strip("._-")


def _refuse(proto: Any, message: str, code: str = "no_such_algorithm") -> None:
    """Answer in a 200, of which alone the Python client reads why."""
    error = {"message": message, "error_type": code, "code": code}
    proto.response_bytes(200, answers.JSON, msgspec.json.encode({"error": error}))
