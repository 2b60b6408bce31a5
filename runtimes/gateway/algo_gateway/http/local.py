"""The API that code written for Algorithmia finds on loopback: data, other algorithms, insights."""

from __future__ import annotations

import copy
import hmac
from pathlib import Path
from typing import TYPE_CHECKING, Any

from algo_gateway.calls.call import Failure
from algo_gateway.data.folders import Folders
from algo_gateway.http import answers
from algo_gateway.http.data import Data
from algo_gateway.http.listener import Listener
from algo_gateway.http.neighbours import Neighbours
from algo_gateway.http.routes import Routes
from algo_gateway.local import KEY

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from algo_gateway.http.app import App

# Bodies go to the disk in pieces, so that many of them take no memory.
_ANY = 1 << 50
# The key may stand in the path, too: `/key/KEY/v1/data`.
IN_PATH = "/key/"
# More than this of a report is not written down.
_REPORT = 10_000


class LocalApi:
    """Answers whoever has the key: the algorithm's own processes.

    Args:
        parts: What answers.
        key: What a request has to send in `Authorization`.
        say: Writes a line to the log.
    """

    def __init__(
        self, parts: Sequence[Data | Neighbours], key: str, say: Callable[[str], None]
    ) -> None:
        self._routes = Routes()
        self._key = key.encode()
        self._say = say
        for part in parts:
            part.register(self._routes)
        self._routes.add("POST", "/v1/insights", self._insights)

    def __call__(self, scope: Any, proto: Any) -> Coroutine[Any, Any, None] | None:
        """Answer one request, or return what will."""
        given = (scope.headers.get("authorization") or "").rpartition(" ")[2]
        if scope.path.startswith(IN_PATH):  # of a client that sends no key, or one of the code's
            given, _, below = scope.path.removeprefix(IN_PATH).partition("/")
            scope = _at(scope, f"/{below}")
        if not hmac.compare_digest(given.encode(errors="replace"), self._key):
            _refuse(proto, Failure(401, "token_invalid", "the key is not ALGORITHMIA_API_KEY"))
            return None
        handler = self._routes.find(scope.method, scope.path)
        if handler is None:
            what = f"there is nothing at {scope.path} of Algorithmia's API here"
            _refuse(proto, Failure(404, "not_found", what))
            return None
        return handler(scope, proto)

    async def _insights(self, scope: Any, proto: Any) -> None:
        """Write down figures that an algorithm reports of a call."""
        body: bytes = await proto()
        self._say(f"insights: {body[:_REPORT].decode(errors='replace')}")
        proto.response_bytes(200, answers.JSON, b"{}")


class LocalServices:
    """Data and other algorithms, for one algorithm.

    Args:
        name: Its `owner/name`.
        shipped: The folder of data that came with it.
        env: `ALGO_DATA`, the folder that data is written to; `ALGO_ALGORITHMS`, where others are.
        say: Writes a line to the log.
    """

    def __init__(
        self, name: str, shipped: Path, env: Mapping[str, str], say: Callable[..., None]
    ) -> None:
        written = env.get("ALGO_DATA")
        owner = name.partition("/")[0]
        self._folders = Folders(owner, Path(written) if written else None, shipped)
        self._name = name
        self._env = env
        self._say = say
        self._listener: Listener | None = None

    async def start(
        self, taken: socket.socket, app: App, stuck: Callable[[], bool], *, development: bool
    ) -> None:
        """Answer at `taken`; at the address of `app` data is there in development alone.

        `stuck` tells whether a call of the algorithm by itself would wait for itself.
        """
        own = app.algorithmia.call
        others = Neighbours(self._name, own, self._env.get("ALGO_ALGORITHMS", ""), stuck)
        near = LocalApi([Data(self._folders, near=True), others], self._env[KEY], self._say)
        self._listener = Listener(near, lambda text: self._say(text, "error"), lambda: _ANY)
        await self._listener.accept(taken)
        app.add(Neighbours(self._name, own, "").register)  # its name as Algorithmia spelt it
        if development:
            app.add(Data(self._folders).register)

    async def close(self) -> None:
        """End every connection, and remove data that was temporary."""
        if self._listener is not None:
            await self._listener.close(0)
        self._folders.close()


def _at(scope: Any, path: str) -> Any:
    """Return the scope of the same request at another path."""
    found = copy.copy(scope)
    found.path = path
    return found


def _refuse(proto: Any, problem: Failure) -> None:
    headers, body = answers.failure(problem, development=False)
    proto.response_bytes(problem.status, headers, body)
