"""Call an algorithm once: at a URL, in an instance that runs already, or in one of our own."""

from __future__ import annotations

import http.client
import ssl
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
from msgspec import field

from algo import __version__
from algo.errors import AlgoError, Problem, UsageError
from algo.serving.errors import AlgorithmFailed, AnswerLate, CallRefused, ServiceUnreachable
from algo.serving.hints import hint_for
from algo.serving.probe import is_ready, missing_package
from algo.serving.start import StartOptions, running
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from algo.engines.interface import Engine
    from algo.events import Notify
    from algo.serving.body import Body
    from algo.serving.interface import Servable

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_LONGEST = 1_000_000
_REFUSED = (401, 403)
_FAILED = 500
_EXCEPTION = "exception"
_LINES = "application/jsonl"


class Answer(Value, frozen=True):
    """What an algorithm answered, and how long that took from here, in milliseconds.

    `failure` is why a stream ended before it was whole; `content` is what came until then.
    """

    content: bytes
    content_type: str
    milliseconds: float
    failure: AlgoError | None = None

    @property
    def is_json(self) -> bool:
        """Tell whether the content is JSON."""
        return self.content_type.split(";")[0].strip() == "application/json"

    @property
    def is_text(self) -> bool:
        """Tell whether the content is text."""
        return self.content_type.startswith("text/")


class _Error(msgspec.Struct):
    message: str = ""
    type: str = ""
    code: str = ""
    stacktrace: str = ""
    hint: str = ""
    problems: tuple[Problem, ...] = ()

    def advice(self, status: int) -> str:
        """What to do; of an exception the runner may know more than its code says."""
        if self.code != _EXCEPTION:
            return hint_for(self.code, status)
        return self.hint or missing_package(self.message) or hint_for(self.code, status)


class _Failure(msgspec.Struct):
    error: _Error | str = ""


class Place(Value, frozen=True):
    """Where a call goes: `url` of something that runs, or what to start for it."""

    url: str = ""
    prepare: Callable[[], tuple[Engine, Servable]] | None = None
    options: StartOptions = field(default_factory=StartOptions)


def run(place: Place, body: Body, notify: Notify, timeout: float, token: str = "") -> Answer:
    """Call the algorithm at `place` with `body`; what is started for it is stopped again.

    Args:
        place: Where the call goes; a `url` of this machine that does not answer is passed
            over when there is something to start.
        body: The input.
        notify: Gets what the algorithm prints.
        timeout: Seconds that the algorithm itself may take.
        token: What a service that wants one gets.

    Raises:
        UsageError: `timeout` is no time.
        AlgorithmFailed: The algorithm answered with an error, which is the message.
        AnswerLate: It did not answer in time.
        ServiceUnreachable: Nothing answers at the URL.
        AlgoError: What was to be started did not.
    """
    if not 0 < timeout <= _LONGEST:
        text = f"--timeout is a number of seconds above 0, at most {_LONGEST}, not {timeout:g}"
        raise UsageError(text, hint="algo run --help")
    if place.url and (place.prepare is None or is_ready(place.url)):
        return call(place.url, body, timeout, token)
    assert place.prepare is not None
    engine, servable = place.prepare()
    with running(engine, servable, place.options, notify) as instance:
        return call(instance.url, body, timeout)


def call(url: str, body: Body, timeout: float, token: str = "") -> Answer:
    """Send `body` to the service at `url` and return its answer.

    Raises:
        UsageError: The token is none.
        CallRefused: The service wants a token, or another one.
        AlgorithmFailed: The service answered with an error.
        AnswerLate: It does not answer in time.
        ServiceUnreachable: Nothing answers there.
    """
    headers = {"Content-Type": body.content_type, "User-Agent": f"algo/{__version__}"}
    request = urllib.request.Request(url, body.content, headers, method="POST")
    if token:
        if not token.isascii() or not token.isprintable() or " " in token:
            raise UsageError("the token holds what no token has", hint="algo run --help")
        # Wherever a redirection leads, the token does not go there.
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    began = time.monotonic()
    try:
        with _opener(url).open(request, timeout=timeout) as response:
            content, failure = _whole(response)
            kind = response.headers.get("Content-Type") or ""
            if failure is None and kind.split(";")[0].strip() == _LINES:
                content, failure = _lines(content)
            return Answer(content, kind, round((time.monotonic() - began) * 1000, 3), failure)
    except urllib.error.HTTPError as error:
        with error:
            raise _failure(error.code, error.read()) from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, TimeoutError):
            raise AnswerLate(f"no answer from {url} within {timeout:g} s") from error
        raise ServiceUnreachable(f"nothing answers at {url}: {reason}") from error


def _whole(response: http.client.HTTPResponse) -> tuple[bytes, AlgoError | None]:
    """Return the body, and what to say when the gateway cut it: an error in a stream of text."""
    try:
        return response.read(), None
    except http.client.IncompleteRead as error:
        text = f"the stream was cut after {len(error.partial)} bytes: it failed, or its worker died"
        return error.partial, AlgorithmFailed(text, hint="look at what the service printed")


def _lines(content: bytes) -> tuple[bytes, AlgoError | None]:
    """Take the error from JSON lines, where the gateway makes it the last (runtimes/README.md)."""
    before, _, last = content.rstrip(b"\n").rpartition(b"\n")
    try:
        error = msgspec.json.decode(last, type=_Failure).error
    except msgspec.DecodeError:
        return content, None
    if isinstance(error, str) or not (error.code and error.message):
        return content, None
    failure = AlgorithmFailed(
        f"{error.code}: {error.message}",
        details=error.stacktrace.strip(),
        hint=error.advice(_FAILED),
        problems=error.problems,
        algorithm_code=error.code,
    )
    return before + b"\n" if before else b"", failure


def _opener(url: str) -> urllib.request.OpenerDirector:
    handlers: list[urllib.request.BaseHandler] = []
    if urlsplit(url).hostname in _LOOPBACK:
        handlers.append(urllib.request.ProxyHandler({}))
    if url.startswith("https:"):
        handlers.append(urllib.request.HTTPSHandler(context=ssl.create_default_context()))
    return urllib.request.build_opener(*handlers)


def _failure(status: int, content: bytes) -> AlgoError:
    try:
        error = msgspec.json.decode(content, type=_Failure).error
    except msgspec.DecodeError:
        error = ""
    if isinstance(error, str):
        text = error or content[:2000].decode("utf-8", errors="replace") or "no reason given"
        return AlgorithmFailed(f"{text} (HTTP {status})", hint=hint_for("", status))
    kind = error.code or error.type
    text = f"{kind}: {error.message}" if kind else error.message
    if status in _REFUSED:
        return CallRefused(f"{text} (HTTP {status})")
    return AlgorithmFailed(
        f"{text} (HTTP {status})",
        details=error.stacktrace.strip(),
        hint=error.advice(status),
        problems=error.problems,
        algorithm_code=error.code,
    )
