from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from algo.registry.http import HttpRegistry
from algo.registry.transport import Patience, Transport

from tests.unit.registry.server import Scene, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from algo.registry.credentials import Credentials

CHUNK = 1000


@pytest.fixture
def scene() -> Iterator[Scene]:
    """A registry that can fail."""
    with serving() as running:
        yield running


@pytest.fixture
def pauses() -> list[float]:
    """How long the client paused, without that it did."""
    return []


@pytest.fixture
def connect(scene: Scene, pauses: list[float]) -> Callable[[Credentials | None], HttpRegistry]:
    """Connect to the scene with credentials or none."""

    def to(credentials: Credentials | None) -> HttpRegistry:
        patience = Patience(attempts=4, sleep=pauses.append, random=lambda: 0.5)
        return HttpRegistry(Transport(scene.address, credentials, {}, patience), chunk=CHUNK)

    return to


@pytest.fixture
def registry(connect: Callable[[Credentials | None], HttpRegistry]) -> HttpRegistry:
    """The client, without credentials."""
    return connect(None)
