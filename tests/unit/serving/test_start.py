"""A signal at any moment of a start or a stop ends the command, and leaves no instance."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from algo.events import silent
from algo.serving.start import StartOptions, running, start

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
