"""Builds by BuildKit, through Docker's own client: the engine's API has no other way to it."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from algo.children import started
from algo.engines.build_log import buildkit_failure, plain
from algo.engines.errors import BuildKitMissing, ImageBuildFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_DOCKERFILE = "Dockerfile.algo"
# What the client says when it has no plugin for BuildKit.
_LACKING = ("buildx component is missing", "is not a docker command", "unknown flag: --progress")


def buildkit(
    address: str,
    env: Mapping[str, str],
    dockerfile: bytes,
    files: Mapping[str, tuple[Path | bytes, bool]],
    tag: str,
    platform: str,
    arguments: Mapping[str, str],
    log: Callable[[str], None],
) -> None:
    """Build `dockerfile` with the context `files` in the engine at `address`, and call it `tag`.

    Args:
        address: The engine's address.
        env: The environment of the client.
        dockerfile: Its bytes.
        files: What it copies, by path: where it is, and whether it can be executed.
        tag: What to call the result.
        platform: What it is for; empty for the engine's own.
        arguments: Build arguments: proxies, which BuildKit keeps out of the image.
        log: Gets each line.

    Raises:
        BuildKitMissing: There is no client that can.
        ImageBuildFailed: The build failed; its last lines are the details.
    """
    program = shutil.which("docker", path=env.get("PATH"))
    if program is None:
        raise BuildKitMissing("a Dockerfile is built by Docker's client, and there is none on PATH")
    local = any("127.0.0.1" in value or "localhost" in value for value in arguments.values())
    command = [program, "build", "--progress", "plain", "--no-cache", "--tag", tag]
    command += ["--network", "host"] if local else []
    command += ["--platform", platform] if platform else []
    for name in arguments:
        command += ["--build-arg", name]  # its value is that of the environment, and on no list
    command += ["--file", _DOCKERFILE, "-"]
    # A builder in a container of its own would not know the engine's images.
    settings = {"DOCKER_BUILDKIT": "1", "DOCKER_HOST": address, "BUILDX_BUILDER": "default"}
    kept = {name: value for name, value in env.items() if name != "DOCKER_CONTEXT"}
    lines: list[str] = []
    with started(
        command,
        env={**kept, **arguments, **settings},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        with suppress(BrokenPipeError), process.stdin as stdin:
            _context(stdin, dockerfile, files)
        for raw in process.stderr:
            line = plain(raw.decode(errors="replace"))
            lines.append(line)
            log(line)
    if process.returncode:
        failure = buildkit_failure(lines)
        if any(word in line for line in lines for word in _LACKING):
            raise BuildKitMissing(
                "Docker's client cannot build with BuildKit", details=failure.details
            )
        raise ImageBuildFailed(
            f"the project's Dockerfile could not be built: {failure.sentence}",
            hint="correct the step, then: algo build",
            details=failure.details,
        )


def _context(
    target: IO[bytes], dockerfile: bytes, files: Mapping[str, tuple[Path | bytes, bool]]
) -> None:
    with tarfile.open(fileobj=target, mode="w|") as archive:
        for name, (source, executable) in {_DOCKERFILE: (dockerfile, False), **files}.items():
            content = source if isinstance(source, bytes) else source.read_bytes()
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o755 if executable else 0o644
            archive.addfile(info, io.BytesIO(content))
