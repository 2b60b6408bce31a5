"""Reloads of a running gateway: all workers or none, another environment, other limits."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest
from algo_gateway.workers.sources import Sources

from tests.runtimes.conftest import RUNTIMES, TOKEN, control

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtimes.conftest import GatewayProcess

    Start = Callable[..., GatewayProcess]

VERSIONED = """
import os, time

def load():
    return os.getpid()

def apply(value, state):
    if value:
        time.sleep(value)
    return ["one", os.getpid()]
"""


def edit(served: GatewayProcess, old: str, new: str) -> None:
    file = served.app / "src" / "it.py"
    file.write_text(file.read_text().replace(old, new))


def bring(served: GatewayProcess, *changed: str, **wanted: Any) -> dict[str, Any]:
    line = {"do": "reload", "token": TOKEN, "changed": list(changed), **wanted}
    return served.control(line)


def described(**serving: Any) -> dict[str, Any]:
    return {
        "name": "acme/it",
        "language": "python",
        "entrypoint": "src/it.py:apply",
        "serving": serving,
    }


def versions(served: GatewayProcess, count: int) -> set[str]:
    """Call `count` times at once, so that every worker has to answer; return the versions seen."""
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda: answers.append(served.post(0.1).json)) for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({state for _, state in answers}) > 1
    return {version for version, _ in answers}


def test_every_worker_has_the_new_code_when_a_reload_is_done(developed: Start) -> None:
    served = developed(VERSIONED, serving={"workers": 3})
    assert versions(served, 6) == {"one"}
    edit(served, '"one"', '"two"')
    assert bring(served, "src/it.py")["rung"] == "swap"
    assert versions(served, 6) == {"two"}


def test_a_worker_that_is_busy_keeps_the_others_from_going_ahead(developed: Start) -> None:
    served = developed(VERSIONED, serving={"workers": 2})
    before = {served.post(0).json[1] for _ in range(4)}
    long: list[Any] = []
    busy = threading.Thread(target=lambda: long.append(served.post(2.5).json))
    busy.start()
    time.sleep(0.2)
    edit(served, '"one"', '"two"')
    answered: list[tuple[float, list[Any]]] = []

    def ask() -> None:
        while not done.is_set():
            answered.append((time.monotonic(), served.post(0).json))

    done = threading.Event()
    asking = threading.Thread(target=ask)
    asking.start()
    assert bring(served, "src/it.py")["rung"] == "worker"
    at = time.monotonic()
    time.sleep(0.3)
    done.set()
    asking.join()
    busy.join()
    assert long[0][0] == "one"
    order = [json[0] for _, json in answered]
    assert order == sorted(order), "no old answer after the first new one"
    assert order[-1] == "two"
    assert not before & {json[1] for when, json in answered if when > at + 0.1}


def test_broken_code_is_swapped_into_no_worker(developed: Start) -> None:
    served = developed(VERSIONED, serving={"workers": 3})
    edit(served, '"one"', '"two" if')
    assert bring(served, "src/it.py")["error"]["type"] == "SyntaxError"
    assert versions(served, 6) == {"one"}


def test_limits_change_while_the_workers_go_on(developed: Start) -> None:
    served = developed(VERSIONED, serving={"timeout": 60.0})
    (_, state) = served.post(0).json
    wanted = described(timeout=0.2, max_body=100)
    assert bring(served, description=wanted)["rung"] == "limits"
    assert served.post(0).json[1] == state
    assert served.post("x" * 200).code == "body_too_large"
    assert bring(served, description=wanted)["rung"] == "none"
    assert served.post(3).code == "deadline_exceeded"


def test_workers_come_and_go_with_their_number(developed: Start) -> None:
    served = developed(VERSIONED)
    assert bring(served, description=described(workers=3))["rung"] == "limits"
    _until(lambda: len(served.workers()) == 3)
    assert versions(served, 6) == {"one"}
    assert bring(served, description=described(workers=1))["rung"] == "limits"
    _until(lambda: len(served.workers()) == 1)


def test_what_the_runner_is_told_at_the_start_wants_a_new_one(developed: Start) -> None:
    code = "def load(models):\n    return models\n\ndef apply(value, state):\n    return state\n"
    served = developed(code)
    (served.app / "weights.bin").write_bytes(b"7")
    wanted = described() | {"models": {"weights": "weights.bin"}}
    assert bring(served, description=wanted)["rung"] == "worker"
    assert served.post(0).json == {"weights": str(served.app / "weights.bin")}


def test_other_packages_come_in_beside_the_old_ones(developed: Start, tmp_path: Path) -> None:
    folders = []
    for number in (1, 2):
        folders.append(tmp_path / f"packages-{number}")
        folders[-1].mkdir()
        (folders[-1] / "greeting.py").write_text(f"NUMBER = {number}\n")
    old, new = map(str, folders)
    code = "import greeting\n\ndef apply(value):\n    return greeting.NUMBER\n"
    served = developed(code, flags=("--packages", old))
    assert served.post(0).json == 1
    answers: list[int] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            answers.append(served.post(0).json)

    asking = threading.Thread(target=ask)
    asking.start()
    said = bring(served, packages=new)
    assert (said["ok"], said["rung"]) == (True, "environment")
    assert served.post(0).json == 2
    done.set()
    asking.join()
    assert answers == sorted(answers)
    # The old parent ends after its workers: one runner is left.
    _until(lambda: _children(served.process.pid) == 1)


def test_an_environment_that_does_not_load_leaves_the_old_one(
    developed: Start, tmp_path: Path
) -> None:
    code = "import greeting\n\ndef apply(value):\n    return greeting.NUMBER\n"
    good, bad = tmp_path / "good", tmp_path / "bad"
    for folder in (good, bad):
        folder.mkdir()
    (good / "greeting.py").write_text("NUMBER = 1\n")
    served = developed(code, flags=("--packages", str(good)))
    said = bring(served, packages=str(bad))
    assert said["error"]["type"] == "ModuleNotFoundError"
    assert served.post(0).json == 1
    assert bring(served, python=str(tmp_path / "nowhere"))["error"]["type"] == "runner_failed"
    assert served.post(0).json == 1
    edit(served, "greeting.NUMBER", "greeting.NUMBER + 1")
    assert bring(served, "src/it.py", python=sys.executable, packages=str(good))["ok"]
    assert served.post(0).json == 2
    _until(lambda: _children(served.process.pid) == 1)


def test_a_worker_is_made_anew_when_asked_to(developed: Start) -> None:
    served = developed(VERSIONED)
    (_, state) = served.post(0).json
    assert bring(served, force=True)["rung"] == "worker"
    assert served.post(0).json[1] != state


def _children(pid: int) -> int:
    return len(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.02)


ENDLESS = """
import os
open(os.environ["LOADING"], "w").close()
while True:
    pass
"""


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_an_edit_takes_the_place_of_a_first_load_that_never_ends(
    developed: Start, tmp_path: Path, workers: int
) -> None:
    told: list[dict[str, Any]] = []

    def save() -> None:
        while not (tmp_path / "loading").exists():
            time.sleep(0.01)
        for source in ("def apply(:\n", VERSIONED):
            (tmp_path / "src" / "it.py").write_text(source)
            line = {"do": "reload", "token": TOKEN, "changed": ["src/it.py"]}
            told.append(control(tmp_path, line))

    saving = threading.Thread(target=save)
    saving.start()
    environment = {"LOADING": str(tmp_path / "loading")}
    served = developed(ENDLESS, serving={"workers": workers}, environment=environment)
    saving.join()
    assert told[0]["error"]["type"] == "SyntaxError"
    assert told[1]["rung"] == "worker"
    assert "ready" in served.first
    assert served.post(0).json[0] == "one"
    assert served.printed == []


# Says nothing the first time: what starts it may load for as long before any of our code runs.
MUTE = """
language = "python"
forks = false
command = ["sh", "-c", "test -e {app}/mute && exec {python} RUN; touch {app}/mute; exec sleep 60"]
"""


def listens(path: Path) -> bool:
    """Tell whether somebody does: the file is there before."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


@pytest.mark.slow
def test_a_runner_that_did_not_speak_yet_ends_with_its_load(
    developed: Start, tmp_path: Path
) -> None:
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    run = str(RUNTIMES / "python" / "run.py")
    (runtime / "runtime.toml").write_text(MUTE.replace("RUN", run))

    def save() -> None:
        _until(lambda: (tmp_path / "mute").exists() and listens(tmp_path / "c.sock"))
        control(tmp_path, {"do": "reload", "token": TOKEN, "changed": ["src/it.py"]})

    saving = threading.Thread(target=save)
    saving.start()
    served = developed(VERSIONED, runtime=runtime)
    saving.join()
    assert served.post(0).json[0] == "one"
    _until(lambda: len(served.parents()) == 1)


SLOW = """
import time
time.sleep(0.4)

def apply(value):
    return "one"
"""


def test_edits_during_a_reload_are_brought_once_and_none_is_lost(developed: Start) -> None:
    served = developed(SLOW)
    rungs: dict[str, str] = {}

    def save(old: str, new: str) -> threading.Thread:
        def tell() -> None:
            rungs[new] = bring(served, "src/it.py")["rung"]

        edit(served, old, new)
        telling = threading.Thread(target=tell)
        telling.start()
        time.sleep(0.1)
        return telling

    for telling in [save("one", "two"), save("two", "three"), save("three", "four")]:
        telling.join()
    assert served.post(0).body == b"four"
    # The second of them read what the third one was told of.
    assert rungs["four"] == "earlier"


# What computes, what catches all that is raised in it, and what waits.
COMPUTES = "NUMBER = sum(n * n for n in range(10**11))"
CATCHES = """
for _ in range(10**6):
    try:
        sum(n * n for n in range(10**11))
    except:
        pass
"""


@pytest.mark.parametrize("code", [COMPUTES, CATCHES])
@pytest.mark.parametrize("workers", [1, 2])
def test_calls_go_on_while_an_edit_imports_without_an_end(
    developed: Start, code: str, workers: int
) -> None:
    served = developed(VERSIONED, serving={"workers": workers})
    before = set(served.workers())
    good = (served.app / "src" / "it.py").read_text()
    (served.app / "src" / "it.py").write_text(good.replace("import os", f"{code}\nimport os"))
    outcomes: list[Any] = []
    bringing = threading.Thread(target=lambda: outcomes.append(bring(served, "src/it.py")))
    bringing.start()
    time.sleep(0.3)
    for _ in range(6):
        began = time.monotonic()
        assert served.post(0).json[0] == "one"
        assert time.monotonic() - began < 15  # the import has no end
        time.sleep(0.2)
    assert before <= set(served.workers())
    (served.app / "src" / "it.py").write_text(good.replace('"one"', '"two"'))
    assert bring(served, "src/it.py")["ok"]
    bringing.join(timeout=10)
    assert outcomes[0]["error"]["type"] == "overtaken"
    assert served.post(0).json[0] == "two"


# Says when it has read `helper`, and waits until that has been written.
HELPED = """
import os, time
from pathlib import Path
try:
    {imports}
finally:
    Path(os.environ["READ"]).touch()
    while Path(os.environ["WRITING"]).exists():
        time.sleep(0.01)

def apply(value):
    return ["one", {number}]
"""
WHOLE = "NUMBER = 7\n"


@dataclass
class Helped:
    """A service of an entry and a `helper`, which is written while it is read."""

    served: GatewayProcess
    read: Path
    writing: Path
    helper: Path

    @classmethod
    def start(cls, developed: Start, folder: Path, imports: str, number: str) -> Self:
        made = folder / "src" / "helper.py"
        made.parent.mkdir()
        made.write_text(WHOLE)
        code = HELPED.format(imports=imports, number=number)
        read, writing = folder / "read", folder / "writing"
        environment = {"READ": str(read), "WRITING": str(writing)}
        return cls(developed(code, environment=environment), read, writing, made)

    def tear(self, half: str) -> None:
        """Edit the entry, and begin to write `helper`."""
        self.read.unlink()
        self.writing.touch()
        edit(self.served, '"one"', '"two"')
        self.helper.write_text(half)
        time.sleep(0.1)  # as long as an editor may take on a busy machine

    def end(self, whole: str) -> threading.Thread:
        """End writing as soon as the half has been read."""

        def write() -> None:
            _until(self.read.exists)
            self.helper.write_text(whole)
            self.writing.unlink()

        writing = threading.Thread(target=write)
        writing.start()
        return writing


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    ("imports", "number", "half"),
    [("import helper", "helper.NUMBER", ""), ("from helper import NUMBER", "NUMBER", "NUM")],
)
def test_a_module_that_was_read_while_it_was_written_is_read_again(
    developed: Start, tmp_path: Path, force: bool, imports: str, number: str, half: str
) -> None:
    """Nobody tells of it: once it was written, it held what it had held before."""
    helped = Helped.start(developed, tmp_path, imports, number)
    helped.tear(half)
    writing = helped.end(WHOLE)
    said = bring(helped.served, "src/it.py", force=force)
    writing.join()
    assert (said["ok"], said["rung"]) == (True, "worker" if force else "swap")
    assert helped.served.post(0).json == ["two", 7]


def test_what_was_read_in_half_is_not_served_when_what_follows_is_broken(
    developed: Start, tmp_path: Path
) -> None:
    helped = Helped.start(developed, tmp_path, "import helper", "helper.NUMBER")
    helped.tear("")
    told: list[Any] = []
    first = threading.Thread(target=lambda: told.append(bring(helped.served, "src/it.py")))
    first.start()
    helped.end("def (").join()
    said = bring(helped.served, "src/helper.py")
    first.join()
    assert told[0]["error"]["type"] == "overtaken"
    assert said["error"]["type"] == "SyntaxError"
    assert helped.served.post(0).json == ["one", 7]


def test_code_that_writes_its_own_comes_in(developed: Start) -> None:
    made = "from pathlib import Path\nPath(__file__).with_name('made.py').write_text('NUMBER = {}')"
    code = made.format(1) + "\nimport made\n\ndef apply(value):\n    return made.NUMBER\n"
    served = developed(code)
    assert served.post(0).json == 1
    edit(served, "NUMBER = 1", "NUMBER = 2")
    assert bring(served, "src/it.py")["ok"]
    assert served.post(0).json == 2


def test_a_file_that_was_written_just_now_may_be_about_to_be_written(tmp_path: Path) -> None:
    file = tmp_path / "it.py"
    sources = Sources(tmp_path, ["src/other.py:apply"])
    file.touch()
    at = file.stat().st_mtime
    asyncio.run(sources.settle())
    assert time.time() - at >= 0.03
    assert not asyncio.run(sources.changed())
    file.write_text("NUMBER = 1\n")
    assert asyncio.run(sources.changed())


def test_a_file_of_a_time_to_come_is_not_waited_for(tmp_path: Path) -> None:
    """The clock that dates it may be another machine's."""
    file = tmp_path / "it.py"
    file.touch()
    os.utime(file, (time.time() + 100, time.time() + 100))
    began = time.monotonic()
    asyncio.run(Sources(tmp_path, ["it.py"]).settle())
    assert time.monotonic() - began < 0.4
