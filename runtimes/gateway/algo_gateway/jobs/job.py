"""A job: what was ordered, how it stands, and how that is told."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import msgspec

QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELLED = STATES = (
    "queued",
    "running",
    "succeeded",
    "failed",
    "cancelled",
)
OPEN = (QUEUED, RUNNING)


class Order(msgspec.Struct, frozen=True):
    """What a client asked for.

    Attributes:
        id: Of the job, chosen by the client or by us.
        content_type: Of the body.
        body: The input.
        shape: How the result is written: `plain` or `algorithmia`.
        client: Who ordered it: the jobs of clients are run in turn.
        timeout: The seconds that an attempt may take, 0 for the service's own.
        hook: Where to tell that it ended, empty for nowhere.
    """

    id: str
    content_type: str
    body: bytes
    shape: str = "plain"
    client: str = ""
    timeout: float = 0.0
    hook: str = ""

    @property
    def fingerprint(self) -> bytes:
        """What two orders of the same job have in common: all but who sent them."""
        parts = (self.content_type, self.shape, repr(self.timeout), self.hook)
        head = "\n".join(parts).encode()
        return hashlib.sha256(hashlib.sha256(head).digest() + self.body).digest()


class Job(msgspec.Struct, frozen=True):
    """How a job stands; times are seconds since 1970, None for not yet.

    `attempt` counts how often it was begun, `lost` how often it was under way when its worker
    or the gateway ended. `error` is the details of our error document, `status` its HTTP status.
    """

    number: int
    id: str
    state: str
    fingerprint: bytes
    client: str
    shape: str
    content_type: str
    timeout: float
    created: float
    started: float | None
    ended: float | None
    attempt: int
    lost: int
    seconds: float
    status: int
    error: bytes | None
    result_type: str
    size: int
    hook: str
    hook_state: str
    hook_attempts: int
    hook_next: float | None
    hook_status: int

    @property
    def open(self) -> bool:
        """Whether it has not ended."""
        return self.state in OPEN

    def document(self) -> dict[str, Any]:
        """Return the job as JSON has it (docs/reference.md)."""
        told: dict[str, Any] = {"id": self.id, "state": self.state, "attempt": self.attempt}
        for name in ("created", "started", "ended"):
            moment = getattr(self, name)
            told[name] = None if moment is None else written(moment)
        if self.state == SUCCEEDED:
            told["result"] = {
                "href": f"/jobs/{self.id}/result",
                "content_type": self.result_type,
                "length": self.size,
            }
        if self.error is not None:
            told["error"] = msgspec.Raw(self.error)
        if self.hook:
            told["webhook"] = self._webhook()
        return told

    def _webhook(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "url": self.hook,
            "state": self.hook_state,
            "attempts": self.hook_attempts,
        }
        if self.hook_status:
            told["status"] = self.hook_status
        if self.hook_next is not None and self.hook_state == "pending":
            told["next"] = written(self.hook_next)
        return told


def written(moment: float) -> str:
    """Return a moment as RFC 3339 has it, in UTC and milliseconds."""
    text = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"
