"""Run the real conda-lock, in an environment of its own, on a conda that is there or on ours."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from algo.environments.conda import program
from algo.environments.conda.condarc import Condarc
from algo.environments.conda.errors import failure_of
from algo.environments.conda.kept import LOCKS, REPODATA, home_of, using
from algo.environments.conda.lockfile import parse
from algo.environments.conda.names import LOCKFILE
from algo.environments.errors import RequirementInvalid
from algo.environments.interpreters import this_interpreter
from algo.environments.parallel import run
from algo.environments.virtualenv import ensure_environment
from algo.events import silent
from algo.project.lock import Lock, Target
from algo.resources import scratch
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from algo.environments.conda.environment import CondaEnvironment
    from algo.environments.conda.lockfile import CondaLock
    from algo.environments.interface import PackageManager
    from algo.errors import AlgoError
    from algo.resources import Folders

HERE = Path(__file__).resolve().parent
_FOREIGN = ("micromamba", "mamba", "conda")
_SECRET = re.compile(r"(?<=://)[^/@\s]+@|/t/[^/]+/")
_PLATFORM = re.compile(r"Could not lock the environment for platform (\S+)")
_NOISE = re.compile(r"^ +(Command|STDOUT|STDERR):", re.MULTILINE)


class Locker(Value, frozen=True):
    """Makes a `conda-lock.yml`.

    Args:
        env: Proxies, certificates and CONDA_* variables count.
        folders: conda-lock's environment and what it fetched lie in the cache.
        pip: Installs conda-lock.
        cuda: The CUDA that may be relied on, empty for none.
    """

    env: Mapping[str, str]
    folders: Folders
    pip: PackageManager
    cuda: str = ""

    def lock(
        self, environment: CondaEnvironment, subdirs: Sequence[str], kept: Sequence[dict[str, str]]
    ) -> Path:
        """Return the folder of a `conda-lock.yml` for `environment`, in the cache by what it holds.

        Args:
            environment: What is wanted.
            subdirs: The platforms, in conda's words.
            kept: `name`, `version` and `sha256` of packages to keep where that is possible; a
                conda of the machine's own does not know of them.

        Raises:
            Unsatisfiable: No set of versions fits.
            ChannelUnreachable: A channel does not answer.
            ChannelRefused: A channel asks for credentials.
            RequirementInvalid: conda-lock does not understand the file.
        """
        channels = environment.channels or Condarc.read(self.env).channels
        if not channels:
            raise RequirementInvalid(
                f"{environment.name} names no channels",
                hint=f"write `channels: [conda-forge]` into {environment.name}, then: algo lock",
            )
        with using(self.folders), scratch("conda") as name:
            folder = Path(name)
            (folder / environment.name).write_text(environment.for_conda(channels))
            (folder / "names.json").write_text("{}")
            (folder / "kept.json").write_text(json.dumps(list(kept)))
            self._run(folder, environment.name, subdirs)
            text = (folder / LOCKFILE).read_text(encoding="utf-8")
        _refuse_secrets(parse(text), environment.name)
        return self._keep(text)

    def _keep(self, text: str) -> Path:
        home = home_of(self.folders) / LOCKS / hashlib.sha256(text.encode()).hexdigest()
        home.mkdir(parents=True, exist_ok=True)
        unfinished = home / f".{os.getpid()}-{LOCKFILE}"
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(home / LOCKFILE)
        return home

    def _run(self, folder: Path, source: str, subdirs: Sequence[str]) -> None:
        conda = _foreign(self.env) or _own(folder)
        command = [str(self._tool()), "-P", "-m", "conda_lock", "lock", "--conda", str(conda)]
        command += ["--file", source, "--lockfile", LOCKFILE, "--log-level", "ERROR"]
        command += [word for subdir in subdirs for word in ("--platform", subdir)]
        command += ["--with-cuda", self.cuda] if self.cuda else ["--without-cuda"]
        # Only conda-lock's own pip solver needs the names that PyPI has; the section is uv's.
        command += ["--pypi_to_conda_lookup_file", (folder / "names.json").as_uri()]
        report = folder / "report.json"
        variables = {
            program.CACHE: str(home_of(self.folders) / REPODATA),
            program.KEEP: str(folder / "kept.json"),
            program.REPORT: str(report),
            "ALGO_CONDA_PYTHON": sys.executable,
            "PYTHONPATH": "",
            "TMPDIR": str(folder),
        }
        done = run(command, folder, dict(self.env) | variables)
        if done.returncode or not (folder / LOCKFILE).is_file():
            raise _named(report, done.stderr, source)

    def _tool(self) -> Path:
        """Return the Python of conda-lock's environment, made first when it is not there."""
        host = this_interpreter()
        pins = self.pip.read(HERE / "conda-lock.txt")
        lock = Lock("", {Target(host.platform, host.minor): pins}, {})
        environment = ensure_environment(
            lock, host, self.pip, self.folders, tests=False, notify=silent
        )
        return environment.python


def _refuse_secrets(made: CondaLock, name: str) -> None:
    """Refuse a password or a token in an address: the file is committed."""
    for package in made.package:
        secret = _SECRET.search(package.url)
        if secret and "$" not in secret[0]:
            raise RequirementInvalid(
                f"a channel of {name} has a password or a token in its address, which "
                f"{LOCKFILE} would hold, too",
                hint="write it as https://$USER:$PASSWORD@host/channel and set both variables",
            )


def _foreign(env: Mapping[str, str]) -> Path | None:
    """Return the conda, mamba or micromamba of this machine, that of `ALGO_CONDA` first."""
    asked = env.get("ALGO_CONDA", "")
    if asked == "none":
        return None
    for name in (asked,) if asked else _FOREIGN:
        found = shutil.which(name, path=env.get("PATH", ""))
        if found:
            return Path(found)
    return None


def _own(folder: Path) -> Path:
    """Return our small conda: a program, as conda-lock starts one."""
    place = folder / "conda"
    shutil.copyfile(HERE / "conda.sh", place)
    place.chmod(0o755)
    return place


def _named(report: Path, stderr: str, source: str) -> AlgoError:
    """Return the error that our conda wrote down, else what conda-lock itself says."""
    if report.is_file():
        said = json.loads(report.read_text(encoding="utf-8"))
        return failure_of(said["kind"], said["text"], f"{source} on {said['platform']}")
    text = _NOISE.split(stderr)[0].strip() if _PLATFORM.search(stderr) else stderr.strip()
    platform = _PLATFORM.search(stderr)
    where = f"{source} on {platform[1]}" if platform else source
    kind = "unsatisfiable" if platform else "invalid"
    if any(word in stderr for word in ("ConnectionError", "CondaHTTPError", "Could not resolve")):
        kind = "unreachable"
    return failure_of(kind, "\n".join(text.splitlines()[-20:]), where)
