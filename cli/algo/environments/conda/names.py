"""What conda calls things: platforms, files, channels, packages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from algo.environments.requirements import Requirements

LOCKFILE = "conda-lock.yml"

_SUBDIRS = {
    "linux/amd64": "linux-64",
    "linux/arm64": "linux-aarch64",
    "darwin/amd64": "osx-64",
    "darwin/arm64": "osx-arm64",
}
# Where a package is called otherwise than on PyPI (conda-forge's own recipes).
_ON_PYPI = {
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "matplotlib-base": "matplotlib",
    "py-opencv": "opencv-python",
    "tensorflow-base": "tensorflow",
    "py-xgboost": "xgboost",
    "msgpack-python": "msgpack",
    "dask-core": "dask",
    "seaborn-base": "seaborn",
    "poppler-python": "python-poppler",
}


def subdir_of(platform: str) -> str:
    """Return what conda calls `platform`, empty when it has no packages for it."""
    return _SUBDIRS.get(platform, "")


def platforms() -> tuple[str, ...]:
    """Return the platforms that conda has packages for, in our words."""
    return tuple(_SUBDIRS)


def platform_of(subdir: str) -> str:
    """Return the platform that conda calls `subdir`, empty for one that algo does not run on."""
    return next((ours for ours, theirs in _SUBDIRS.items() if theirs == subdir), "")


def platforms_of(requirements: Requirements) -> tuple[str, ...]:
    """Return the platforms that an `environment.yml` is for; none when it is for any.

    Raises:
        RequirementInvalid: It cannot be read.
        CondaNotInstalled: It names platforms, and the extra is not installed.
    """
    path = requirements.runtime[0].path
    try:
        named = re.search(r"(?m)^platforms\s*:", path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return ()
    if named is None:
        return ()
    from algo.environments.conda.environment import CondaEnvironment
    from algo.environments.conda.errors import PlatformUnsupported, require_extra

    require_extra()
    subdirs = CondaEnvironment.read(path).platforms
    found = {subdir: platform_of(subdir) for subdir in subdirs}
    usable = tuple(platform for platform in found.values() if platform)
    if subdirs and not usable:
        raise PlatformUnsupported(
            f"{path.name} is for {', '.join(subdirs)}, where no algorithm runs",
            hint=f"write one of {', '.join(_SUBDIRS.values())} under platforms of {path.name}",
        )
    return usable


def on_pypi(name: str) -> str:
    """Return what PyPI calls a Python package."""
    return _ON_PYPI.get(name, name).replace("_", "-").lower()


def build_of(url: str) -> str:
    """Return the build in the name of a package's file, `NAME-VERSION-BUILD.conda`."""
    name = urlsplit(url).path.rpartition("/")[2]
    return name.removesuffix(".conda").removesuffix(".tar.bz2").rpartition("-")[2]


def channel_of(url: str) -> str:
    """Return the name of the channel that a package's file lies in; never its address."""
    parts = urlsplit(url).path.split("/")[:-2]
    return parts[-1] if parts else ""
