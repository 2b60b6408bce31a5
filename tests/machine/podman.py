"""Podman's service, from Debian's own packages: storage, socket and configuration its own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx

from tests.machine import tools
from tests.machine.commands import output_of, succeeds
from tests.machine.say import MachineError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START_SECONDS = 30.0
PATHS = "/usr/sbin:/sbin"
# In a mount namespace of its own: podman 4 reads both folders at these places only.
INSIDE = (
    "mkdir -p /etc/cdi /etc/containers && mount -t tmpfs none /etc/cdi "
    '&& mount --bind "$0" /etc/containers && cp "$1" /etc/cdi/ && shift && exec "$@"'
)


def run_podman(folder: Path, *words: str) -> str:
    """Run one command of podman, its storage in `folder`, and return what it prints.

    Raises:
        MachineError: It cannot be had here, or fails.
    """
    root = tools.fetch("podman").parents[2]
    etc = folder / "etc"
    if not etc.is_dir():
        folder.mkdir(exist_ok=True)
        _configuration(root, folder)
    store: list[str | Path] = [
        "--root",
        folder / "data",
        "--runroot",
        folder / "run",
        "--tmpdir",
        folder / "tmp",
    ]
    command = [root / "usr/bin/podman", *store, "--storage-driver", "vfs", *words]
    env = {
        **os.environ,
        "PATH": f"{os.environ['PATH']}:{PATHS}",
        "CONTAINERS_CONF": str(etc / "containers.conf"),
        "LD_LIBRARY_PATH": str(root / "usr/lib/x86_64-linux-gnu"),
    }
    inside = 'mkdir -p /etc/containers && mount --bind "$0" /etc/containers && exec "$@"'
    return output_of(
        ["unshare", "--mount", "sh", "-c", inside, etc, *command], timeout=300, env=env
    )


@contextmanager
def podman(folder: Path, cdi: Path, image: str) -> Iterator[str]:
    """Run podman with an image of the Docker Engine, and yield what `DOCKER_HOST` names it.

    Args:
        folder: An empty folder, its path short enough for a socket.
        cdi: A CDI file.
        image: What the Docker Engine calls the image.

    Raises:
        MachineError: It cannot be had or started here.
    """
    root = tools.fetch("podman").parents[2]
    socket = folder / "podman.sock"
    words = [root / "usr/bin/podman", "--root", folder / "data", "--runroot", folder / "run"]
    words += ["--tmpdir", folder / "tmp", "--storage-driver", "vfs"]
    words += ["system", "service", "--time", "0", f"unix://{socket}"]
    etc = _configuration(root, folder)
    with (folder / "podman.log").open("wb") as log:
        process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", INSIDE, *map(str, (etc, cdi, *words))],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={
                **os.environ,
                "PATH": f"{os.environ['PATH']}:{PATHS}",
                "CONTAINERS_CONF": str(etc / "containers.conf"),
                "LD_LIBRARY_PATH": str(root / "usr/lib/x86_64-linux-gnu"),
            },
            start_new_session=True,
        )
    try:
        _wait(process, socket, folder)
        _load(socket, folder, image)
        yield f"unix://{socket}"
    finally:
        _remove_containers(socket)
        process.terminate()
        process.wait(timeout=30)
        for mount in ("data", "run"):
            succeeds(["umount", "--lazy", folder / mount])


def _remove_containers(socket: Path) -> None:
    """Remove what a failing test left: the rules that forward its ports go with it."""
    transport = httpx.HTTPTransport(uds=str(socket))
    with (
        contextlib.suppress(httpx.TransportError),  # podman is not there any more
        httpx.Client(transport=transport, base_url="http://podman/v4.0.0/libpod", timeout=60) as it,
    ):
        for container in it.get("containers/json", params={"all": "true"}).json():
            it.delete(f"containers/{container['Id']}", params={"force": "true"})


def _configuration(root: Path, folder: Path) -> Path:
    runc = shutil.which("runc", path=f"{os.environ['PATH']}:{PATHS}")
    if runc is None:
        raise MachineError("runc is not installed: python3 -m tests.machine engine")
    etc = folder / "etc"
    etc.mkdir()
    trust = {"default": [{"type": "insecureAcceptAnything"}]}
    (etc / "policy.json").write_text(json.dumps(trust))
    (etc / "containers.conf").write_text(
        '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n'
        '[network]\nnetwork_backend = "netavark"\n'
        f'[engine]\nconmon_path = ["{root}/usr/bin/conmon"]\n'
        f'helper_binaries_dir = ["{root}/usr/lib/podman", "{root}/usr/libexec/podman"]\n'
        'cgroup_manager = "cgroupfs"\nevents_logger = "file"\nruntime = "runc"\n'
        f'[engine.runtimes]\nrunc = ["{runc}"]\n'
    )
    return etc


def _wait(process: subprocess.Popen[bytes], socket: Path, folder: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not socket.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            tail = (folder / "podman.log").read_text(errors="replace")[-1500:]
            raise MachineError(f"podman did not start:\n{tail}")
        time.sleep(0.1)


def _load(socket: Path, folder: Path, image: str) -> None:
    archive = folder / "image.tar"
    output_of(["docker", "save", "--output", archive, image], timeout=300)
    with (
        httpx.Client(transport=httpx.HTTPTransport(uds=str(socket)), timeout=300) as client,
        archive.open("rb") as content,
    ):
        answer = client.post("http://podman/v1.41/images/load", content=content)
    archive.unlink()
    if answer.is_error:
        raise MachineError(f"podman does not take the image: {answer.text}")
