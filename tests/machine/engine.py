"""A Docker Engine: the one that answers, else one of our own.

Ours is a plain child of the set-up (no systemd), with its data in the user's cache so that
images are still there the next time. A `lease` stops what it started when its last user ends;
`start` leaves it running until `stop`.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.machine import apt, forwards
from tests.machine.commands import output_of
from tests.machine.places import cache_folder, locked
from tests.machine.say import MachineError, say

if TYPE_CHECKING:
    from collections.abc import Iterator

START_SECONDS = 90.0
STOP_SECONDS = 60.0


def version() -> str | None:
    """Return the version of the Docker Engine that answers, `None` when none does."""
    try:
        return output_of(["docker", "version", "--format", "{{.Server.Version}}"], timeout=20)
    except MachineError:
        return None


def start(*, keep: bool = True) -> bool:
    """Make sure that a Docker Engine answers, and tell whether one was started for it.

    Args:
        keep: Leave the engine running when the leases on it end; only `stop` stops it then.

    Raises:
        MachineError: None answers and none can be started.
    """
    with locked("engine"):
        forwards.remove_stale()
        found = version()
        if found:
            if keep and _pid() is not None:
                _kept().write_text(str(_pid()), encoding="utf-8")
            say(f"Docker Engine {found} is running")
            return False
        if "DOCKER_HOST" in os.environ:
            raise MachineError("the Docker Engine that DOCKER_HOST names does not answer")
        install()
        if version() is None:
            _launch()
            if keep:
                _kept().write_text(str(_pid()), encoding="utf-8")
            say(f"started Docker Engine {version()}, process {_pid()}")
            return True
        say("the installation started Docker as a service of this machine")
        return False


def stop() -> bool:
    """Stop the engine that the set-up started, and tell whether there was one."""
    with locked("engine"):
        pid = _pid()
        if pid is None:
            return False
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while _pid() is not None and time.monotonic() < deadline:
            time.sleep(0.1)
        if _pid() is not None:
            raise MachineError(f"dockerd, process {pid}, did not stop; its log is {_log()}")
        _kept().unlink(missing_ok=True)
        say(f"stopped the Docker Engine that the set-up had started, process {pid}")
        return True


@contextmanager
def lease() -> Iterator[None]:
    """Have a Docker Engine while the block runs; the last user stops what was started for it.

    Raises:
        MachineError: None answers and none can be started.
    """
    with (cache_folder("locks") / "engine-users.lock").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        try:
            start(keep=False)
            yield
        finally:
            if is_leased() and _is_last(users.fileno()):
                stop()


def is_leased() -> bool:
    """Tell whether the running engine was started for a lease, so that no one else uses it."""
    return _pid() is not None and not _is_kept()


def _is_last(users: int) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_kept() -> bool:
    return _kept().is_file() and _kept().read_text(encoding="utf-8") == str(_pid())


def install() -> None:
    """Install Docker's programs where they are missing.

    Raises:
        MachineError: They can't be installed here.
    """
    if not apt.available():
        raise MachineError("no Docker Engine answers: start Docker, or run this as root on Debian")
    if shutil.which("docker") is None or _dockerd() is None:
        apt.install("docker.io")
    if shutil.which("iptables", path="/usr/sbin:/sbin") is None:
        apt.install("iptables")


def _launch() -> None:
    daemon, folder = _dockerd(), cache_folder("engine")
    for stale in folder.glob("**/*.pid"):
        stale.unlink()
    words = [str(daemon), "--data-root", str(folder / "data"), "--exec-root", str(folder / "exec")]
    with _log().open("w") as log:
        process = subprocess.Popen(
            [*words, "-p", str(_pid_file())],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},
            start_new_session=True,
        )
    try:
        if _is_ready(process):
            return
    except BaseException:
        _end(process)
        raise
    _end(process)
    tail = "\n".join(_log().read_text(encoding="utf-8", errors="replace").splitlines()[-10:])
    raise MachineError(f"dockerd did not start; its log {_log()} ends with:\n{tail}")


def _is_ready(process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if version():
            return True
        time.sleep(0.25)
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(timeout=STOP_SECONDS)


def _dockerd() -> str | None:
    return shutil.which("dockerd") or shutil.which("dockerd", path="/usr/sbin:/sbin")


def _pid() -> int | None:
    """Return the process of the engine that the set-up started, if it is alive."""
    try:
        pid = int(_pid_file().read_text(encoding="utf-8"))
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if str(_pid_file()).encode() in words else None


def _pid_file() -> Path:
    return cache_folder("engine") / "dockerd.pid"


def _kept() -> Path:
    return cache_folder("engine") / "kept"


def _log() -> Path:
    return cache_folder("engine") / "dockerd.log"
