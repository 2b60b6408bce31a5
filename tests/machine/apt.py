"""Debian's packages: installed on this machine, or unpacked beside it from a newer suite.

apt checks the archive's signature in both cases, with the machine's own keys.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from tests.machine.commands import output_of, succeeds
from tests.machine.places import cache_folder, locked
from tests.machine.say import MachineError, say

SOURCES = Path("/etc/apt/sources.list.d")


def available() -> bool:
    """Tell whether this user may install Debian packages here."""
    return shutil.which("apt-get") is not None and os.geteuid() == 0


def installed(package: str) -> bool:
    """Tell whether the Debian package is installed."""
    return succeeds(["dpkg", "--status", package])


def install(*packages: str) -> None:
    """Install the Debian packages that are missing, and say so.

    Raises:
        MachineError: This is no Debian machine, this user is not root, or apt refused.
    """
    missing = [name for name in packages if not installed(name)]
    if not missing:
        return
    names = " ".join(missing)
    if not available():
        raise MachineError(f"{names} is missing: as root, apt-get install {names}")
    say(f"installing Debian packages: {names}")
    with locked("apt"):
        _refresh()
        # RUNLEVEL=1: without systemd, no package may start a service of its own.
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        command = ["apt-get", "install", "-y", "-q", "--no-install-recommends"]
        lock = ["-o", "DPkg::Lock::Timeout=300"]
        output_of([*command, *lock, *missing], timeout=900, env=env)


@cache
def _refresh() -> None:
    output_of(["apt-get", "update", "-q", "-o", "DPkg::Lock::Timeout=300"], timeout=600)


def mirror() -> str:
    """Return the Debian mirror that this machine's own apt sources name first.

    Raises:
        MachineError: The sources name none.
    """
    for file in [*sorted(SOURCES.glob("debian*.sources")), *sorted(SOURCES.glob("*.sources"))]:
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("URIs:"):
                return line.split()[1]
    for file in [SOURCES.parent / "sources.list", *sorted(SOURCES.glob("*.list"))]:
        if not file.is_file():
            continue
        for line in file.read_text(encoding="utf-8").splitlines():
            uris = [word for word in line.split()[1:] if "://" in word]
            if line.startswith("deb ") and uris:
                return uris[0]
    raise MachineError("this machine's apt sources name no mirror")


def unpack(suite: str, packages: list[str], target: Path) -> dict[str, str]:
    """Unpack `packages` of a Debian suite below `target`, leaving the system as it is.

    Returns:
        The version of each package.

    Raises:
        MachineError: The suite or a package can't be had.
    """
    if shutil.which("apt-get") is None:
        raise MachineError(f"{' '.join(packages)} comes from Debian, and there is no apt-get here")
    say(f"fetching from Debian {suite}: {' '.join(packages)}")
    with locked(f"apt-{suite}"):
        options = _private_folders(suite)
        versions = {}
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            downloads = Path(folder)
            output_of(["apt-get", *options, "download", *packages], timeout=600, cwd=downloads)
            for archive in sorted(downloads.glob("*.deb")):
                output_of(["dpkg", "-x", archive, target], timeout=300)
                name, version = _identity(archive)
                versions[name] = version
    return versions


def _identity(archive: Path) -> tuple[str, str]:
    fields = output_of(["dpkg-deb", "--show", "--showformat=${Package} ${Version}", archive])
    name, version = fields.split()
    return name, version


@cache
def _private_folders(suite: str) -> tuple[str, ...]:
    """Return apt options that read `suite` through folders of our own, lists refreshed."""
    root = cache_folder("apt") / suite
    for name in ("state/lists/partial", "cache/archives/partial"):
        (root / name).mkdir(parents=True, exist_ok=True)
    sources = root / "sources.list"
    sources.write_text(f"deb {mirror()} {suite} main\n", encoding="utf-8")
    settings = (
        f"Dir::Etc::sourcelist={sources}",
        "Dir::Etc::sourceparts=-",
        f"Dir::State={root / 'state'}",
        f"Dir::Cache={root / 'cache'}",
        "Dir::State::status=/var/lib/dpkg/status",
        "APT::Sandbox::User=root",
        "APT::Update::Error-Mode=any",
        "Acquire::Languages=none",
        "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
    )
    options = tuple(word for setting in settings for word in ("-o", setting))
    output_of(["apt-get", *options, "update", "-q"], timeout=600)
    return options
