from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest
from algo.engines.interface import Ended, Launch
from algo.events import Event, Reloaded, Warned, silent
from algo.serving.control import Outcome
from algo.serving.exchange import Exchange, Served
from algo.serving.reload import Reloads, told
from algo.serving.start import StartOptions, start
from algo.signals import terminable
from algo.watch.interface import Change

from tests.fakes.engines import FakeEngine, FakeInstance, hello

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("paths", "name"), [((), "r"), (("a.py",), "a.py"), (("a.py", "b.py"), "a.py and 1 more")]
)
def test_a_reload_that_takes_long_is_told_by_its_trigger(
    tmp_path: Path, paths: tuple[str, ...], name: str
) -> None:
    engine, events = FakeEngine(), list[Event]()
    servable = hello(tmp_path)
    # Without a control endpoint nothing is ever loaded.
    launch = Launch(
        servable.name, servable.description, servable.artifact, tmp_path, development=False
    )
    instance = engine.start(launch, print)
    served = Served(instance, servable, servable)
    reloads = Reloads(served, None, Exchange(engine, StartOptions(), events.append), events.append)
    reloads.take(Change(paths, time.monotonic() - 11))
    reloads.check()
    instance.stop()
    text = f"{name} is loading since 10 s; the old code goes on serving"
    assert events[-1:] == [Warned(text)]


class Stopping(FakeInstance):
    """An instance while which is stopped the user presses Ctrl-C."""

    def stop(self, grace: float = 3.0) -> None:
        signal.raise_signal(signal.SIGINT)
        super().stop(grace)


def test_ctrl_c_while_an_instance_that_failed_is_removed_is_not_lost(tmp_path: Path) -> None:
    engine = FakeEngine()
    engine.renews = True
    servable = hello(tmp_path)
    served = Served(start(engine, servable, StartOptions(), silent), servable, servable)
    failing = hello(tmp_path, "raise ValueError('no')\n")
    engine.instance = Stopping
    with terminable(), pytest.raises(KeyboardInterrupt):
        exchange = Exchange(engine, StartOptions(), silent)
        assert exchange.begin(served, failing, Change((), 0.0), force=False)
        exchange.give_up(served)
    assert [one.stopped for one in engine.instances] == [False, True]
    assert served.coming is None
    served.stop()


def test_ctrl_c_while_an_instance_that_ended_is_removed_is_not_lost(tmp_path: Path) -> None:
    engine, servable = FakeEngine(), hello(tmp_path)
    served = Served(start(engine, servable, StartOptions(), silent), servable, servable)
    engine.instance = Stopping
    old = start(engine, servable, StartOptions(), silent)
    assert isinstance(old, Stopping)
    old.end(Ended(0, "it was left"))
    served.leaving.append(old)
    with terminable(), pytest.raises(KeyboardInterrupt):
        served.clear_away()
    assert old.stopped
    served.stop()


def test_what_an_earlier_reload_brought_is_not_told_again() -> None:
    change = Change(("a.py",), time.monotonic())
    assert told(change, Outcome(ok=True, rung="earlier")) is None
    assert isinstance(told(change, Outcome(ok=True, rung="none")), Reloaded)
