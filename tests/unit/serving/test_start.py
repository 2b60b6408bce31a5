"""A signal at any moment of a start or a stop ends the command, and leaves no instance."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import msgspec
import pytest
from algo.events import silent
from algo.serving.control import Fault
from algo.serving.errors import LoadFailed, NotReady
from algo.serving.lines import Printed
from algo.serving.probe import wait_ready
from algo.serving.start import StartOptions, launch_of, running, start, still_loading

from tests.fakes.engines import FakeEngine, FakeInstance, hello

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from algo.engines.interface import Launch

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


class Interrupted(FakeEngine):
    """An engine that gets a signal when it has made an instance, before it can hand it over."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def start(self, launch: Launch, log: Callable[[str], None]) -> FakeInstance:
        instance = super().start(launch, log)
        signal.raise_signal(self.number)
        return instance


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_while_an_instance_is_made_stops_it(number: int, tmp_path: Path) -> None:
    engine = Interrupted(number)
    with pytest.raises(KeyboardInterrupt):
        start(engine, hello(tmp_path), StartOptions(), silent)
    assert [instance.stopped for instance in engine.instances] == [True]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_while_an_instance_is_stopped_ends_what_comes_after(
    number: int, tmp_path: Path
) -> None:
    engine, done = FakeEngine(), []
    with pytest.raises(KeyboardInterrupt):
        with running(engine, hello(tmp_path), StartOptions(), silent) as instance:
            assert isinstance(instance, FakeInstance)
            close = instance.gateway.close

            def closing() -> None:
                signal.raise_signal(number)
                close()

            instance.gateway.close = closing  # type: ignore[method-assign]
        done.append("published")
    assert engine.instances[0].stopped
    assert done == []


def test_code_that_loads_for_long_is_told_of_once(tmp_path: Path) -> None:
    servable, told = hello(tmp_path), []
    instance = FakeEngine().start(launch_of(servable, StartOptions()), lambda line: None)
    with pytest.raises(NotReady):
        wait_ready(
            instance,
            Printed(),
            timeout=0.2,
            slow=lambda: told.append(still_loading(servable).text),
            slow_after=0.05,
        )
    instance.stop()
    assert told == ["src/hello.py is loading since 10 s, with what it imports; Ctrl-C stops it"]
    assert still_loading(servable, "one", "two").text.endswith("; one, two, Ctrl-C stops it")


@pytest.mark.parametrize(
    ("fault", "hint"),
    [
        (Fault("TypeError", "no", "src/a.py", 3), "correct the file at the line named"),
        (Fault("worker_out_of_memory", "the worker had 2.1 GB"), "worker-memory under [serving]"),
        (Fault("FileNotFoundError", "src/a.py"), "correct what it names"),
    ],
)
def test_what_did_not_load_is_told_with_what_mends_it(
    tmp_path: Path, fault: Fault, hint: str
) -> None:
    printed = Printed()
    printed.add(msgspec.json.encode({"load_error": fault}).decode())
    launch = launch_of(hello(tmp_path), StartOptions())
    instance = FakeEngine().start(launch, lambda line: None)
    with pytest.raises(LoadFailed) as failed:
        wait_ready(instance, printed)
    instance.stop()
    assert hint in failed.value.hint
