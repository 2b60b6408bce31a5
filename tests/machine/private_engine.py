"""A second Docker Engine for tests that kill it: roots, socket and bridge of its own."""

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

BRIDGE, NETWORK = "algo-test0", "172.31.251.1/24"
START_SECONDS = 60.0
PATHS = "/usr/sbin:/sbin"


@dataclass(slots=True)
class PrivateEngine:
    """A dockerd that may be killed and started again; its containers reach no other network."""

    folder: Path
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
        daemon = shutil.which("dockerd") or shutil.which("dockerd", path=PATHS)
        if daemon is None:
            raise MachineError("dockerd is not installed: python3 -m tests.machine engine")
        # Only dockerd's own proxies publish ports: the rules of the other engine stay as they are.
        words = [daemon, "--iptables=false", "--bridge", BRIDGE, "--host", self.address]
        words += ["--data-root", str(self.folder / "data"), "--exec-root", str(self._exec)]
        for stale in self.folder.glob("**/*.pid"):
            stale.unlink()
        with (self.folder / "dockerd.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*words, "-p", str(self.folder / "dockerd.pid")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "PATH": f"{os.environ['PATH']}:{PATHS}"},
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
def private_engine(folder: Path) -> Iterator[PrivateEngine]:
    """Run a second engine with the base image while the block runs.

    Args:
        folder: An empty folder, its path short enough for a socket.

    Raises:
        MachineError: It cannot be started here.
    """
    if shutil.which("ip", path=f"{os.environ['PATH']}:{PATHS}") is None:
        apt.install("iproute2")
    ip = shutil.which("ip", path=f"{os.environ['PATH']}:{PATHS}") or "ip"
    succeeds([ip, "link", "delete", BRIDGE])
    output_of([ip, "link", "add", BRIDGE, "type", "bridge"])
    engine = PrivateEngine(folder)
    try:
        output_of([ip, "address", "add", NETWORK, "dev", BRIDGE])
        output_of([ip, "link", "set", BRIDGE, "up"])
        engine.start()
        archive = folder / "base.tar"
        output_of(["docker", "save", "--output", archive, base.IMAGE], timeout=300)
        engine.docker("load", "--input", str(archive), timeout=300)
        archive.unlink()
        yield engine
    finally:
        if engine.process is not None:
            engine.stop()
        succeeds([ip, "link", "delete", BRIDGE])
