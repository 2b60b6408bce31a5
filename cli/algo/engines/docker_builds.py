"""What a killed build leaves in a container engine: base images, images, containers."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from algo.engines.docker_client import ping
from algo.resources import runs
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from algo.engines.interface import Leftover

REPOSITORY = "algo.local/build"
PID_LABEL = "dev.algo.build"
# In the order in which they can be removed: an image in use stays.
_CONTAINER, _STEP, _IMAGE = "container", "build step", "image"
# For so many seconds may an engine go on with a build after the caller has hung up; between looks.
_SETTLES, _LOOK = 3.0, 0.1


def own_tag(tag: str) -> str:
    """Return `tag` as a name that no other process of this machine gives."""
    return f"{tag}-{os.getpid()}"


class BuildLeftovers(Value, frozen=True):
    """Finds and removes them.

    Args:
        address: The engine's address.
    """

    address: str

    def leftovers(self) -> list[Leftover]:
        """Return what belongs to no running process; nothing when the engine does not answer."""
        if ping(self.address) is None:
            return []
        return self._made_by(_dead)

    def clean_up(self) -> None:
        """Remove what this process has begun: its build was interrupted.

        The engine ends the build in its own time: while it takes the step's container away, neither
        that nor the images below can be removed, and it refuses without a word. So look again.

        Raises:
            EngineUnavailable: The engine does not answer.
        """
        own = str(os.getpid())
        deadline = time.monotonic() + _SETTLES
        while found := self._made_by(lambda pid: pid == own):
            for leftover in found:
                self.remove(leftover)
            if time.monotonic() > deadline:
                break
            time.sleep(_LOOK)

    def drop_stages(self) -> None:
        """Remove what this process has built and no image is made on: stages with compilers.

        Raises:
            EngineUnavailable: The engine does not answer.
        """
        from algo.engines.docker_http import DockerHttp

        http, own = DockerHttp(self.address), str(os.getpid())
        for identity, pid in http.last_steps(PID_LABEL) if http.usable else ():
            if pid == own:
                http.remove(identity)

    def _made_by(self, chosen: Callable[[str], bool]) -> list[Leftover]:
        from algo.engines.docker_http import DockerHttp
        from algo.engines.interface import Leftover

        http = DockerHttp(self.address)
        if not http.usable:
            return []
        steps = (
            Leftover(_STEP, identity, "a step of an unfinished build")
            for identity, pid in http.last_steps(PID_LABEL)
            if chosen(pid)
        )
        images = (
            Leftover(_IMAGE, tag, "an unfinished build")
            for tag in http.tags(f"{REPOSITORY}/*")
            if chosen(tag.rpartition("-")[2])
        )
        containers = (
            Leftover(_CONTAINER, identity, "an unfinished build")
            for identity, pid in _containers(self.address)
            if chosen(pid)
        )
        return _ordered((*containers, *steps, *images))

    def remove(self, leftover: Leftover) -> None:
        """Remove one of them; nothing happens when it is gone."""
        if leftover.kind == _CONTAINER:
            from algo.engines.docker_containers import Containers

            Containers(self.address).remove(leftover.name)
        else:
            from algo.engines.docker_http import DockerHttp

            DockerHttp(self.address).remove(leftover.name)


def _containers(address: str) -> Iterator[tuple[str, str]]:
    from algo.engines.docker_containers import Containers

    for container in Containers(address).find(PID_LABEL):
        yield container.id, (container.labels or {}).get(PID_LABEL, "")


def _dead(pid: str) -> bool:
    return pid.isdigit() and not runs(int(pid))


def _ordered(found: Iterable[Leftover]) -> list[Leftover]:
    order = (_CONTAINER, _STEP, _IMAGE)
    return sorted(found, key=lambda one: (order.index(one.kind), one.name))
