"""Packages by a language's own steps, run by a bench that is a function."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from algo.environments.errors import (
    IndexUnreachable,
    InstallFailed,
    RequirementInvalid,
    Unsatisfiable,
)
from algo.environments.locking import check_lock, ensure_lock, make_lock
from algo.environments.tools import ToolLocking, Tools
from algo.environments.upgrade import Upgrade
from algo.errors import UNREACHABLE
from algo.events import silent
from algo.languages.errors import RuntimeInvalid
from algo.languages.interface import Finished
from algo.languages.spec import PackagesSpec, RuntimeSpec
from algo.project.errors import LockStale
from algo.project.lock import Target, read
from algo.project.project import Project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from algo.events import Notify
    from algo.languages.interface import Work

SPEC = RuntimeSpec(
    "x",
    "1",
    "debian:trixie-slim",
    packages=PackagesSpec(
        "xpm", files=("x.json",), lock=("x.lock",), resolve=("resolve",), install=("install",)
    ),
)
AMD64 = Target("linux/amd64", "xpm")


@dataclass
class FakeBench:
    """Pins each line of `x.json`; installs a file per pin of the lock."""

    key: str = "fake"
    runs: list[str] = field(default_factory=list)
    saw: list[str] = field(default_factory=list)

    def run(self, work: Work, *, notify: Notify) -> Finished:
        self.runs.append(work.words[0])
        root = work.places["app"]
        self.saw = sorted(path.name for path in root.iterdir())
        names = (root / "x.json").read_text().split()
        if "offline" in names:
            return Finished(1, "npm ERR! code ENOTFOUND")
        if "no-json" in names:
            return Finished(1, f"{root}/x.json:2: SyntaxError: Unexpected token")
        if "bad" in names:
            return Finished(1, f"{root}/x.json:2: there is no bad")
        if work.words[0] == "install":
            for line in (root / "x.lock").read_text().split():
                (work.places["packages"] / line).touch()
            return Finished(0, "")
        pins: list[dict[str, object]] = [
            {"name": name, "version": "1", "hashes": ["sha256:00"], "license": "MIT"}
            for name in names
        ]
        if "native" in names:
            pins[names.index("native")]["platforms"] = ["linux/arm64"]
        (root / "pins.json").write_text("{" if "garbage" in names else json.dumps(pins))
        (root / "x.lock").write_text("\n".join(names))
        return Finished(0, "")


@dataclass
class Site:
    project: Project
    bench: FakeBench
    locking: ToolLocking

    def says(self, text: str) -> None:
        (self.project.root / "x.json").write_text(text)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    root = tmp_path / "p"
    root.mkdir()
    (root / "algo.toml").write_text(
        '[algorithm]\nname = "acme/p"\nlanguage = "x"\nentrypoint = "p.x:apply"\n'
    )
    numbers = iter(range(100))

    @contextmanager
    def scratch() -> Iterator[Path]:
        folder = tmp_path / f"scratch-{next(numbers)}"
        folder.mkdir()
        yield folder

    bench = FakeBench()
    tools = Tools(SPEC, tmp_path, scratch, tmp_path / "kept")
    return Site(Project.open(root), bench, ToolLocking(tools, lambda: bench, "linux/amd64"))


def test_the_tools_own_lock_lies_beside_ours_and_is_bound_to_it(site: Site) -> None:
    site.says("six\nnative\n")
    lock = ensure_lock(site.project, site.locking, notify=silent)
    assert [str(target) for target in lock.targets] == [
        "linux/amd64 xpm runtime",
        "linux/arm64 xpm runtime",
    ]
    assert [(pin.name, pin.kind, pin.license) for pin in lock.pins(AMD64)] == [
        ("six", "xpm", "MIT")
    ]
    assert len(lock.pins(Target("linux/arm64", "xpm"))) == 2
    assert set(lock.files) == {"x.lock"}, "what is published; what authors write may be secret"
    assert read(site.project.lock_path) == lock
    assert check_lock(site.project, site.locking) == lock
    (site.project.root / "x.lock").write_text("another")
    with pytest.raises(LockStale, match=r"x\.lock is not the one that was locked"):
        check_lock(site.project, site.locking)
    site.says("six\n")
    with pytest.raises(LockStale, match="changed"):
        check_lock(site.project, site.locking)


def test_without_the_first_file_there_are_no_packages_and_nothing_runs(site: Site) -> None:
    lock = ensure_lock(site.project, site.locking, notify=silent)
    assert (lock.pins(AMD64), lock.files, site.bench.runs) == ((), {}, [])
    assert AMD64 in lock.targets


def test_an_upgrade_takes_the_tools_lock_away_and_one_package_is_for_the_tool(site: Site) -> None:
    site.says("six\n")
    ensure_lock(site.project, site.locking, notify=silent)
    make_lock(site.project, site.locking, notify=silent)
    assert site.bench.saw == ["x.json", "x.lock"]
    make_lock(site.project, site.locking, notify=silent, upgrade=Upgrade(everything=True))
    assert site.bench.saw == ["x.json"]
    with pytest.raises(RequirementInvalid, match="upgraded by xpm itself"):
        make_lock(site.project, site.locking, notify=silent, upgrade=Upgrade(packages=("six",)))


def test_what_the_tool_refuses_is_told_with_its_file_and_line(site: Site) -> None:
    site.says("six\nbad\n")
    with pytest.raises(Unsatisfiable, match=r"x\.json:2: x\.json cannot be met") as caught:
        ensure_lock(site.project, site.locking, notify=silent)
    assert caught.value.details == "x.json:2: there is no bad"
    assert caught.value.hint == "correct x.json, then: algo lock"
    assert not site.project.lock_path.exists()


def test_a_file_that_cannot_be_read_has_no_requirement_to_loosen(site: Site) -> None:
    site.says("six\nno-json\n")
    with pytest.raises(RequirementInvalid, match=r"x\.json:2: x\.json cannot be read") as caught:
        ensure_lock(site.project, site.locking, notify=silent)
    assert caught.value.hint == "correct x.json, then: algo lock"


def test_a_registry_that_does_not_answer_is_told_as_such(site: Site) -> None:
    site.says("offline\n")
    with pytest.raises(IndexUnreachable, match="its registry does not answer") as caught:
        ensure_lock(site.project, site.locking, notify=silent)
    assert caught.value.exit_code == UNREACHABLE


def test_a_step_that_leaves_no_list_is_a_mistake_of_the_language(site: Site) -> None:
    site.says("garbage\n")
    with pytest.raises(RuntimeInvalid, match=r"left no pins\.json"):
        ensure_lock(site.project, site.locking, notify=silent)


def test_the_lock_is_what_is_installed(site: Site, tmp_path: Path) -> None:
    site.says("six\n")
    ensure_lock(site.project, site.locking, notify=silent)
    target = tmp_path / "target"
    target.mkdir()
    tools = site.locking.tools
    tools.install(site.project.root, "linux/amd64", target, site.bench, notify=silent)
    assert [path.name for path in target.iterdir()] == ["six"]
    site.says("bad\n")
    with pytest.raises(InstallFailed, match="xpm could not install"):
        tools.install(site.project.root, "linux/amd64", target, site.bench, notify=silent)
