"""An algorithm that runs already, called over HTTP on one connection."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from algo import __version__
from algo.contract.errors import AlgorithmGone
from algo.contract.interface import Answer, Fault

if TYPE_CHECKING:
    from types import TracebackType

    from algo.contract.values import Json

_SLACK = 10.0
_DROPPED = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


class _Error(msgspec.Struct):
    message: str = ""
    type: str = ""
    code: str = ""


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
        self._path = parts.path.rstrip("/") + "/invoke"
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
        body = json.dumps(value).encode()
        reused = self._connection.sock is not None
        try:
            return self._send(body)
        except _DROPPED as error:
            self._connection.close()
            # The server may have closed an idle connection at the moment we used it again.
            if not reused:
                raise AlgorithmGone(f"nothing answers at {self._url}: {error}") from error
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise AlgorithmGone(f"nothing answers at {self._url}: {error}") from error
        return self.call(value)

    def _send(self, body: bytes) -> Answer | Fault:
        headers = {"Content-Type": "application/json", "User-Agent": f"algo/{__version__}"}
        self._connection.request("POST", self._path, body, headers)
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
    return Fault(error.code or error.type or f"http_{status}", error.message)
