from __future__ import annotations

import signal
import threading
import time
import urllib.request
from typing import TYPE_CHECKING

import pytest
from algo.engines.interface import Ended
from algo.events import Event, Log, Ready, Reloaded, ReloadFailed, Stopped, Warned
from algo.serving.errors import LoadFailed, ServiceEnded
from algo.serving.serve import serve
from algo.serving.start import StartOptions

from tests.fakes.engines import FakeEngine, hello
from tests.fakes.trees import FakeSays, FakeTree
from tests.fakes.watchers import FakeWatcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Story:
    """Runs `serve` in this thread and acts, from another, on the events it tells."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.engine = FakeEngine()
        self.watcher = FakeWatcher()
        self.tree = FakeTree()
        self.events: list[Event] = []
        self._acts: Iterator[Callable[[], None]] = iter(())

    def serve(self, *acts: Callable[[], None], source: str | None = None) -> None:
        self._acts = iter(acts)
        servable = hello(self.root, source) if source else hello(self.root)
        serve(
            self.engine,
            servable,
            StartOptions(),
            sample=lambda url: "1",
            watcher=self.watcher,
            tree=self.tree,
            notify=self._notify,
        )

    def save(self, source: str) -> Callable[[], None]:
        def act() -> None:
            (self.root / "src" / "hello.py").write_text(source)
            self.watcher.change("src/hello.py")

        return act

    def change(self, *paths: str) -> Callable[[], None]:
        return lambda: self.watcher.change(*paths)

    def interrupt(self) -> None:
        signal.raise_signal(signal.SIGINT)

    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.events]

    def rungs(self) -> list[str]:
        return [event.rung for event in self.events if isinstance(event, Reloaded)]

    def answer(self, number: int = 0) -> bytes:
        with urllib.request.urlopen(self.engine.instances[number].url, b"41") as response:
            return bytes(response.read())

    def _notify(self, event: Event) -> None:
        self.events.append(event)
        if not isinstance(event, Log | Stopped):
            act = next(self._acts, None)
            if act is not None:
                threading.Timer(0.01, act).start() if act != self.interrupt else act()


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path)


def test_it_tells_where_it_answers_and_stops_cleanly_on_ctrl_c(story: Story) -> None:
    story.serve(story.interrupt)
    assert story.kinds() == ["Ready", "Stopped"]
    ready = story.events[0]
    assert isinstance(ready, Ready)
    assert ready.sample == "1"
    assert ready.url == story.engine.instances[0].url
    assert story.engine.instances[0].stopped
    assert story.watcher.stopped


def test_a_save_reaches_the_running_service(story: Story) -> None:
    answers: list[bytes] = []

    def look() -> None:
        answers.append(story.answer())
        story.watcher.change("src/hello.py")

    save = story.save("def apply(input):\n    return input + 2\n")
    story.serve(save, look, story.interrupt)
    assert answers == [b"43"]
    reloaded = story.events[1]
    assert isinstance(reloaded, Reloaded)
    assert (reloaded.trigger, reloaded.rung) == ("src/hello.py", "swap")
    assert 0 < reloaded.milliseconds < 1000


def test_a_bad_save_is_told_once_and_the_old_code_serves_on(story: Story) -> None:
    answers: list[bytes] = []

    def look() -> None:
        answers.append(story.answer())
        story.watcher.change("algo.toml")

    story.serve(story.save("def apply(:\n"), look, story.interrupt)
    assert answers == [b"42"]
    failures = [event for event in story.events if isinstance(event, ReloadFailed)]
    assert len(failures) == 1
    assert (failures[0].file, failures[0].line) == ("src/hello.py", 1)
    assert failures[0].message.startswith("SyntaxError")


def test_what_the_manifest_says_is_prepared_and_brought(story: Story) -> None:
    def edit() -> None:
        story.tree.says = FakeSays(packages=("six==1", "ten==2"))
        story.watcher.change("algo.toml", "src/hello.py")

    story.serve(edit, story.interrupt)
    gateway = story.engine.instances[0].gateway
    assert gateway.changed == [["src/hello.py"]]
    assert gateway.wanted[0]["packages"] == "/packages/six==1/ten==2"
    reloaded = story.events[1]
    assert isinstance(reloaded, Reloaded)
    assert (reloaded.trigger, reloaded.packages) == ("algo.toml and 1 more", 2)


def test_a_manifest_that_says_the_same_in_other_words_changes_nothing(story: Story) -> None:
    story.serve(story.change("algo.toml"), story.interrupt)
    assert story.engine.instances[0].gateway.changed == []
    assert isinstance(story.events[1], Reloaded)
    assert story.events[1].rung == "none"


def test_what_is_refused_is_told_once_and_what_came_with_it_waits(story: Story) -> None:
    def refuse() -> None:
        story.tree.says = FakeSays(error="six and ten disagree")
        story.watcher.change("requirements.in", "src/weights.bin")

    def mend() -> None:
        story.tree.says = FakeSays()
        story.watcher.change("requirements.in")

    story.serve(refuse, mend, story.interrupt)
    refused = story.events[1]
    assert isinstance(refused, ReloadFailed)
    assert refused.message == "six and ten disagree"
    assert story.engine.instances[0].gateway.changed == [["src/weights.bin"]]


def test_what_only_a_new_instance_can_bring_is_named(story: Story) -> None:
    def rename() -> None:
        story.tree.says = FakeSays(base="another name")
        story.watcher.change("algo.toml")

    story.serve(rename, story.interrupt)
    (warning,) = [event.text for event in story.events if isinstance(event, Warned)]
    assert warning.startswith("algo.toml changed: stop algo serve")
    assert story.engine.instances[0].gateway.changed == []


def test_several_files_are_one_reload(story: Story) -> None:
    story.serve(story.change("src/a.py", "src/hello.py"), story.interrupt)
    assert story.engine.instances[0].gateway.changed == [["src/a.py", "src/hello.py"]]
    reloaded = story.events[1]
    assert isinstance(reloaded, Reloaded)
    assert reloaded.trigger == "src/a.py and 1 more"


def test_many_files_are_told_by_their_number(story: Story) -> None:
    story.serve(story.change(*(f"src/m{number}.py" for number in range(500))), story.interrupt)
    reloaded = story.events[1]
    assert isinstance(reloaded, Reloaded)
    assert reloaded.trigger == "500 files"


def test_a_load_error_at_the_start_names_file_and_line(story: Story) -> None:
    with pytest.raises(LoadFailed) as caught:
        story.serve(source="import json\nraise RuntimeError('no weights')\n")
    assert "RuntimeError: no weights (src/hello.py:2)" in caught.value.message
    assert story.engine.instances[0].stopped
    assert story.watcher.stopped
    assert story.events == []


def test_an_edit_takes_the_place_of_a_first_load(story: Story) -> None:
    story.engine.loads = False
    bad, good = story.save("def apply(:\n"), story.save("def apply(input):\n    return 1\n")
    threading.Timer(0.1, bad).start()
    story.serve(good, lambda: None, story.interrupt)
    failed = story.events[0]
    assert isinstance(failed, ReloadFailed)
    assert (failed.line, failed.serves) == (1, False)
    assert sorted(story.kinds()[1:3]) == ["Ready", "Reloaded"]
    assert story.engine.instances[0].gateway.changed == [["src/hello.py"]] * 2


def test_code_that_is_back_comes_in_though_the_environment_is_still_wrong(story: Story) -> None:
    def lose() -> None:
        story.tree.says = FakeSays(missing="src/hello.py is not there")
        story.watcher.change("algo.toml")

    def bring_back() -> None:
        story.tree.says = FakeSays(error="six and ten disagree")
        (story.root / "src" / "hello.py").write_text("def apply(input):\n    return input + 2\n")
        story.watcher.change("src/hello.py")

    def look() -> None:
        answers.append(story.answer())
        story.interrupt()

    answers: list[bytes] = []
    story.serve(lose, bring_back, lambda: None, look)
    assert answers == [b"43"]
    assert story.kinds() == ["Ready", "ReloadFailed", "Warned", "Reloaded", "Stopped"]
    assert story.events[2] == Warned("six and ten disagree; the old environment goes on")


def test_what_a_manifest_says_during_the_first_load_is_prepared_and_brought(story: Story) -> None:
    story.engine.loads = False

    def edit() -> None:
        story.tree.says = FakeSays(packages=("six==1",))
        story.watcher.change("algo.toml")

    threading.Timer(0.1, edit).start()
    story.serve(lambda: None, story.interrupt)
    gateway = story.engine.instances[0].gateway
    assert [one["packages"] for one in gateway.wanted] == ["/packages/six==1"]
    assert sorted(story.kinds()[:2]) == ["Ready", "Reloaded"]


def rebase(story: Story, base: str, *, loads: bool) -> Callable[[], None]:
    """Return what wants another instance, whose code loads or never ends loading."""

    def act() -> None:
        story.engine.renews, story.engine.loads = True, loads
        story.tree.says = FakeSays(base=base)
        story.watcher.change("algo.toml")

    return act


def test_an_edit_takes_the_place_of_the_load_of_another_instance(story: Story) -> None:
    answers: list[bytes] = []

    def edit() -> None:
        rebase(story, "other", loads=False)()
        wait_until(lambda: len(story.engine.instances) == 2)
        story.save("def apply(input):\n    return input + 2\n")()

    def look() -> None:
        answers.append(story.answer(1))
        story.interrupt()

    story.serve(edit, lambda: None, look)
    assert answers == [b"43"]
    assert sorted(story.rungs()) == ["container", "swap"]
    old, new = story.engine.instances
    assert new.gateway.changed == [["src/hello.py"]]
    assert new.followed is old
    assert "accept" in new.gateway.asked and "leave" in old.gateway.asked


def test_another_instance_with_an_edit_that_does_not_load_is_given_up(story: Story) -> None:
    def edit() -> None:
        rebase(story, "other", loads=False)()
        wait_until(lambda: len(story.engine.instances) == 2)
        story.save("def apply(:\n")()

    def mend() -> None:
        assert story.answer() == b"42"
        story.engine.loads = True
        story.save("def apply(input):\n    return input + 2\n")()

    story.serve(edit, lambda: None, mend, story.interrupt)
    assert story.kinds()[1:3] == ["ReloadFailed"] * 2
    assert story.rungs() == ["container"]
    assert [one.followed for one in story.engine.instances] == [
        None,
        None,
        story.engine.instances[0],
    ]
    assert story.engine.instances[1].stopped


def test_a_manifest_that_asks_for_another_one_takes_the_place_of_one_that_loads(
    story: Story,
) -> None:
    def edit() -> None:
        rebase(story, "other", loads=False)()
        wait_until(lambda: len(story.engine.instances) == 2)
        rebase(story, "third", loads=True)()

    story.serve(edit, story.interrupt)
    assert story.rungs() == ["container"]
    assert [one.followed is not None for one in story.engine.instances] == [False, False, True]


def test_a_manifest_as_it_was_leaves_the_instance_that_serves(story: Story) -> None:
    def edit() -> None:
        rebase(story, "other", loads=False)()
        wait_until(lambda: len(story.engine.instances) == 2)
        rebase(story, "", loads=True)()

    def look() -> None:
        assert story.engine.instances[1].stopped
        assert story.answer() == b"42"
        story.interrupt()

    story.serve(edit, look)
    assert len(story.engine.instances) == 2


def test_another_instance_takes_over_from_one_whose_first_load_never_ends(story: Story) -> None:
    story.engine.loads = False
    threading.Timer(0.1, rebase(story, "other", loads=True)).start()
    story.serve(lambda: None, story.interrupt)
    assert sorted(story.kinds()[:2]) == ["Ready", "Reloaded"]
    old, new = story.engine.instances
    assert new.followed is old


def test_another_instance_that_ends_while_it_loads_leaves_the_one_that_serves(
    story: Story,
) -> None:
    def edit() -> None:
        rebase(story, "other", loads=False)()
        wait_until(lambda: len(story.engine.instances) == 2)
        story.engine.instances[1].end(Ended(-9, "it was ended by SIGKILL"))

    story.serve(edit, story.interrupt)
    (failed,) = [event for event in story.events if isinstance(event, ReloadFailed)]
    assert failed.message == "the algorithm did not start: it was ended by SIGKILL"
    assert story.engine.instances[1].stopped


def test_a_service_that_ends_by_itself_is_an_error(story: Story) -> None:
    def kill() -> None:
        story.engine.instances[0].end(Ended(-9, "it was ended by SIGKILL"))

    with pytest.raises(ServiceEnded, match="SIGKILL"):
        story.serve(kill)
    assert story.kinds() == ["Ready", "Stopped"]
    assert story.engine.instances[0].stopped


def test_what_the_algorithm_prints_is_told(story: Story) -> None:
    story.serve(story.interrupt, source="print('loading')\ndef apply(input):\n    return 1\n")
    assert Log("loading") in story.events


def test_ctrl_c_before_it_is_ready_is_an_interruption(story: Story, tmp_path: Path) -> None:
    threading.Timer(0.2, signal.raise_signal, (signal.SIGINT,)).start()
    source = "import time\ntime.sleep(0.5)\ndef apply(input):\n    return 1\n"
    with pytest.raises(KeyboardInterrupt):
        story.serve(source=source)
    assert story.watcher.stopped
