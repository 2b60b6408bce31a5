"""Packages that come as source: built on this machine, and (slow) in the image of compilers."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from algo.environments.errors import HashMismatch, WheelBuildFailed, WheelDiffers, WheelMissing
from algo.environments.interpreters import this_interpreter
from algo.environments.locking import Locking, make_lock
from algo.environments.pip import Pip
from algo.environments.upgrade import NOTHING, Upgrade
from algo.events import Event, Step, Warned
from algo.images.cache import Cache
from algo.images.recipe import host_platform
from algo.images.workshop import ImageWorkshop
from algo.languages.runtimes import Runtimes
from algo.project.lock import UNBUILT, Lock, Target, read
from algo.project.project import Project
from algo.resources import data_folder
from algo.storage.kinds import IN_USE, Files

from tests.fakes.sdists import compiled, pure
from tests.fakes.wheels import wheel
from tests.fakes.workshops import HostWorkshop

if TYPE_CHECKING:
    from algo.environments.interface import Workshop

HOST = this_interpreter()
AMD64 = Target("linux/amd64", HOST.minor)
MACHINES = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}
ARM64 = Target("linux/arm64", HOST.minor)


class Site:
    """A project, an index of files beside it, and a cache."""

    def __init__(self, root: Path, requirements: str) -> None:
        self.files = root / "files"
        self.cache = root / "cache"
        home = root / "p"
        home.mkdir()
        (home / "algo.toml").write_text(
            '[algorithm]\nname = "acme/p"\nlanguage = "python"\nentrypoint = "p.py:apply"\n'
        )
        (home / "requirements.in").write_text(f"--find-links ../files\n{requirements}")
        self.project = Project.open(home)
        self.events: list[Event] = []

    def pip(self, workshop: Workshop | None = None, cache: str = "") -> Pip:
        where = self.cache / cache if cache else self.cache
        place = self.files.with_name("build")
        return Pip(os.environ, workshop or HostWorkshop(place), where, self.events.append)

    def lock(self, pip: Pip, minor: str = HOST.minor, upgrade: Upgrade = NOTHING) -> Lock:
        locking = Locking(pip, HOST, minor)
        return make_lock(self.project, locking, notify=self.events.append, upgrade=upgrade).lock

    def said(self, kind: type[Step] | type[Warned]) -> list[str]:
        return [one.text for one in self.events if isinstance(one, kind)]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    found = Site(tmp_path, "algotestpure\nalgotestc\n")
    pure(found.files, "algotestpure", "1.0", "ANSWER = 7\n")
    compiled(found.files, "algotestc", "1.0", 42)
    return found


def hashes(lock: Lock, target: Target) -> dict[str, str]:
    return {pin.name: pin.wheel for pin in lock.pins(target)}


def test_source_is_built_hashed_into_the_lock_and_installed(site: Site, tmp_path: Path) -> None:
    pip = site.pip()
    lock = site.lock(pip)
    built = hashes(lock, AMD64)

    assert all(one.startswith("sha256:") for one in built.values())
    assert read(site.project.lock_path) == lock
    pure_pin = next(pin for pin in lock.pins(AMD64) if pin.name == "algotestpure")
    assert pure_pin.tools[0].startswith("setuptools==")
    # Pure is pure on every platform; what is compiled is left for a machine that can.
    assert hashes(lock, ARM64) == {"algotestpure": built["algotestpure"], "algotestc": UNBUILT}
    assert "no index has a wheel of algotestc for linux/arm64" in site.said(Warned)[0]

    pip.install(lock.pins(AMD64), AMD64, tmp_path / "t", project=site.project)
    code = "import algotestc, algotestpure; print(algotestc.answer(), algotestpure.ANSWER)"
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "t")}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.stdout == "42 7\n"
    with pytest.raises(WheelMissing) as caught:
        pip.install(lock.pins(ARM64), ARM64, tmp_path / "u", project=site.project)
    assert "algotestc 1.0 comes as source alone" in caught.value.message

    # Who makes room leaves what is used.
    kept = Files("built wheels", site.cache / "wheels", "*/*.whl")
    assert [(one.name, kept.remove(one)) for one in kept.items()] == [
        (path.name, IN_USE) for path in sorted((site.cache / "wheels").glob("*/*.whl"))
    ]
    # Nothing is built twice: not for a new lock, and not for a lock that is made from nothing.
    site.events.clear()
    assert site.lock(pip) == lock
    site.project.lock_path.unlink()
    assert site.lock(pip) == lock
    assert not [one for one in site.said(Step) if one.startswith("Building")]


def test_what_is_built_again_is_the_same_or_refused(site: Site, tmp_path: Path) -> None:
    lock = site.lock(site.pip())
    pins = lock.pins(AMD64)
    site.pip(cache="other").install(pins, AMD64, tmp_path / "t", project=site.project)
    assert (tmp_path / "t" / "algotestpure.py").is_file()

    wrong = [replace(pin, wheel="sha256:" + "0" * 64) for pin in pins]
    with pytest.raises(WheelDiffers) as caught:
        site.pip(cache="other").install(wrong, AMD64, tmp_path / "u", project=site.project)
    assert (caught.value.hint, caught.value.exit_code) == ("algo lock --upgrade algotestc", 4)

    # The hint's command takes what is built here, and only of that package.
    locked = site.project.lock_path
    locked.write_text(locked.read_text().replace(hashes(lock, AMD64)["algotestc"][7:], "0" * 64))
    assert hashes(site.lock(site.pip()), AMD64)["algotestc"] == "sha256:" + "0" * 64
    assert site.lock(site.pip(), upgrade=Upgrade(packages=("algotestc",))) == lock

    compiled(site.files, "algotestc", "1.0", 43)
    with pytest.raises(HashMismatch, match=r"algotestc-1\.0\.tar\.gz is not the one"):
        site.pip(cache="third").install(pins, AMD64, tmp_path / "v", project=site.project)


def test_an_older_version_with_a_wheel_comes_before_a_newer_source(tmp_path: Path) -> None:
    site = Site(tmp_path, "algotestboth\nalgotestpure\n")
    pure(site.files, "algotestpure", "1.0", "ANSWER = 7\n")
    pure(site.files, "algotestboth", "2.0", "")
    wheel(site.files, "algotestboth", "1.0", "")
    lock = site.lock(site.pip())

    assert {pin.name: pin.version for pin in lock.pins(AMD64)} == {
        "algotestboth": "1.0",
        "algotestpure": "1.0",
    }


def test_without_an_engine_the_fix_is_named(site: Site, tmp_path: Path) -> None:
    pip = site.pip(HostWorkshop(tmp_path, works=False))
    lock = site.lock(pip)
    assert "no engine here can build it" in site.said(Warned)[0]

    with pytest.raises(WheelMissing) as caught:
        pip.install(lock.pins(AMD64), AMD64, tmp_path / "t", project=site.project)
    assert caught.value.hint == "start Docker, then: algo lock"
    # Once there is one, the same command mends the lock.
    assert hashes(site.lock(site.pip()), AMD64)["algotestc"].startswith("sha256:")


def test_a_build_that_fails_says_what_the_compiler_said(tmp_path: Path) -> None:
    site = Site(tmp_path, "algotestc\n")
    compiled(site.files, "algotestc", "1.0", 42, head="#include <nope.h>\n")

    with pytest.raises(WheelBuildFailed, match=r"algotestc 1\.0 could not be built") as caught:
        site.lock(site.pip())
    assert "nope.h" in caught.value.details
    assert "system-packages" in caught.value.hint


def test_files_of_a_folder_that_the_environment_names_are_found_beside_what_was_built(
    tmp_path: Path,
) -> None:
    site = Site(tmp_path, "algotestpure\nalgotestlocal\n")
    pure(site.files, "algotestpure", "1.0", "ANSWER = 7\n")
    wheel(tmp_path / "more", "algotestlocal", "1.0", "")
    pip = replace(site.pip(), env={**os.environ, "UV_FIND_LINKS": str(tmp_path / "more")})
    lock = site.lock(pip)
    pip.install(lock.pins(AMD64), AMD64, tmp_path / "t", project=site.project)

    names = {path.name for path in (tmp_path / "t").glob("*.py")}
    assert names == {"algotestpure.py", "algotestlocal.py"}


@pytest.mark.slow
@pytest.mark.usefixtures("engine")
def test_an_image_builds_the_same_wheels_twice(
    site: Site, session_cache: Path, tmp_path: Path
) -> None:
    from algo.engines.docker_client import find
    from algo.engines.docker_images import DockerImages

    images = DockerImages(find(os.environ, Path.home()), os.environ)
    runtimes, host = Runtimes(data_folder("runtimes")), str(host_platform())
    workshop = ImageWorkshop(Cache(session_cache), runtimes, lambda: images, host)
    target = Target(host, "3.13")
    first = site.lock(site.pip(workshop), "3.13")
    site.project.lock_path.unlink()
    again = site.lock(site.pip(workshop, "other"), "3.13")

    assert hashes(first, target) == hashes(again, target)
    assert all(one.startswith("sha256:") for one in hashes(first, target).values())
    site.pip(workshop).install(first.pins(target), target, tmp_path / "t", project=site.project)
    assert [path.name for path in (tmp_path / "t").glob("algotestc*.so")] == [
        f"algotestc.cpython-313-{MACHINES[host]}-linux-gnu.so"
    ]
    (kept,) = (site.cache / "wheels").glob(f"{hashes(first, target)['algotestc'][7:]}/*.whl")
    assert f"cp313-cp313-linux_{MACHINES[host]}" in kept.name
