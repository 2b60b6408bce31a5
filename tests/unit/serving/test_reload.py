from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from algo.engines.interface import Launch
from algo.events import Event, Warned
from algo.serving.exchange import Exchange, Served
from algo.serving.reload import Reloads
from algo.serving.start import StartOptions
from algo.watch.interface import Change

from tests.fakes.engines import FakeEngine, hello

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
