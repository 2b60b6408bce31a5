"""Wait until an instance answers, or say why it never will."""

from __future__ import annotations

import http.client
import re
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from algo.serving.errors import LoadFailed, NotReady

if TYPE_CHECKING:
    from collections.abc import Callable

    from algo.engines.interface import Instance
    from algo.serving.control import Fault
    from algo.serving.lines import Printed

SLOW = 10.0
PAUSE = 0.01
_NO_MODULE = re.compile(r"No module named '([\w.]+)'")
_NO_FUNCTION = re.compile(r"(\S+) (?:has|exports) no (?:static )?(?:function|method) (\S+)")
# What runners call an entry that does not keep to the contract; its message says it all.
_BAD_ENTRY = "BadEntry"
# Packages that are called otherwise than what one imports of them.
_PACKAGES = {
    "cv2": "opencv-python-headless",
    "PIL": "pillow",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
_TOO_LARGE = "worker_out_of_memory"


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


def wait_ready(
    instance: Instance,
    printed: Printed,
    timeout: float = 600.0,
    *,
    slow: Callable[[], None] | None = None,
    slow_after: float = SLOW,
    unless: Callable[[], bool] = lambda: False,
) -> None:
    """Return once `instance` takes calls, or when `unless` says so.

    `slow` is called once when that takes longer than `slow_after` seconds.

    Raises:
        LoadFailed: The algorithm's code failed, with its file and line where they are known.
        NotReady: It took longer than `timeout` seconds.
        EngineLost: The engine that runs it went away.
    """
    began = time.monotonic()
    while not (answers(instance, printed) or unless()):
        now = time.monotonic()
        refuse_failed(instance, printed)
        if slow is not None and now - began > slow_after:
            slow()
            slow = None
        if now - began > timeout:
            raise NotReady(f"not ready after {timeout:.0f} s", details=printed.tail())
        time.sleep(PAUSE)


def answers(instance: Instance, printed: Printed) -> bool:
    """Tell whether `instance` takes calls."""
    # Its own word comes first: on a port that two commands asked for, another may answer.
    return printed.ready and is_ready(instance.url)


def refuse_failed(instance: Instance, printed: Printed) -> None:
    """Refuse an instance that ended, or whose code did not load.

    Raises:
        LoadFailed: It is one.
        EngineLost: The engine that runs it went away.
    """
    ended = instance.ended()
    if printed.fault is not None:
        raise _load_failed(printed.fault)
    if ended is not None:
        text = f"the algorithm did not start: {ended.reason}"
        raise LoadFailed(text, details=printed.tail())


def describe(fault: Fault) -> str:
    """Return `TypeError: … (src/digits.py:12)`; a file that is missing has no line.

    Where a message has lines, the place ends the first one.
    """
    where = f" ({fault.file}:{fault.line})" if fault.file and fault.line else ""
    said, *drawn = fault.message.rstrip().split("\n")
    return "\n".join([f"{kind_of(fault)}{said}{where}", *drawn])


def kind_of(fault: Fault) -> str:
    """Return `TypeError: `, empty where the kind is a word of a runner's own."""
    ours = fault.type.endswith(_BAD_ENTRY) or _NO_FUNCTION.fullmatch(fault.message)
    return "" if ours or not fault.type else f"{fault.type}: "


def trace_of(fault: Fault) -> str:
    """Return its stack trace, empty where that only says the message once more."""
    trace, message = fault.stacktrace.strip(), fault.message.strip()
    alone = len(trace.splitlines()) <= len(message.splitlines())
    # A drawing is indented differently in the two.
    return "" if alone and " ".join(trace.split()).endswith(" ".join(message.split())) else trace


def advice_of(fault: Fault) -> str:
    """Return what to do about it, empty where its place says that."""
    found = _NO_FUNCTION.fullmatch(fault.message)
    if found is not None and not fault.hint:
        file, name = found.groups()
        return f"write {name} into {file}, or correct entrypoint in algo.toml"
    return fault.hint or missing_package(fault.message)


def missing_package(message: str) -> str:
    """Return what to do about a module that is not there, empty when that is not the fault."""
    found = _NO_MODULE.search(message)
    if found is None:
        return ""
    name = found[1].partition(".")[0]
    package = _PACKAGES.get(name, name)
    # The first file hides the second one, so nobody should make it beside that.
    return f"add {package} to requirements.in (requirements.txt if that is there), then: algo lock"


def _load_failed(fault: Fault) -> LoadFailed:
    hint = advice_of(fault) or None
    if fault.type == _TOO_LARGE:
        hint = "give it more by worker-memory under [serving] in algo.toml, then start it again"
    elif not hint and not fault.line:
        hint = "correct what it names, then start it again"
    return LoadFailed(
        f"the algorithm did not load: {describe(fault)}",
        details=trace_of(fault),
        hint=hint,
    )
