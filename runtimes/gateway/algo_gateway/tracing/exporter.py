"""Sends spans by OTLP over HTTP, from a thread of its own; serving never waits for it."""

from __future__ import annotations

import gzip
import os
import random
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from typing import TYPE_CHECKING

from algo_gateway.tracing import otlp

if TYPE_CHECKING:
    from collections.abc import Callable

    from algo_gateway.tracing.settings import Settings
    from algo_gateway.tracing.span import Attribute, Span

# Answers after which the same may be tried again (OTLP/HTTP), and for how long, in seconds.
_AGAIN = frozenset({429, 502, 503, 504})
LONGEST = 60.0
_AGENT = "OTel-OTLP-Exporter-algo"
# A fault is told once in so many seconds.
TOLD = 60.0


class Exporter:
    """Keeps spans until they are sent; what is above the queue's size is dropped and counted.

    Args:
        settings: Where spans go.
        say: Told when they cannot be sent.
    """

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        self.exported = 0
        self.dropped = 0
        self._settings = settings
        self._resource: dict[str, Attribute] = {
            "telemetry.sdk.name": "algo",
            "telemetry.sdk.language": "python",
            "host.name": socket.gethostname(),
            "process.pid": os.getpid(),
            **settings.resource,
        }
        self._say = say
        self._told = -TOLD
        self._spans: deque[Span] = deque()
        self._wake = threading.Event()
        self._ending = threading.Event()
        self._opener = _opener(settings)
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)
        self._thread.start()

    def add(self, span: Span) -> None:
        """Take a span, to be sent with others."""
        if len(self._spans) >= self._settings.queue:
            self.dropped += 1
            return
        self._spans.append(span)
        if len(self._spans) >= self._settings.batch:
            self._wake.set()

    def counts(self) -> dict[str, int]:
        """Return how many spans were `exported` and `dropped`."""
        return {"exported": self.exported, "dropped": self.dropped}

    def close(self, seconds: float = 1.0) -> None:
        """Send what waits, for at most `seconds`."""
        self._ending.set()
        self._wake.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._ending.is_set():
            self._wake.wait(self._settings.delay)
            self._wake.clear()
            while self._spans:
                count = min(len(self._spans), self._settings.batch)
                self._send([self._spans.popleft() for _ in range(count)])

    def _send(self, spans: list[Span]) -> None:
        """Send a batch, again and again where that may help; then it is dropped."""
        encode = otlp.json if self._settings.json else otlp.protobuf
        body = encode(self._resource, spans)
        if self._settings.gzip:
            body = gzip.compress(body)
        end = time.monotonic() + LONGEST
        pause = 1.0
        while True:
            again, why, after = self._post(body)
            if not why:
                self.exported += len(spans)
                return
            wait = after or pause * random.uniform(0.5, 1.5)
            if not again or time.monotonic() + wait > end or self._ending.wait(wait):
                self.dropped += len(spans)
                self._tell(f"{len(spans)} spans could not be sent: {why}")
                return
            pause = min(pause * 2, 16.0)

    def _post(self, body: bytes) -> tuple[bool, str, float]:
        """Post once; return whether it may be tried again, why it failed, and after what time."""
        settings = self._settings
        kind = "application/json" if settings.json else "application/x-protobuf"
        headers = {
            "User-Agent": "OTel-OTLP-Exporter-algo",
            **settings.headers,
            "Content-Type": kind,
        }
        if settings.gzip:
            headers["Content-Encoding"] = "gzip"
        request = urllib.request.Request(settings.endpoint, body, headers, method="POST")
        try:
            with self._opener.open(request, timeout=settings.timeout) as answer:
                answer.read()
                return False, "", 0.0
        except urllib.error.HTTPError as error:
            with error:
                after = error.headers.get("Retry-After") or ""
                seconds = float(after) if after.isdigit() else 0.0
                return error.code in _AGAIN, f"{settings.endpoint} answers {error.code}", seconds
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            return True, f"{settings.endpoint}: {reason}", 0.0

    def _tell(self, text: str) -> None:
        now = time.monotonic()
        if now - self._told > TOLD:
            self._told = now
            self._say(text)


def _opener(settings: Settings) -> urllib.request.OpenerDirector:
    if not settings.endpoint.startswith("https:"):
        return urllib.request.build_opener()
    context = ssl.create_default_context(cafile=settings.certificate or None)
    return urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))
