"""What a client prefers: the `Prefer` header (RFC 7240)."""

from __future__ import annotations

import re
from typing import Any

import msgspec

# Nobody's connection is held for longer.
LONGEST = 60.0
_PREFERENCE = re.compile(r'\s*([^\s=;,"]+)\s*(?:=\s*(?:"([^"]*)"|([^\s;,"]*)))?\s*(?:;[^,]*)?')


class Prefer(msgspec.Struct, frozen=True):
    """`respond_async`: a job is welcome; `wait`: how many seconds to answer in, None unsaid."""

    respond_async: bool = False
    wait: float | None = None

    @property
    def applied(self) -> list[tuple[str, str]]:
        """The header that says what was done."""
        words = ["respond-async"] if self.respond_async else []
        words += [f"wait={self.wait:g}"] if self.wait is not None else []
        return [("preference-applied", ", ".join(words))] if words else []


def prefer_of(headers: Any) -> Prefer:
    """Return the preferences that are known here; all others are ignored, as the RFC wants."""
    found: dict[str, str] = {}
    for header in headers.get_all("prefer"):
        for part in header.split(","):
            match = _PREFERENCE.fullmatch(part)
            if match is not None:
                # "If any preference is specified more than once, only the first counts."
                found.setdefault(match[1].lower(), match[2] or match[3] or "")
    wait = found.get("wait", "")
    return Prefer(
        "respond-async" in found,
        min(float(wait), LONGEST) if wait.isascii() and wait.isdigit() else None,
    )
