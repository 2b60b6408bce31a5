"""`jobs` of `[serving]`: calls that outlive their request, and who is told of their end."""

from __future__ import annotations

import re

import msgspec

from algo.project.errors import ManifestInvalid
from algo.project.units import seconds, size

# A host, or a part of one after `*.`, with a port if it is not the usual one.
_ALLOWED = re.compile(
    r"(https?://)?(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*(:\d{1,5})?|\[[0-9a-f:]+\]"
)


class Webhooks(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """`webhooks`: the hosts that may be told, and how often that is tried.

    `allow` has hosts (`hooks.example.com`, `*.example.com`, `http://localhost:9000`); none of
    them may be at a private address unless `private`.
    """

    allow: tuple[str, ...] = ()
    private: bool = False
    attempts: int = 10
    backoff: str = "2s"


class Jobs(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """Limits of jobs. An empty `timeout` is that of calls, `concurrency` 0 all places but one."""

    timeout: str = ""
    concurrency: int = 0
    queue: int = 1000
    attempts: int = 3
    keep: str = "24h"
    keep_count: int = 10_000
    keep_size: str = "500MB"
    max_result: str = "50MB"
    webhooks: Webhooks = Webhooks()

    @property
    def timeout_seconds(self) -> float:
        """How long an attempt may take, 0 for as long as a call."""
        return seconds(self.timeout) if self.timeout else 0.0


def check_jobs(jobs: Jobs, where: str) -> None:
    """Refuse values that no job could live with.

    Args:
        jobs: As they were read.
        where: What to call the file in an error.

    Raises:
        ManifestInvalid: One of them is out of bounds.
    """
    at = f"{where}: [serving] jobs"
    bounds = {
        "concurrency": (jobs.concurrency, 0, 10_000),
        "queue": (jobs.queue, 1, 1_000_000),
        "attempts": (jobs.attempts, 1, 1000),
        "keep": (seconds(jobs.keep, f"{at}.keep"), 1, 366 * 86_400),
        "keep-count": (jobs.keep_count, 1, 1_000_000),
        "keep-size": (size(jobs.keep_size, f"{at}.keep-size"), 1000, 1 << 40),
        "max-result": (size(jobs.max_result, f"{at}.max-result"), 1, 900_000_000),
        "webhooks.attempts": (jobs.webhooks.attempts, 1, 100),
        "webhooks.backoff": (seconds(jobs.webhooks.backoff, f"{at}.webhooks.backoff"), 0.01, 3600),
    }
    if jobs.timeout:
        bounds["timeout"] = (seconds(jobs.timeout, f"{at}.timeout"), 0.001, 7 * 86_400)
    for name, (value, least, most) in bounds.items():
        if not least <= value <= most:
            raise ManifestInvalid(
                f"{where}: [serving] jobs.{name} is {value:g}",
                hint=f"it goes from {least:g} to {most:g}",
            )
    for host in jobs.webhooks.allow:
        if _ALLOWED.fullmatch(host) is None:
            raise ManifestInvalid(
                f"{where}: [serving] jobs.webhooks.allow has {host!r}, which is no host",
                hint="write hooks.example.com, *.example.com or http://localhost:9000",
            )
