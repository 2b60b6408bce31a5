"""What is brought here before a published version runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from algo.events import Event, Step, silent
from algo.languages.runtimes import Runtimes
from algo.publish.consume import Consuming
from algo.publish.prepare import Wish
from algo.publish.publish import publish
from algo.publish.published import PublishedVersions
from algo.registry.layout import LayoutStore
from algo.resources import user_folders
from algo.trust.keyring import Keyring
from algo.trust.pins import Pins

from tests.fakes.built import AMD64
from tests.fakes.packages import FakePackages
from tests.fakes.publishing import Bench
from tests.fakes.registry import MemoryRegistry

if TYPE_CHECKING:
    from pathlib import Path

REFERENCE = "registry.example/acme/digits:1.0.0"


@pytest.fixture
def store(tmp_path: Path) -> LayoutStore:
    return LayoutStore(tmp_path / "store")


@pytest.fixture
def versions(tmp_path: Path, store: LayoutStore) -> PublishedVersions:
    """What runs the version 1.0.0 that a registry has."""
    remote = MemoryRegistry(address="registry.example")
    bench = Bench(tmp_path / "digits", remote)
    publish(bench.project, Wish(), bench.tools, confirm=lambda plan: True, notify=silent)
    tools = Consuming(
        open=lambda host: remote if host else store,
        keyring=Keyring(bench.home / "keys", {}),
        pins=Pins(tmp_path / "pins"),
        ask=None,
        skip=False,
        log=tmp_path / "unverified.log",
        now=datetime.fromtimestamp(1_000_000_000, UTC),
    )
    return PublishedVersions(
        tools=tools,
        layout=store.folder,
        engine=lambda: None,
        packages=FakePackages(),
        folders=user_folders(str(tmp_path / "home")),
        platform=AMD64,
        env={},
        runtimes=Runtimes(tmp_path / "runtimes"),
    )


def copied(versions: PublishedVersions) -> bool:
    """Make the version ready; tell whether anything was copied for it."""
    events: list[Event] = []
    versions.image(REFERENCE, notify=events.append)
    return any(isinstance(event, Step) and "Copying" in event.text for event in events)


def test_a_version_that_is_here_whole_is_not_copied_again(versions: PublishedVersions) -> None:
    assert copied(versions)
    assert not copied(versions)


def test_a_version_of_which_a_blob_is_missing_here_is_copied(
    versions: PublishedVersions, store: LayoutStore
) -> None:
    assert copied(versions)
    largest = max((store.folder("acme/digits") / "blobs" / "sha256").iterdir(), key=_size)
    largest.unlink()

    assert copied(versions)
    assert largest.is_file()


def test_a_version_of_which_an_attachment_is_missing_here_is_copied(
    versions: PublishedVersions, store: LayoutStore
) -> None:
    assert copied(versions)
    for blob in (store.folder("acme/digits") / "blobs" / "sha256").iterdir():
        if b"dsse" in blob.read_bytes():
            blob.unlink()

    assert copied(versions)
    assert not copied(versions)


def _size(path: Path) -> int:
    return path.stat().st_size
