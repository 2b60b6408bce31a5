"""How long a client is ready to wait, as it says in a header."""

from __future__ import annotations

import re
from typing import Any

from algo_gateway.calls.call import Failure

HEADER = "x-request-timeout"
# The unit of a grpc-timeout (gRPC over HTTP/2, "Requests"), in seconds.
_GRPC_UNITS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_UNITS = {"": 1.0, "s": 1.0, "ms": 1e-3}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(s|ms|)", re.ASCII)
_GRPC = re.compile(r"(\d{1,8})([HMSmun])", re.ASCII)


def client_timeout(headers: Any) -> float | None:
    """Return the seconds of `X-Request-Timeout` (`2`, `2.5s`, `500ms`) or `grpc-timeout` (`500m`).

    None when there is neither header.

    Raises:
        Failure: 400, the value is no duration or 0.
    """
    own = headers.get(HEADER)
    if own is not None:
        return _seconds(
            own, _DURATION, _UNITS, f"{HEADER} is {own!r}", "write it as 2, 2.5s or 500ms"
        )
    grpc = headers.get("grpc-timeout")
    if grpc is not None:
        hint = "write it as 2S or 500m"
        return _seconds(grpc, _GRPC, _GRPC_UNITS, f"grpc-timeout is {grpc!r}", hint)
    return None


def _seconds(
    text: str, form: re.Pattern[str], units: dict[str, float], what: str, hint: str
) -> float:
    match = form.fullmatch(text.strip())
    seconds = float(match[1]) * units[match[2]] if match else 0.0
    if not seconds:
        raise Failure(400, "bad_timeout", f"{what}, which is no duration above 0", hint=hint)
    return seconds
