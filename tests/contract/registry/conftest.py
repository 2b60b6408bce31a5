"""Every kind of registry, each new to the test that uses it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from algo.registry.layout import LayoutStore

from tests.fakes.registry import MemoryRegistry

if TYPE_CHECKING:
    from pathlib import Path

    from algo.registry.interface import Registry

_numbers = itertools.count()


@pytest.fixture(params=["memory", "layout"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Registry:
    if request.param == "memory":
        return MemoryRegistry()
    return LayoutStore(tmp_path / "store")


@pytest.fixture
def name() -> str:
    """A repository that no other test of this session uses."""
    return f"acme/digits-{next(_numbers)}"
