from __future__ import annotations

import pytest
from algo.engines.choose import choose
from algo.engines.errors import EngineUnavailable, UnknownEngine
from algo.events import Event, Note, silent

from tests.fakes.engines import FakeEngine


class Docker(FakeEngine):
    """An engine that may be absent."""

    name = "docker"

    def __init__(self, there: bool) -> None:
        super().__init__()
        self.there = there

    def answers(self) -> bool:
        return self.there


def test_docker_is_the_default_when_it_answers() -> None:
    assert choose("", lambda: Docker(True), FakeEngine, silent).name == "docker"


def test_virtualenv_is_taken_with_one_line_when_docker_is_absent() -> None:
    events: list[Event] = []
    assert choose("", lambda: Docker(False), FakeEngine, events.append).name == "fake"
    [note] = events
    assert isinstance(note, Note)
    assert "virtualenv" in note.text


def test_virtualenv_asked_for_does_not_look_for_docker() -> None:
    events: list[Event] = []
    assert choose("virtualenv", lambda: Docker(True), FakeEngine, events.append).name == "fake"
    assert events == []


def test_docker_asked_for_and_absent_is_an_error() -> None:
    with pytest.raises(EngineUnavailable) as caught:
        choose("docker", lambda: Docker(False), FakeEngine, silent)
    assert caught.value.exit_code == 3


def test_another_name_is_refused() -> None:
    with pytest.raises(UnknownEngine):
        choose("kubernetes", lambda: Docker(True), FakeEngine, silent)
