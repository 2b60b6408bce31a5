"""Debian packages that a project asks for and that cannot be had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from algo.engines.errors import ImageBuildFailed
from algo.errors import UNREACHABLE, USAGE, AlgoError
from algo.events import silent
from algo.images.errors import BaseUnfit, DebianUnreachable, SystemPackageUnknown
from algo.oci.descriptor import Platform
from algo.project.project import Project

from tests.fakes.images import FakeBuild, FakeImageEngine
from tests.unit.images.projects import MANIFEST, builder, lock, project, runtimes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

UNKNOWN = """Reading package lists...
E: Unable to locate package ffmpgg
E: Package 'libgl1-mesa-glx' has no installation candidate"""
OFFLINE = """W: Failed to fetch http://deb.debian.org/debian/dists/trixie/InRelease  Temporary \
failure resolving 'deb.debian.org'
E: Unable to locate package python3
E: Unable to locate package ffmpgg"""


@dataclass
class Failing(FakeImageEngine):
    """An engine whose builds end with what apt said."""

    said: str = ""

    def build(
        self,
        recipe: bytes,
        base: str,
        tag: str,
        arguments: Mapping[str, str],
        platform: str,
        log: Callable[[str], None],
        files: Mapping[str, bytes] | None = None,
    ) -> FakeBuild:
        """Fail."""
        raise ImageBuildFailed("step 5/5 ended with code 100", details=self.said)


def failure(
    tmp_path: Path, said: str, environment: str, platform: str = "linux/amd64"
) -> AlgoError:
    root = tmp_path / "p"
    project(root)
    (root / "algo.toml").write_text(f"{MANIFEST}\n[environment]\n{environment}\n")
    places = runtimes(tmp_path / "runtimes")
    making = builder(places, tmp_path / "cache", Failing(said=said))
    with pytest.raises(AlgoError) as raised:
        making.build(Project.open(root), lock(), platform=Platform.parse(platform), notify=silent)
    return raised.value


@pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm64"])
def test_a_package_that_debian_lacks_is_told_with_the_line_that_asks_for_it(
    tmp_path: Path, platform: str
) -> None:
    asked = 'system-packages = ["libvips42",\n  "ffmpgg", "libgl1-mesa-glx"]'
    error = failure(tmp_path, UNKNOWN, asked, platform)
    assert isinstance(error, SystemPackageUnknown)
    lines = (tmp_path / "p" / "algo.toml").read_text().splitlines()
    line = 1 + lines.index('  "ffmpgg", "libgl1-mesa-glx"]')
    assert error.message == (
        f"algo.toml:{line}: packages ffmpgg and libgl1-mesa-glx are not in Debian trixie"
    )
    assert "apt-cache search ffm" in error.hint
    assert (error.exit_code, error.details) == (USAGE, "")


def test_packages_that_cannot_be_fetched_are_not_called_unknown(tmp_path: Path) -> None:
    error = failure(tmp_path, OFFLINE, 'system-packages = ["ffmpgg"]')
    assert isinstance(error, DebianUnreachable)
    assert error.message.endswith("Temporary failure resolving 'deb.debian.org'")
    assert error.exit_code == UNREACHABLE


def test_what_apt_says_of_other_packages_stays_as_it_is(tmp_path: Path) -> None:
    error = failure(tmp_path, UNKNOWN, 'system-packages = ["libvips42"]')
    assert isinstance(error, ImageBuildFailed)


def test_on_another_base_that_one_is_named(tmp_path: Path) -> None:
    asked = 'base = "example.com/base:1"\nsystem-packages = ["ffmpgg"]'
    error = failure(tmp_path, UNKNOWN, asked)
    assert isinstance(error, SystemPackageUnknown)
    assert error.message.endswith("package ffmpgg is not in the Debian of example.com/base:1")


@pytest.mark.parametrize(
    "said",
    [
        "/bin/sh: 1: apt-get: not found",
        'OCI runtime create failed: exec: "/bin/sh": stat /bin/sh: no such file or directory',
        "unable to find user root: no matching entries in passwd file",
    ],
)
def test_a_base_that_is_no_debian_is_told_as_such(tmp_path: Path, said: str) -> None:
    error = failure(tmp_path, said, 'base = "example.com/alpine:3"')
    assert isinstance(error, BaseUnfit)
    assert error.message == "example.com/alpine:3 is no Debian: it has no apt-get"
