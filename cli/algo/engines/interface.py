"""What runs an algorithm, in our own types: an engine, what it is given, what it gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol

import msgspec

from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOOPBACK = "127.0.0.1"
# Tells the gateway that its workers have a GPU: none is forked from another process then.
GPU = "ALGO_GPU"


class Image(Value, frozen=True):
    """An image that the engine already holds.

    `reference` is what the engine knows it by; `digest` is the manifest's, as `algo build`
    prints it.
    """

    reference: str
    digest: str = ""


class HostEnvironment(Value, frozen=True):
    """What an algorithm runs in on this machine.

    Attributes:
        runtime: The folder of its language.
        python: The Python of an environment that holds its packages, where they are Python's.
        packages: The folder of its packages, where they are not.
        program: The folder of what it was compiled to.
    """

    runtime: Path
    python: Path | None = None
    packages: Path | None = None
    program: Path | None = None

    @property
    def options(self) -> list[str]:
        """What tells the gateway of it."""
        places = {
            "--runtime": self.runtime,
            "--python": self.python,
            "--packages": self.packages,
            "--program": self.program,
        }
        return [
            word for name, path in places.items() if path is not None for word in (name, str(path))
        ]


class Limits(Value, frozen=True):
    """What an instance may take: bytes of memory, processors, processes; 0 is no limit."""

    memory: int = 0
    cpus: float = 0.0
    processes: int = 512


class Access(Value, frozen=True):
    """Who may call an instance, and whether each answer is written down.

    Attributes:
        tokens: The file of the tokens that a call wants one of; None wants none.
        local: Only programs of this machine are meant to call, and no page of the internet.
        log: Write a line for each answer.
    """

    tokens: Path | None = None
    local: bool = False
    log: bool = False

    def environment(self, tokens: str) -> dict[str, str]:
        """Return what tells a gateway so; `tokens` is where it finds the file."""
        names = {"ALGO_TOKENS": tokens if self.tokens else ""}
        names |= {"ALGO_LOCAL": "1" if self.local else ""}
        names |= {"ALGO_ACCESS_LOG": "1" if self.log else ""}
        return {name: value for name, value in names.items() if value}


class Surroundings(Value, frozen=True):
    """What code that was written for Algorithmia finds around it.

    Attributes:
        data: The folder that it writes data to.
        calls: The folder with the socket `SOCKET`, by which it calls other algorithms.
    """

    SOCKET: ClassVar[str] = "algorithms.sock"

    data: Path
    calls: Path

    @classmethod
    def environment(cls, data: str, calls: str) -> dict[str, str]:
        """Return what tells a gateway so, which finds the folders at `data` and `calls`."""
        return {"ALGO_DATA": data, "ALGO_ALGORITHMS": f"unix:{calls}/{cls.SOCKET}"}


class Launch(Value, frozen=True):
    """What to run and how.

    Attributes:
        name: `owner/name`.
        description: The bytes of `algorithm.json`.
        artifact: An image, or an environment of the host; each engine takes one of them.
        folder: The working tree. A container gets it read-only over its own files; None
            runs what the image holds.
        host: The address to listen on.
        port: The port to listen on, 0 for any free one.
        grpc_port: The port for gRPC, 0 for any free one; None for none.
        development: Open the control endpoint, through which code is reloaded.
        shared: Let other commands find this instance and call it.
        gpu: `all`, a number of GPUs, their ids between commas (`id:0` for one), or empty for
            none.
        limits: What the instance may take.
        jobs: The folder that jobs are kept in, over restarts; a container has a volume of the
            folder's name instead. None keeps them no longer than the instance.
        access: Who may call it.
        around: What its code finds around it, where it was written for Algorithmia.
    """

    name: str
    description: bytes
    artifact: Image | HostEnvironment
    folder: Path | None
    host: str = LOOPBACK
    port: int = 0
    grpc_port: int | None = None
    development: bool = True
    shared: bool = True
    gpu: str = ""
    limits: Limits = msgspec.field(default_factory=Limits)
    jobs: Path | None = None
    access: Access = msgspec.field(default_factory=Access)
    around: Surroundings | None = None


@dataclass(frozen=True, slots=True)
class ControlAddress:
    """Where the control endpoint of an instance listens, and the token it wants.

    `address` is `unix:PATH` or `tcp:HOST:PORT`.
    """

    address: str
    token: str = field(repr=False)


class Shared(Value, frozen=True):
    """A folder of this machine that a running instance reads: where it is here and there."""

    here: Path
    there: str


class Ended(Value, frozen=True):
    """How an instance ended: its exit code (negative: the signal), and why in words."""

    code: int
    reason: str


class EngineInfo(Value, frozen=True):
    """What an engine says of itself."""

    name: str
    version: str
    detail: str = ""


class Leftover(Value, frozen=True):
    """Something that a killed `algo` left: `kind` (session, container, file) and its name."""

    kind: str
    name: str
    detail: str


class Instance(Protocol):
    """A running algorithm."""

    @property
    def url(self) -> str:
        """Where it answers, without a slash at the end."""

    @property
    def grpc(self) -> str:
        """Where it answers gRPC, `host:port`; empty where it does not."""

    @property
    def session(self) -> str:
        """The id of its session record."""

    @property
    def control(self) -> ControlAddress | None:
        """Where its code is reloaded; None outside development."""

    @property
    def shared(self) -> Shared | None:
        """A folder that reaches it; None where paths are the same, or none does."""

    def ended(self) -> Ended | None:
        """Return how it ended, None while it runs: what it printed has been passed on before.

        Raises:
            EngineLost: The engine that runs it stopped answering.
        """

    def succeed(self, old: Instance) -> None:
        """Be the session's instance in place of `old`, beside which it was started."""

    def stop(self, grace: float = 3.0) -> None:
        """End it: calls in flight get `grace` seconds. Doing it twice does no harm."""


class Engine(Protocol):
    """Runs algorithms."""

    @property
    def name(self) -> str:
        """`docker` or `virtualenv`."""

    @property
    def wants_image(self) -> bool:
        """Tell whether `start` takes an `Image`, else a `HostEnvironment`."""

    def check(self) -> EngineInfo:
        """Return what the engine says of itself.

        Raises:
            EngineUnavailable: It does not answer.
        """

    def start(self, launch: Launch, log: Callable[[str], None]) -> Instance:
        """Start an instance; it may not be ready yet.

        Args:
            launch: What to run.
            log: Called, from another thread, with each line that the instance prints.

        Raises:
            EngineUnavailable: The engine does not answer.
            PortTaken: Something else listens on the port.
            GpuUnavailable: A GPU was asked for and cannot be given.
            StartFailed: The engine refused.
        """

    def require_gpu(self, wanted: str) -> None:
        """Find out, before anything is built, that `start` can give the GPUs `wanted`.

        Raises:
            EngineUnavailable: The engine does not answer.
            GpuUnavailable: It cannot give them; the hint is the one command that is missing.
            GpuInvalid: `wanted` names no GPUs.
        """

    def beside(
        self, instance: Instance, launch: Launch, log: Callable[[str], None]
    ) -> Instance | None:
        """Start another instance that is to answer where `instance` does, once it is told to.

        None where this engine cannot; else `launch`, `log` and what it raises are as of `start`.
        """

    def sweep(self) -> None:
        """Remove what commands of this user left here when they were killed, and its ports."""

    def leftovers(self) -> list[Leftover]:
        """Return what killed commands left in this engine."""

    def remove(self, leftover: Leftover) -> None:
        """Remove one of `leftovers()`; nothing happens when it is gone."""
