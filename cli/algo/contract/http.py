"""An algorithm that runs already, called over HTTP on one connection."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from algo import __version__
from algo.contract.declared import declared
from algo.contract.errors import AlgorithmGone
from algo.contract.interface import Answer, Fault
from algo.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from algo.contract.declared import Declared
    from algo.contract.values import Json

Found = TypeVar("Found")
_SLACK = 10.0
_OURS = {"User-Agent": f"algo/{__version__}"}
_DROPPED = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


class _Error(msgspec.Struct):
    message: str = ""
    type: str = ""
    code: str = ""
    problems: tuple[Problem, ...] = ()


class _Failure(msgspec.Struct):
    error: _Error


class HttpAlgorithm:
    """The algorithm at `url` (`http://host:port`), to be used in a `with` block.

    Args:
        url: Where it answers.
        timeout: Seconds that a call may take by the algorithm's own settings.
    """

    def __init__(self, url: str, timeout: float) -> None:
        parts = urlsplit(url)
        self._url = url
        self._base = parts.path.rstrip("/")
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=timeout + _SLACK)

    def __enter__(self) -> HttpAlgorithm:
        """Return itself; the connection is opened by the first call."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self._connection.close()

    def call(self, value: Json) -> Answer | Fault:
        """Call it once.

        A text or binary answer becomes a string.

        Raises:
            AlgorithmGone: Nothing answers any more, or not in time.
        """
        return self._tried(lambda: self._send(json.dumps(value).encode()))

    def declared(self) -> Declared:
        """Return what its annotations declare.

        Raises:
            AlgorithmGone: Nothing answers any more, or not in time.
        """
        return declared(self.document())

    def document(self) -> Any:
        """Return what it says of itself in OpenAPI, None where it does not.

        Raises:
            AlgorithmGone: Nothing answers any more, or not in time.
        """
        return self._tried(self._described)

    def _tried(self, ask: Callable[[], Found]) -> Found:
        """Ask, and once more where the server has closed an idle connection.

        Raises:
            AlgorithmGone: Nothing answers any more, or not in time.
        """
        reused = self._connection.sock is not None
        try:
            return ask()
        except _DROPPED as error:
            self._connection.close()
            # The server may have closed an idle connection at the moment we used it again.
            if not reused:
                raise AlgorithmGone(f"nothing answers at {self._url}: {error}") from error
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise AlgorithmGone(f"nothing answers at {self._url}: {error}") from error
        return self._tried(ask)

    def _described(self) -> Any:
        self._connection.request("GET", f"{self._base}/openapi.json", headers=_OURS)
        response = self._connection.getresponse()
        content = response.read()
        try:
            return msgspec.json.decode(content) if response.status == 200 else None
        except msgspec.DecodeError:
            return None

    def _send(self, body: bytes) -> Answer | Fault:
        headers = {"Content-Type": "application/json", **_OURS}
        self._connection.request("POST", f"{self._base}/invoke", body, headers)
        response = self._connection.getresponse()
        content = response.read()
        if response.status >= 400:
            return _fault(response.status, content)
        kind = (response.headers.get("Content-Type") or "").split(";")[0].strip()
        if kind == "application/json":
            return Answer(json.loads(content))
        return Answer(content.decode("utf-8", errors="replace"))


def _fault(status: int, content: bytes) -> Fault:
    try:
        error = msgspec.json.decode(content, type=_Failure).error
    except msgspec.DecodeError:
        said = content[:500].decode("utf-8", errors="replace")
        return Fault(f"http_{status}", said)
    return Fault(error.code or error.type or f"http_{status}", error.message, error.problems)
