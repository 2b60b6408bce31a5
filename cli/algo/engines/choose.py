"""Which engine runs it: the one asked for, else docker when it answers, else virtualenv."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from algo.engines.errors import EngineUnavailable, UnknownEngine
from algo.engines.interface import Engine
from algo.events import Note

if TYPE_CHECKING:
    from collections.abc import Callable

    from algo.events import Notify


class Answering(Engine, Protocol):
    """An engine that can be absent."""

    def answers(self) -> bool:
        """Tell, within 0.3 s, whether it is there."""


def choose(
    wanted: str,
    docker: Callable[[], Answering],
    virtualenv: Callable[[], Engine],
    notify: Notify,
) -> Engine:
    """Return the engine called `wanted`, or the default one when it is empty.

    Raises:
        UnknownEngine: There is none of this name.
        EngineUnavailable: `docker` was asked for by name and does not answer.
    """
    if wanted not in ("", "docker", "virtualenv"):
        raise UnknownEngine(f"there is no engine {wanted!r}")
    if wanted == "virtualenv":
        return virtualenv()
    container = docker()
    if container.answers():
        return container
    if wanted == "docker":
        raise EngineUnavailable("no container engine answers")
    notify(
        Note(
            "Docker does not answer: running on the virtualenv engine "
            "(this machine's Python and libraries, no container around it)"
        )
    )
    return virtualenv()
