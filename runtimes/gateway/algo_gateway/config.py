"""What the gateway is told: `algorithm.json`, the runtime's `runtime.toml` and its own flags."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import msgspec


class Batch(msgspec.Struct, frozen=True):
    """Most calls in a batch, and the longest time in seconds that one waits for others."""

    max_size: int = 32
    max_wait: float = 0.01


class Tensors(msgspec.Struct, frozen=True):
    """The tensors of the Open Inference Protocol, as the author declares them: `FP32[-1,64]`."""

    inputs: dict[str, str] = {}
    outputs: dict[str, str] = {}


class Webhooks(msgspec.Struct, frozen=True):
    """Where the end of a job may be told, how often it is tried, the first wait in seconds."""

    allow: tuple[str, ...] = ()
    private: bool = False
    attempts: int = 10
    backoff: float = 2.0


class Jobs(msgspec.Struct, frozen=True):
    """Limits of jobs: `timeout` and `keep` in seconds (0: as calls), sizes in bytes."""

    timeout: float = 0.0
    concurrency: int = 0
    queue: int = 1000
    attempts: int = 3
    keep: float = 86_400.0
    keep_count: int = 10_000
    keep_size: int = 500_000_000
    max_result: int = 50_000_000
    webhooks: Webhooks = Webhooks()


class Fetch(msgspec.Struct, frozen=True):
    """What a caller may have fetched by URL.

    Args:
        hosts: `images.example.com`, `*.example.com`, each with a port where it is not the usual.
        networks: Address ranges that are allowed although they are not public.
        http: Whether plain HTTP will do.
        max_size: Of the files of one request together, in bytes.
        timeout: Of each, in seconds.
    """

    hosts: tuple[str, ...]
    networks: tuple[str, ...] = ()
    http: bool = False
    max_size: int = 10_000_000
    timeout: float = 10.0


class Serving(msgspec.Struct, frozen=True):
    """Limits: `timeout` in seconds, `max_body` in bytes, `queue` in waiting calls.

    `preload` says whether workers share what `load` returned: `auto`, `always` or `never`.
    `cancel_grace` is in seconds; `worker_memory` in bytes, 0 for no limit.
    """

    workers: int = 1
    concurrency: int = 1
    timeout: float = 60.0
    max_body: int = 10_000_000
    queue: int = 64
    batch: Batch = Batch()
    preload: str = "auto"
    cancel_grace: float = 5.0
    worker_memory: int = 0
    cors: tuple[str, ...] = ()
    tensors: Tensors = Tensors()
    jobs: Jobs = Jobs()
    fetch: Fetch | None = None
    heartbeat: float = 15.0


class Description(msgspec.Struct, frozen=True):
    """`algorithm.json`, as the command line writes it.

    `sample` is an input that it takes; `written_for` whose services its code expects.
    """

    name: str
    language: str
    entrypoint: str
    models: dict[str, str] = {}
    serving: Serving = Serving()
    contract: dict[str, Any] = {}
    gpu: bool = False
    sample: Any = None
    written_for: str = ""


class Options(msgspec.Struct, frozen=True):
    """The gateway's own flags; `control` is `unix:PATH`, `tcp:HOST:PORT` or `fd:N`, empty for none.

    `grpc_port`: 0 for any that is free, negative for no gRPC.
    `socket`: the descriptor of a socket to listen on, in place of `host` and `port`.
    `door`: whence the listening socket comes, in place of an own one; with `standby` nothing is
    accepted there before the control endpoint says so.
    `gpu`: the algorithm has been given GPUs.
    `local`: only programs of this machine are meant to call, and no page of the internet.
    """

    algorithm: Path
    app: Path
    runtime: Path
    packages: Path | None = None
    program: Path | None = None
    python: str = ""
    host: str = "127.0.0.1"
    port: int = 8080
    grpc_port: int = -1
    control: str = ""
    jobs: Path | None = None
    development: bool = False
    lifeline: int = -1
    socket: int = -1
    tokens: Path | None = None
    access_log: bool = False
    local: bool = False
    gpu: bool = False
    door: Path | None = None
    standby: bool = False


def read_description(path: Path) -> Description:
    """Read `algorithm.json`.

    Raises:
        ValueError: It has another shape.
        OSError: It cannot be read.
    """
    return msgspec.json.decode(path.read_bytes(), type=Description)


def runner_command(options: Options) -> list[str]:
    """Return the command that starts the runner of an algorithm in its environment.

    Its settings are in the `runtime.toml` of the runtime's folder.

    Raises:
        OSError, ValueError, KeyError: That cannot be read.
    """
    settings = _settings(options.runtime)
    python = options.python or _own_python(options.packages) or settings.get("python", "")
    values = {"python": python, "runtime": str(options.runtime), "packages": str(options.packages)}
    values |= {"app": str(options.app), "program": str(options.program)}
    command = [str(word).format(**values) for word in settings["command"]]
    prefix = _conda_prefix(python, options.packages)
    return command if prefix is None else [*_activated(prefix), *command]


def search_path(options: Options) -> Path | None:
    """Return the folder of packages that the interpreter does not find by itself."""
    whole = not options.python and _own_python(options.packages)
    return None if whole else options.packages


def _own_python(packages: Path | None) -> str:
    """Return the interpreter that lies among the packages, empty when there is none."""
    python = packages / "bin" / "python" if packages else None
    return str(python) if python is not None and python.is_file() else ""


def _conda_prefix(python: str, packages: Path | None) -> Path | None:
    """Return the conda environment that is used, None when none is."""
    candidates = (Path(python).parent.parent, packages)
    return next((one for one in candidates if one and (one / "conda-meta").is_dir()), None)


def _activated(prefix: Path) -> list[str]:
    """Return what, before a command, runs it as `conda activate` would have it run."""
    path = f"{prefix / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    command = ["env", f"CONDA_PREFIX={prefix}", f"PATH={path}"]
    scripts = (prefix / "etc" / "conda" / "activate.d").glob("*.sh")
    return [*command, "sh", "-c", _ACTIVATE, "sh"] if any(scripts) else command


# `command` keeps a script that fails from ending the shell.
_ACTIVATE = """
for script in "$CONDA_PREFIX"/etc/conda/activate.d/*.sh; do command . "$script" || true; done
exec "$@"
"""


def runner_forks(runtime: Path) -> bool:
    """Tell whether the runner of the `runtime` folder can fork workers: `forks`, true if unsaid."""
    return bool(_settings(runtime).get("forks", True))


def _settings(runtime: Path) -> dict[str, Any]:
    return tomllib.loads((runtime / "runtime.toml").read_text(encoding="utf-8"))
