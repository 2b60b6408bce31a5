"""A further Docker Engine for tests: one to kill, or a newer one. Roots, socket, bridge its own.

It never runs with `--bridge none`: at its start such an engine removes the bridge of the other.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.machine import apt, base
from tests.machine.commands import output_of, succeeds
from tests.machine.say import MachineError

if TYPE_CHECKING:
    from collections.abc import Iterator

START_SECONDS = 60.0
PATHS = "/usr/sbin:/sbin"


@dataclass(slots=True)
class PrivateEngine:
    """A dockerd that may be killed and started again; its containers reach no other network.

    Attributes:
        folder: Where all that it writes lies.
        bridge: The network bridge that it uses.
        programs: A folder with a `dockerd` to take instead of the installed one, and all that it
            starts except `runc`.
        options: Further words of its command line.
        process: The daemon.
    """

    folder: Path
    bridge: str
    programs: Path | None = None
    options: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """What `DOCKER_HOST` names it."""
        return f"unix://{self.folder / 'docker.sock'}"

    def docker(self, *words: str, timeout: float = 120) -> str:
        """Run the docker client on it and return its standard output.

        Raises:
            MachineError: The client failed.
        """
        env = {**os.environ, "DOCKER_HOST": self.address}
        return output_of(["docker", *words], timeout=timeout, env=env)

    def start(self) -> None:
        """Start dockerd, and wait until it answers.

        Raises:
            MachineError: It does not.
        """
        path = f"{os.environ['PATH']}:{PATHS}"
        if self.programs is not None:
            path = f"{self.programs / 'usr/sbin'}:{self.programs / 'usr/bin'}:{path}"
        daemon = shutil.which("dockerd", path=path)
        if daemon is None:
            raise MachineError("dockerd is not installed: python3 -m tests.machine engine")
        # Only dockerd's own proxies publish ports: the rules of the other engine stay as they are.
        words = [daemon, "--iptables=false", "--bridge", self.bridge, "--host", self.address]
        words += ["--data-root", str(self.folder / "data"), "--exec-root", str(self._exec)]
        words += self.options
        for stale in self.folder.glob("**/*.pid"):
            stale.unlink()
        with (self.folder / "dockerd.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*words, "-p", str(self.folder / "dockerd.pid")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "PATH": path},
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            with suppress(MachineError):
                self.docker("version", timeout=20)
                return
            time.sleep(0.2)
        tail = (self.folder / "dockerd.log").read_text(errors="replace")[-1500:]
        raise MachineError(f"the second dockerd did not start:\n{tail}")

    def kill(self) -> None:
        """End dockerd and its containerd by SIGKILL; the containers go on."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self._end_containerd(signal.SIGKILL)

    def stop(self) -> None:
        """Remove its containers and end it with all that it started."""
        if self.process is None or self.process.poll() is not None:
            self.start()
        assert self.process is not None
        containers = self.docker("ps", "--all", "--quiet").split()
        if containers:
            self.docker("rm", "--force", *containers)
        self.process.terminate()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.kill()
        self._end_containerd(signal.SIGTERM)
        for mount in Path("/proc/self/mounts").read_text().splitlines():
            where = mount.split()[1]
            if where.startswith(str(self.folder)):
                succeeds(["umount", "--lazy", where])

    def _end_containerd(self, how: signal.Signals) -> None:
        pid_file = self._exec / "containerd" / "containerd.pid"
        with suppress(OSError, ValueError):
            os.kill(int(pid_file.read_text()), how)

    @property
    def _exec(self) -> Path:
        return self.folder / "exec"


@contextmanager
def private_engine(
    folder: Path,
    image: str = base.IMAGE,
    *,
    number: int = 251,
    programs: Path | None = None,
    options: tuple[str, ...] = (),
) -> Iterator[PrivateEngine]:
    """Run a further engine with an image of the first one while the block runs.

    Args:
        folder: An empty folder, its path short enough for a socket.
        image: What the first engine calls the image.
        number: Tells its network from that of others, 1 to 254.
        programs: As `PrivateEngine` has it.
        options: As `PrivateEngine` has it.

    Raises:
        MachineError: It cannot be started here.
    """
    if shutil.which("ip", path=f"{os.environ['PATH']}:{PATHS}") is None:
        apt.install("iproute2")
    ip = shutil.which("ip", path=f"{os.environ['PATH']}:{PATHS}") or "ip"
    bridge, network = f"algo-test{number}", f"172.31.{number}.1/24"
    succeeds([ip, "link", "delete", bridge])
    output_of([ip, "link", "add", bridge, "type", "bridge"])
    engine = PrivateEngine(folder, bridge, programs, options)
    try:
        output_of([ip, "address", "add", network, "dev", bridge])
        output_of([ip, "link", "set", bridge, "up"])
        engine.start()
        archive = folder / "image.tar"
        output_of(["docker", "save", "--output", archive, image], timeout=300)
        engine.docker("load", "--input", str(archive), timeout=300)
        archive.unlink()
        yield engine
    finally:
        if engine.process is not None:
            engine.stop()
        succeeds([ip, "link", "delete", bridge])
