"""Start an instance and wait until it answers: what `serve`, `run` and `test` share."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from msgspec import field

from algo.engines.interface import LOOPBACK, Access, Launch, Limits, Surroundings
from algo.events import Log, Note, one_at_a_time
from algo.project.description import entrypoint_of, wants_gpu, written_for
from algo.serving.lines import Printed
from algo.serving.probe import SLOW, wait_ready
from algo.signals import deferred, postponed, terminable, unstoppable
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from algo.engines.interface import Engine, Instance
    from algo.events import Notify
    from algo.serving.interface import Servable


class StartOptions(Value, frozen=True):
    """Where an instance listens and what it may use.

    `grpc_port` is the port for gRPC, None for none.
    `development` opens the control endpoint, `shared` lets other commands call the instance.
    `gpu` are the GPUs asked for; without, the algorithm's own description decides. `jobs` is
    the folder that jobs are kept in. `around` is there for code that was written for Algorithmia.
    """

    host: str = LOOPBACK
    port: int = 0
    grpc_port: int | None = None
    development: bool = True
    shared: bool = False
    gpu: str = ""
    limits: Limits = field(default_factory=Limits)
    jobs: Path | None = None
    access: Access = field(default_factory=Access)
    around: Surroundings | None = None


def start(engine: Engine, servable: Servable, options: StartOptions, notify: Notify) -> Instance:
    """Start `servable` and return the instance once it takes calls.

    What it prints goes to `notify` as `Log`, from another thread.

    Raises:
        LoadFailed: The algorithm's own code failed.
        AlgoError: As the engine's `start`.
    """
    printed = Printed()
    instance = begin(engine, servable, options, printed, notify)
    try:
        wait_ready(instance, printed, slow=lambda: notify(still_loading(servable)))
    except BaseException:
        with postponed():
            instance.stop(grace=0.5)
        raise
    return instance


def begin(
    engine: Engine, servable: Servable, options: StartOptions, printed: Printed, notify: Notify
) -> Instance:
    """Start `servable` and return the instance while its code still loads.

    What it prints goes to `printed`, and to `notify` as `Log`, from another thread.

    Raises:
        AlgoError: As the engine's `start`.
    """
    instance: Instance | None = None
    try:
        with deferred():
            instance = engine.start(launch_of(servable, options), logging(printed, notify))
    except BaseException:
        if instance is not None:
            with postponed():
                instance.stop(grace=0.5)
        raise
    return instance


def still_loading(servable: Servable, *ways: str) -> Note:
    """Return what is said of code that loads for long: a loop at its top level never ends.

    `ways` are what one can do about it, besides Ctrl-C.
    """
    file = entrypoint_of(servable.description).partition(":")[0]
    what = ", ".join([*ways, "Ctrl-C stops it"])
    return Note(f"{file} is loading since {SLOW:.0f} s, with what it imports; {what}")


def logging(printed: Printed, notify: Notify) -> Callable[[str], None]:
    """Return what takes the lines of an instance: into `printed`, and to `notify` as `Log`."""

    def log(line: str) -> None:
        text = printed.add(line)
        if text is not None:
            notify(Log(text))

    return log


@contextlib.contextmanager
def running(
    engine: Engine, servable: Servable, options: StartOptions, notify: Notify
) -> Iterator[Instance]:
    """Run `servable` for the length of a `with` block.

    Raises:
        AlgoError: As `start`.
        EngineLost: The engine went away, be it that the container goes on answering without it.
        KeyboardInterrupt: The user wanted an end, if only while it was being stopped.
    """
    with terminable():
        instance = start(engine, servable, options, one_at_a_time(notify))
        came: list[int] = []
        try:
            yield instance
            instance.ended()
        finally:
            with unstoppable() as came:
                instance.stop()
        if came:
            raise KeyboardInterrupt


def launch_of(servable: Servable, options: StartOptions) -> Launch:
    """Return what an engine is told to run `servable`."""
    return Launch(
        name=servable.name,
        description=servable.description,
        artifact=servable.artifact,
        folder=servable.folder,
        host=options.host,
        port=options.port,
        grpc_port=options.grpc_port,
        development=options.development,
        shared=options.shared,
        gpu=options.gpu or ("all" if wants_gpu(servable.description) else ""),
        limits=options.limits,
        jobs=options.jobs,
        access=options.access,
        around=options.around if written_for(servable.description) else None,
    )
