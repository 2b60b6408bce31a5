"""Other people's programs that the tests check our artifacts with."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.machine import apt
from tests.machine.commands import output_of
from tests.machine.places import cache_folder, locked
from tests.machine.say import MachineError, say


@dataclass(frozen=True, slots=True)
class Tool:
    """A program of a Debian package; without suites it is installed, else unpacked.

    Attributes:
        package: The Debian package.
        program: The program in it.
        suites: Debian suites that are tried in this order.
        more: Packages that it does not run without.
    """

    package: str
    program: str
    suites: tuple[str, ...] = ()
    more: tuple[str, ...] = ()


TOOLS = {
    "cosign3": Tool("cosign", "usr/bin/cosign", ("forky", "sid")),
    "cosign2": Tool("cosign", "usr/bin/cosign", ("trixie",)),
    "buildx": Tool(
        "docker-buildx", "usr/libexec/docker/cli-plugins/docker-buildx", ("trixie", "sid")
    ),
    "crane": Tool("crane", "usr/bin/crane", ("forky", "sid")),
    "oras": Tool("oras", "usr/bin/oras", ("trixie",)),
    "docker-registry": Tool("docker-registry", "usr/bin/docker-registry", ("bookworm", "trixie")),
    # The first of Docker's engines that finds CDI devices by itself (28.2).
    "docker28": Tool("docker.io", "usr/sbin/dockerd", ("sid",), ("containerd",)),
    "podman": Tool(
        "podman",
        "usr/bin/podman",
        ("bookworm",),
        (
            "catatonit",
            "conmon",
            "golang-github-containers-common",
            "libsubid4",
            "netavark",
        ),
    ),
    "prometheus": Tool("prometheus", "usr/bin/prometheus", ("bookworm", "trixie")),
    # Runs programs of another processor, for the tests of images that are made without it.
    "qemu": Tool("qemu-user-static", "usr/bin/qemu-aarch64-static", ("bookworm", "trixie")),
    "skopeo": Tool("skopeo", "usr/bin/skopeo"),
}


def tool(name: str) -> Path:
    """Return the program of a tool that `fetch` has brought.

    Raises:
        MachineError: It has not been brought yet.
    """
    wanted = TOOLS[name]
    if not wanted.suites:
        found = shutil.which(Path(wanted.program).name)
        if found:
            return Path(found)
    elif (program := cache_folder("tools") / name / wanted.program).is_file():
        return program
    raise MachineError(f"{name} is not here: python3 -m tests.machine tools")


def fetch(name: str) -> Path:
    """Return the program of a tool, brought first when it is missing.

    Raises:
        MachineError: It can't be had on this machine.
    """
    wanted = TOOLS[name]
    if not wanted.suites:
        if shutil.which(Path(wanted.program).name) is None:
            apt.install(wanted.package)
        say(f"{name}: {output_of([tool(name), '--version'])}")
        return tool(name)
    with locked(f"tool-{name}"):
        folder = cache_folder("tools") / name
        if not (folder / wanted.program).is_file():
            _unpack(wanted, folder)
        say(f"{name}: {wanted.package} {version(name)}")
        return folder / wanted.program


def version(name: str) -> str:
    """Return the version of Debian's package that an unpacked tool came in."""
    return (cache_folder("tools") / name / "version").read_text(encoding="utf-8").strip()


def _unpack(wanted: Tool, folder: Path) -> None:
    refusals = []
    for suite in wanted.suites:
        fresh = Path(tempfile.mkdtemp(dir=folder.parent))
        try:
            versions = apt.unpack(suite, [wanted.package, *wanted.more], fresh)
            (fresh / "version").write_text(versions[wanted.package] + "\n", encoding="utf-8")
            shutil.rmtree(folder, ignore_errors=True)
            fresh.rename(folder)
            return
        except MachineError as error:
            refusals.append(str(error))
            shutil.rmtree(fresh)
    raise MachineError("\n".join(refusals))
