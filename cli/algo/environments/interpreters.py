"""Find a Python on this machine that fits what `algo.toml` asks for."""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from algo.environments.errors import PythonNotFound, RequirementInvalid
from algo.project.errors import ManifestInvalid
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_NEWEST, _OLDEST = 15, 9
_PATCHES = 50
_PROBE = (
    "import json,platform,sys;"
    "print(json.dumps([platform.python_version(),sys.platform,platform.machine()]))"
)
_MACHINES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


class Interpreter(Value, frozen=True):
    """A Python of this machine: `version` as `3.11.7`, `platform` as `linux/amd64`."""

    path: Path
    version: str
    platform: str

    @property
    def minor(self) -> str:
        """The version's first two numbers."""
        return ".".join(self.version.split(".")[:2])


def admits(wanted: str, minor: str, where: str) -> bool:
    """Tell whether `requires-python` takes some release of a Python: `3.13`.

    Raises:
        RequirementInvalid: `wanted` is no specifier; `where` has it.
    """
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        allowed = SpecifierSet(wanted)
    except InvalidSpecifier as error:
        raise RequirementInvalid(
            f"{where}: requires-python {wanted!r} is not a version of Python",
            hint=f'write it as requires-python = ">=3.11" in {where}, then: algo lock',
        ) from error
    return any(allowed.contains(f"{minor}.{patch}") for patch in range(_PATCHES))


def fits(python: str, version: str) -> bool:
    """Tell whether `version` meets `python` of an `algo.toml`: `3.13` or a specifier.

    Raises:
        ManifestInvalid: `python` is neither.
    """
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    bare = re.fullmatch(r"\d+\.\d+", python.strip())
    try:
        return SpecifierSet(f"=={python.strip()}.*" if bare else python).contains(version)
    except InvalidSpecifier as error:
        raise ManifestInvalid(
            f"algo.toml: environment.python {python!r} is not a version of Python",
            hint='write it as python = "3.13" or python = ">=3.11"',
        ) from error


def this_interpreter() -> Interpreter:
    """Return the Python that runs this process."""
    here = _platform(sys.platform, platform.machine())
    return Interpreter(Path(sys.executable), platform.python_version(), here)


def find_interpreter(python: str, env: Mapping[str, str]) -> Interpreter:
    """Return a Python that meets `python`: our own when it does, else the newest on PATH.

    Raises:
        PythonNotFound: None does; the message names those that were found.
        ManifestInvalid: `python` cannot be understood.
    """
    own = this_interpreter()
    if fits(python, own.version):
        return own
    seen = [own]
    for candidate in _on_path(env.get("PATH", "")):
        found = probe(candidate, env)
        if found is None:
            continue
        if fits(python, found.version):
            return found
        seen.append(found)
    places = {one.version: one.path for one in reversed(seen)}
    names = ", ".join(f"{version} ({path})" for version, path in places.items())
    raise PythonNotFound(f"no Python on this machine meets {python!r}; found {names}")


def probe(path: Path, env: Mapping[str, str]) -> Interpreter | None:
    """Ask the program at `path` which Python it is; None when it is none that runs."""
    try:
        done = subprocess.run(
            [str(path), "-I", "-c", _PROBE],
            env=dict(env),
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
        version, system, machine = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return Interpreter(path, version, _platform(system, machine))


def find_minor(minor: str, env: Mapping[str, str]) -> Path | None:
    """Return a Python of the `minor` version (`3.13`) on this machine, None when there is none."""
    own = this_interpreter()
    if own.minor == minor:
        return own.path
    found = shutil.which(f"python{minor}", path=env.get("PATH", ""))
    return Path(found) if found and probe(Path(found), env) is not None else None


def _on_path(search: str) -> Iterable[Path]:
    names = [f"python3.{minor}" for minor in range(_NEWEST, _OLDEST - 1, -1)]
    for name in (*names, "python3"):
        found = shutil.which(name, path=search)
        if found:
            yield Path(found)


def _platform(system: str, machine: str) -> str:
    return f"{system.rstrip('2')}/{_MACHINES.get(machine, machine)}"
