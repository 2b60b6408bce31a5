"""The project's environment on the host: made by virtualenv, filled from the lock."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from algo.environments.errors import InstallFailed
from algo.environments.intact import is_settled
from algo.events import Step, counted
from algo.project.lock import RUNTIME, TEST
from algo.resources import writing
from algo.storage.held import PROCESS
from algo.storage.trees import COMPLETE, this_run
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from algo.environments.interface import PackageManager
    from algo.environments.interpreters import Interpreter
    from algo.events import Notify
    from algo.project.lock import Lock, Pin
    from algo.project.project import Project
    from algo.resources import Folders

_FORMAT = "1"


class HostEnvironment(Value, frozen=True):
    """A virtual environment that holds the locked packages; `created` when it was made now."""

    root: Path
    created: bool

    @property
    def bin(self) -> Path:
        """The folder of its programs."""
        return self.root / "bin"

    @property
    def python(self) -> Path:
        """Its Python."""
        return self.root / "bin" / "python"

    def variables(self, project: Path, env: Mapping[str, str]) -> dict[str, str]:
        """Return `env` as a program in this environment, started in `project`, needs it.

        The project's `src` folder is importable, as it is for the runner.
        """
        search = [str(project / "src"), *filter(None, [env.get("PYTHONPATH", "")])]
        path = [str(self.bin), *filter(None, [env.get("PATH", "")])]
        kept = {name: value for name, value in env.items() if name != "PYTHONHOME"}
        conda = (self.root / "conda-meta").is_dir()
        return kept | {
            "CONDA_PREFIX" if conda else "VIRTUAL_ENV": str(self.root),
            "PATH": os.pathsep.join(path),
            "PYTHONPATH": os.pathsep.join(search),
        }


def ensure_environment(
    lock: Lock,
    host: Interpreter,
    manager: PackageManager,
    folders: Folders,
    *,
    tests: bool,
    notify: Notify,
    project: Project | None = None,
) -> HostEnvironment:
    """Return the environment of `lock` for `host`, made first when it is not there.

    It is found by what it holds, so that projects with the same lock share one, and any
    number of processes may ask at once. An environment that was not finished is made anew.

    Args:
        lock: The project's lock.
        host: The Python it is for.
        manager: Installs the packages.
        folders: The environment lies in the cache.
        tests: Whether it also holds what the project's tests need.
        notify: Gets a step when it must be made.
        project: Whose lock it is; its files may name indexes.

    Raises:
        InstallFailed: A package cannot be installed, or virtualenv fails.
        HashMismatch: A package is not the one that was locked.
        IndexUnreachable: The package index does not answer.
    """
    groups = (RUNTIME, TEST) if tests else (RUNTIME,)
    targets = [lock.target(host.platform, host.minor, group) for group in groups]
    pins = [pin for target in targets for pin in lock.pins(target)]
    # Packages have its path written into them, so it has one name, whatever link leads there.
    home = (folders.cache / "environments").resolve()
    root = home / _key(pins, host)
    if _use(root):
        return HostEnvironment(root, created=False)
    home.mkdir(parents=True, exist_ok=True)
    with _locked(home / f"{root.name}.lock"):
        if _use(root):
            return HostEnvironment(root, created=False)
        notify(Step(f"Installing {counted(len(pins), 'package')} for {targets[0].named}"))
        with writing(home):
            shutil.rmtree(root, ignore_errors=True)
            manager.create(pins, root, host)
            manager.fill(pins, root / "bin" / "python", project=project)
            (root / COMPLETE).write_text(this_run(), encoding="utf-8")
            _use(root)
    return HostEnvironment(root, created=True)


def unfinished(folders: Folders) -> tuple[Path, ...]:
    """Return the environments that no process is making and that were never finished."""
    home = folders.cache / "environments"
    if not home.is_dir():
        return ()
    candidates = [path for path in sorted(home.iterdir()) if path.is_dir()]
    return tuple(
        path
        for path in candidates
        if not (path / COMPLETE).is_file() and not _held(home / f"{path.name}.lock")
    )


def _use(root: Path) -> bool:
    """Hold a complete environment until this process ends, and note the time; False for none."""
    mark = root / COMPLETE
    if not PROCESS.hold(mark) or not is_settled(root, mark, this_run()):
        return False
    os.utime(mark)
    return True


def _key(pins: Sequence[Pin], host: Interpreter) -> str:
    total = hashlib.sha256(f"{_FORMAT} {host.version} {host.path}\n".encode())
    for pin in sorted(pins):
        total.update(f"{pin.identity}\n".encode())
    return total.hexdigest()[:24]


def make_virtualenv(root: Path, host: Interpreter) -> None:
    """Make an empty virtual environment of `host` at `root`.

    Raises:
        InstallFailed: virtualenv could not.
    """
    from virtualenv import cli_run

    try:
        cli_run(
            [str(root), "--python", str(host.path), "--no-seed", "--no-vcs-ignore", "--quiet"],
            setup_logging=False,
        )
    except RuntimeError as error:
        raise InstallFailed(f"virtualenv could not make an environment: {error}") from error


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _held(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("r") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
