"""The locked runtime image, taken from a version that was published on it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from algo.events import Event, Warned, silent
from algo.images.cache import Cache
from algo.oci.reference import Reference
from algo.project.lock import parse, read, render
from algo.project.project import Project
from algo.publish.release import Contents
from algo.publish.runtimes import PublishedRuntimes
from algo.trust.keys import SigningKey

from tests.fakes.images import FakeImageEngine
from tests.fakes.registry import MemoryRegistry
from tests.unit.images.projects import MANIFEST, builder, lock, project, runtimes
from tests.unit.trust.publishing import ALGORITHM, put

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from algo.images.image import BuiltImage


class Machines:
    """Several that build one project; what the distribution has is another on each."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.registry = folder, MemoryRegistry()
        self.languages = runtimes(folder / "r")
        self.root = project(folder / "p").root
        self.engines: list[FakeImageEngine] = []

    def build(self, environment: str = "", notify: Callable[[Event], None] = silent) -> BuiltImage:
        """Build on a machine that has nothing, with these lines under `[environment]`."""
        text = MANIFEST.replace("[models]", f"[environment]\n{environment}\n[models]")
        (self.root / "algo.toml").write_text(text)
        number = len(self.engines)
        cache = self.folder / f"cache{number}"
        self.engines.append(FakeImageEngine(today=b"%d" % number))
        made = builder(self.languages, cache, self.engines[-1])
        found = PublishedRuntimes(lambda host: self.registry, Cache(cache))
        here = Project.open(self.root)
        locked = read(here.lock_path) or lock()
        return replace(made, published=found).build(here, locked, notify=notify)

    def publish(self, image: BuiltImage) -> None:
        reference = Reference("", "acme/p", "1.0.0")
        put(
            self.registry, Contents(reference, ALGORITHM, (image,), b"", b""), SigningKey.generate()
        )


@pytest.fixture
def machines(tmp_path: Path) -> Machines:
    return Machines(tmp_path)


@pytest.mark.parametrize("environment", ["", 'system-packages = ["jq"]', 'base = "cuda:12"'])
def test_a_machine_without_it_takes_the_one_that_is_locked(
    machines: Machines, environment: str
) -> None:
    first = machines.build(environment)
    machines.publish(first)
    assert machines.build(environment).digest == first.digest
    assert machines.engines[-1].builds == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", 'system-packages = ["jq"]'),
        ('system-packages = ["jq"]', 'system-packages = ["jq", "git"]'),
        ("", 'base = "cuda:12"'),
        ('base = "cuda:12"', ""),
        ('base = "cuda:12"', 'base = "cuda:13"'),
    ],
)
def test_it_is_not_taken_for_a_project_that_asks_for_another(
    machines: Machines, before: str, after: str
) -> None:
    machines.publish(machines.build(before))
    machines.build(after)
    assert len(machines.engines[-1].builds) == 1


def test_the_lock_gets_the_one_that_is_made_for_other_packages(machines: Machines) -> None:
    before = machines.build()
    told: list[Event] = []
    after = machines.build('system-packages = ["jq", "git"]', told.append)
    locked = read(machines.root / "algo.lock")
    assert locked is not None and before.runtime != after.runtime
    assert locked.runtimes == {"linux/amd64": str(after.runtime)}
    assert locked.asked == {"linux/amd64": "git jq"}
    assert parse(render(locked)) == locked
    assert not [event for event in told if isinstance(event, Warned)]
    machines.build()
    assert not (read(machines.root / "algo.lock") or locked).asked


def test_what_the_distribution_changed_is_told_and_not_locked(machines: Machines) -> None:
    first = machines.build('system-packages = ["jq"]')
    told: list[Event] = []
    machines.build('system-packages = ["jq"]', told.append)
    assert any(isinstance(event, Warned) and "the lock has" in event.text for event in told)
    locked = read(machines.root / "algo.lock")
    assert locked is not None and locked.runtimes == {"linux/amd64": str(first.runtime)}
