"""Wait until an instance answers, or say why it never will."""

from __future__ import annotations

import http.client
import time
from collections import deque
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from algo.serving.control import Control, Fault
from algo.serving.errors import ControlLost, LoadFailed, NotReady

if TYPE_CHECKING:
    from algo.engines.interface import Instance

_PAUSE = 0.01
_ASK_EVERY = 0.1


class Tail:
    """The last lines that an instance printed, for the error that ends it."""

    def __init__(self, lines: int = 30) -> None:
        self._lines: deque[str] = deque(maxlen=lines)

    def add(self, line: str) -> None:
        """Remember a line."""
        self._lines.append(line)

    def text(self) -> str:
        """Return the lines, oldest first."""
        return "\n".join(self._lines)


def is_ready(url: str, timeout: float = 1.0) -> bool:
    """Tell whether the service at `url` (this machine's) takes calls now."""
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=timeout)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def wait_ready(instance: Instance, tail: Tail, timeout: float = 600.0) -> None:
    """Return once `instance` takes calls.

    Raises:
        LoadFailed: The algorithm's code failed, with its file and line where they are known.
        NotReady: It took longer than `timeout` seconds.
        EngineLost: The engine that runs it went away.
    """
    began = asked = time.monotonic()
    while not is_ready(instance.url):
        now = time.monotonic()
        ended = instance.ended()
        if ended is not None:
            time.sleep(0.05)  # its last lines are still on their way through the pipe
            text = f"the algorithm did not start: {ended.reason}"
            raise LoadFailed(text, details=tail.text())
        if now - asked > _ASK_EVERY:
            asked = now
            _raise_fault(instance)
        if now - began > timeout:
            raise NotReady(f"not ready after {timeout:.0f} s", details=tail.text())
        time.sleep(_PAUSE)


def describe(fault: Fault) -> str:
    """Return `TypeError: … (src/digits.py:12)`."""
    where = f" ({fault.file}:{fault.line})" if fault.file else ""
    kind = f"{fault.type}: " if fault.type else ""
    return f"{kind}{fault.message}{where}"


def _raise_fault(instance: Instance) -> None:
    if instance.control is None:
        return
    try:
        status = Control(instance.control).status()
    except ControlLost:
        return
    if status.state == "failed":
        fault = status.error or Fault(message="it gave no reason")
        raise LoadFailed(
            f"the algorithm did not load: {describe(fault)}", details=fault.stacktrace.strip()
        )
