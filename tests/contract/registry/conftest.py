"""Every kind of registry."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from algo.registry.http import HttpRegistry
from algo.registry.layout import LayoutStore
from algo.registry.transport import Patience, Transport

from tests.fakes.registry import MemoryRegistry

if TYPE_CHECKING:
    from pathlib import Path

    from algo.registry.interface import Registry


def remote(host: str) -> HttpRegistry:
    """Return the registry at `host`, sending large blobs in small chunks."""
    return HttpRegistry(Transport(host, None, {}, Patience()), chunk=1 << 20)


@pytest.fixture(params=["memory", "layout", "docker", "referrers"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Registry:
    match request.param:
        case "memory":
            return MemoryRegistry()
        case "layout":
            return LayoutStore(tmp_path / "store")
        case "docker":
            return remote(request.getfixturevalue("docker_registry"))
        case _:
            return remote(request.getfixturevalue("referrers_registry"))


@pytest.fixture
def name() -> str:
    """A repository that no other test uses."""
    return f"acme/digits-{uuid.uuid4().hex[:12]}"
