"""Python packages through uv: resolved for any platform, installed by hash."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from algo.environments.errors import (
    HashMismatch,
    IndexRefused,
    IndexUnreachable,
    InstallFailed,
    RequirementInvalid,
    Unsatisfiable,
)
from algo.environments.normalise import normalise
from algo.project.lock import Pin
from algo.resources import scratch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from algo.errors import AlgoError
    from algo.project.lock import Target

# The image is Debian trixie (glibc 2.41); 2.28 is what wheels are built for and older bases have.
_PLATFORMS = {
    "linux/amd64": "x86_64-manylinux_2_28",
    "linux/arm64": "aarch64-manylinux_2_28",
    "darwin/amd64": "x86_64-apple-darwin",
    "darwin/arm64": "aarch64-apple-darwin",
}
_MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)\s*(.*)")
_HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")
_UNREACHABLE = ("client error (Connect)", "Request failed after", "dns error", "network was disabl")
_REFUSED = ("(401 Unauthorized)", "(403 Forbidden)")


@dataclass(frozen=True, slots=True)
class Pip:
    """The package manager of Python, on uv.

    Args:
        env: The environment to run uv in: proxies, certificates and UV_* settings count.
        uv: The executable; found beside this Python when it is not given.
    """

    env: Mapping[str, str]
    uv: str = ""

    def resolve(
        self,
        requirements: Sequence[Path],
        target: Target,
        *,
        wheels_only: bool,
        prefer: Mapping[str, str],
        fixed: Sequence[Pin] = (),
    ) -> tuple[Pin, ...]:
        """Resolve with `uv pip compile`; see `PackageManager.resolve`."""
        if not requirements:
            return ()
        with scratch("lock") as folder:
            output, constraints = Path(folder, "locked.txt"), Path(folder, "fixed.txt")
            output.write_text("".join(f"{name}=={prefer[name]}\n" for name in sorted(prefer)))
            constraints.write_text("".join(f"{pin.name}=={pin.version}\n" for pin in fixed))
            root = requirements[0].parent
            arguments = ["pip", "compile", *(os.path.relpath(path, root) for path in requirements)]
            arguments += ["--output-file", str(output), "--constraint", str(constraints)]
            arguments += ["--generate-hashes", "--no-header", "--no-annotate", "--quiet"]
            arguments += _targeting(target)
            arguments += ["--only-binary", ":all:"] if wheels_only else []
            if wheels_only or target.python == _MINOR:
                # Nothing is built, or by this very Python: uv need not try every other one.
                arguments += ["--python", sys.executable]
            what = " and ".join(path.name for path in requirements)
            self._run(arguments, root, Unsatisfiable(f"{what} cannot be met on {target}"))
            return parse_pins(output.read_text(encoding="utf-8"), what)

    def read(self, path: Path) -> tuple[Pin, ...]:
        """Read a requirements file in which every line has hashes."""
        return parse_pins(path.read_text(encoding="utf-8"), path.name)

    def install(self, pins: Sequence[Pin], target: Target, folder: Path) -> None:
        """Install with `uv pip install --target`; see `PackageManager.install`."""
        folder.mkdir(parents=True, exist_ok=True)
        if not pins:
            return
        arguments = ["--target", str(folder), "--only-binary", ":all:", *_targeting(target)]
        self._install(pins, [*arguments, "--python", sys.executable], f"for {target}")
        normalise(folder)

    def fill(self, pins: Sequence[Pin], python: Path) -> None:
        """Install with `uv pip install --python`; see `PackageManager.fill`."""
        if pins:
            self._install(pins, ["--python", str(python)], f"into {python.parent.parent.name}")

    def _install(self, pins: Sequence[Pin], arguments: list[str], what: str) -> None:
        with scratch("install") as folder:
            path = Path(folder, "locked.txt")
            path.write_text(render_pins(pins), encoding="utf-8")
            command = ["pip", "install", "--require-hashes", "--no-deps", "--quiet"]
            failure = InstallFailed(f"the locked packages could not be installed {what}")
            self._run([*command, "-r", str(path), *arguments], Path(folder), failure)

    def _run(self, arguments: list[str], folder: Path, failure: AlgoError) -> None:
        env = {name: value for name, value in self.env.items() if name not in _DROPPED}
        env = {"UV_SYSTEM_CERTS": "1"} | env | {"NO_COLOR": "1", "UV_PYTHON_DOWNLOADS": "never"}
        done = subprocess.run(
            [self.uv or _find_uv(), *arguments],
            cwd=folder,
            env=env,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if done.returncode:
            raise _named(done.stderr, failure)


# What would make uv look at another environment than the one it is told.
_DROPPED = {"VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME"}


def parse_pins(text: str, where: str) -> tuple[Pin, ...]:
    """Read a requirements file in which every line is `name==version --hash=…`.

    Raises:
        RequirementInvalid: A line is not of this form, or has no hash.
    """
    pins = []
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _PIN.fullmatch(line.strip())
        if not match:
            raise RequirementInvalid(
                f"{where}: {line.split(' --hash')[0].strip()!r} cannot be locked",
                details="A lock holds names, versions and hashes; not addresses and folders.",
                hint="publish the package to an index and require it by name",
            )
        hashes = tuple(sorted(set(_HASH.findall(match[3]))))
        if not hashes:
            raise RequirementInvalid(f"{where}: the index gives no SHA-256 for {match[1]}")
        pins.append(Pin(match[1].lower(), match[2], hashes))
    return tuple(sorted(pins))


def render_pins(pins: Iterable[Pin]) -> str:
    """Return `pins` as a requirements file with hashes."""
    return "".join(
        f"{pin.name}=={pin.version}" + "".join(f" --hash={one}" for one in pin.hashes) + "\n"
        for pin in pins
    )


def _targeting(target: Target) -> list[str]:
    platform = _PLATFORMS.get(target.platform)
    version = ["--python-version", target.python]
    return ["--python-platform", platform, *version] if platform else version


def _find_uv() -> str:
    import uv

    return str(uv.find_uv_bin())


def _named(stderr: str, failure: AlgoError) -> AlgoError:
    """Return the error that uv's own words tell of: it has no other channel."""
    details = stderr.strip()
    if any(word in stderr for word in _REFUSED):
        return IndexRefused("the package index refused access", details=details)
    if any(word in stderr for word in _UNREACHABLE):
        return IndexUnreachable("the package index could not be reached", details=details)
    if "Hash mismatch" in stderr:
        return HashMismatch("a package is not the one that was locked", details=details)
    if "os error 28" in stderr:
        from algo.errors import DiskFull

        return DiskFull("the disk is full: packages could not be unpacked", details=details)
    if "Couldn't parse requirement" in stderr or "Unsupported requirement" in stderr:
        return RequirementInvalid("a requirement cannot be parsed", details=details)
    return type(failure)(failure.message, details=details)
