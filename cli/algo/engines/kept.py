"""Images and volumes of ours in a container engine, in terms of whoever makes room."""

from __future__ import annotations

import calendar
import time
from typing import TYPE_CHECKING

from algo.engines.docker_client import ping
from algo.engines.docker_containers import Containers, Refused
from algo.engines.docker_http import DockerHttp
from algo.engines.errors import EngineUnavailable
from algo.storage.interface import Item
from algo.storage.kinds import IN_USE
from algo.values import Value

if TYPE_CHECKING:
    from algo.engines.mine import Mine

PREFIX = "algo.local/"
OURS = f"{PREFIX}*/*"
JOBS = "algo-jobs-"
IMAGES = "images in the engine"
_BUILDS = f"{PREFIX}build/"
_THEIRS = "another user of the engine may need it: algo cache prune --everyone"


class EngineImages(Value, frozen=True):
    """Images that were loaded into an engine; one that a container has stays.

    Args:
        address: The engine's address.
        names: Which images; `*` stands for a part of a name.
        mine: Knows those that this user uses: the others stay. None for everybody's.
    """

    address: str
    names: str = OURS
    mine: Mine | None = None

    def items(self) -> list[Item]:
        """Return them; nothing when no engine answers."""
        http = DockerHttp(self.address)
        if not http.usable or ping(self.address) is None:
            return []
        try:
            used = Containers(self.address).images()
            return [
                Item(
                    IMAGES,
                    tag,
                    max(_seconds(facts.tagged), self._used(tag) or 0.0),
                    kept="a container has it" if facts.Id in used else self._why_kept(tag),
                    bytes=facts.Size if place == 0 else 0,
                )
                for facts in http.images(self.names)
                for place, tag in enumerate(facts.names)
                if not tag.startswith(_BUILDS)
            ]
        except (EngineUnavailable, Refused):
            return []

    def remove(self, item: Item) -> str:
        """Remove one, unless a container has it by now."""
        http = DockerHttp(self.address)
        http.remove(item.name)
        if http.inspect(item.name) is not None:
            return IN_USE
        if self.mine is not None:
            self.mine.forget(item.name)
        return ""

    def _used(self, tag: str) -> float | None:
        return self.mine.used(tag) if self.mine is not None else None

    def _why_kept(self, tag: str) -> str:
        return _THEIRS if self.mine is not None and self._used(tag) is None else ""


class JobVolumes(Value, frozen=True):
    """Volumes in which containers keep jobs: they are shown, and stay.

    Args:
        address: The engine's address.
    """

    address: str

    def items(self) -> list[Item]:
        """Return them; nothing when no engine answers."""
        return [
            Item("volumes of jobs", name, 0.0, kept=f"jobs stay: docker volume rm {name}",
                 cache=False)
            for name in volumes(self.address)
        ]  # fmt: skip

    def remove(self, item: Item) -> str:
        """Leave it."""
        return item.kept


def volumes(address: str) -> list[str]:
    """Return the names of the engine's volumes that hold jobs; none when no engine answers."""
    if not DockerHttp(address).usable or ping(address) is None:
        return []
    try:
        return [name for name in Containers(address).volumes(JOBS) if name.startswith(JOBS)]
    except (EngineUnavailable, Refused):
        return []


def _seconds(said: str) -> float:
    """Return an engine's time (RFC 3339, UTC or with an offset) in seconds since 1970."""
    try:
        return float(calendar.timegm(time.strptime(said[:19], "%Y-%m-%dT%H:%M:%S")))
    except ValueError:
        return 0.0
