"""Random edits under load: every request is answered, by one version that was current meanwhile."""

from __future__ import annotations

import http.client
import json
import os
import random
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import pytest

from tests.e2e.served import Served
from tests.fakes.wheels import offline, wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Engine

ALGO = [sys.executable, "-c", "from algo.main import main; main()"]
MANIFEST = """
[algorithm]
name = "acme/random"
language = "python"
entrypoint = "src/entry.py:apply"

[models]
weights = "models/weights.json"

[serving]
workers = 2
timeout = "{timeout}s"
cors = [{cors}]
"""
ENTRY = """
import json, time
from pathlib import Path

import greeting
import helper

FIRST = {number}

def load(models):
    return json.loads(Path(models["weights"]).read_text())

def apply(value, state):
    answer = [FIRST, helper.number(), state, greeting.NUMBER]
    time.sleep(value)
    return [*answer, SECOND, helper.number()]

SECOND = {number}
"""
HELPER = "def number():\n    return {number}\n"
ENDLESS = ["import time\ntime.sleep(1000)\n", "NUMBER = sum(n * n for n in range(10**11))\n"]
BROKEN = ["def (", "raise RuntimeError('broken')\n", "import nowhere\n", *ENDLESS]
# What comes after an edit that loads without an end has to wait for a second, and loads then.
QUIET, QUIET_AFTER_ENDLESS = 0.4, 2.0
State = tuple[int, int, int, int]


@dataclass
class Project:
    """The files, what is wrong with them, and what a service of them should answer."""

    root: Path
    seed: int
    chance: random.Random
    # Whether another container may be asked for, and which package the one that serves has.
    renewed: bool = False
    packed: int = 1
    cors: str = ""
    endless: bool = False
    served: State = (1, 1, 1, 1)
    numbers: dict[str, int] = field(
        default_factory=lambda: {"entry": 1, "helper": 1, "weights": 1, "package": 1}
    )
    wrong: set[str] = field(default_factory=set)
    package: int = 1
    count: int = 1

    def write(self) -> None:
        """Write all of it for the first time."""
        for folder in ("src", "models"):
            (self.root / folder).mkdir(parents=True)
        (self.root / "algo.toml").write_text(MANIFEST.format(timeout=60, cors=""))
        (self.root / "requirements.in").write_text("greeting==1.0\n")
        for name in ("entry", "helper", "weights"):
            self._write(name)

    @property
    def broken(self) -> bool:
        """Whether the code on disk cannot be served."""
        return bool(self.wrong & {"entry", "helper", "weights"})

    def edit(self) -> str:
        """Make an edit and work out what should be served after it; return what it was."""
        kinds = ["entry"] * 4 + ["helper"] * 3 + ["weights", "package", "package", "manifest"]
        kind = self.chance.choice([*sorted(self.wrong), *kinds])
        self.count += 1
        what = getattr(self, f"_{kind}")()
        self._settle()
        return f"{kind}: {what}"

    def edit_code(self) -> str:
        """Make an edit of code, good or bad."""
        self.count += 1
        kind = self.chance.choice(["entry", "helper"])
        what = getattr(self, f"_{kind}")()
        self._settle()
        return f"{kind}: {what}"

    def mend(self) -> Iterator[str]:
        """Make good what is wrong, one thing after the other."""
        for kind in sorted(self.wrong):
            self.count += 1
            what = getattr(self, f"_{kind}")(good=True)
            self._settle()
            yield f"{kind}: {what}"

    def _settle(self) -> None:
        if "package" not in self.wrong and "manifest" not in self.wrong:
            self.package = self.numbers["package"]
        if not self.broken:
            numbers = self.numbers
            self.served = (numbers["entry"], numbers["helper"], numbers["weights"], self.package)

    def _code(self, name: str, *, good: bool) -> str:
        if good or self.chance.random() < 0.7:
            self.wrong.discard(name)
            self.numbers[name] = self.count
            self._write(name)
            return str(self.count)
        self.wrong.add(name)
        path = self._path(name)
        if self.chance.random() < 0.3 and path.exists():
            path.rename(path.with_suffix(".away"))
            return "renamed"
        text = self.chance.choice(BROKEN)
        self.endless |= text in ENDLESS
        path.write_text(f"# {self.count}\n{text}")
        return repr(text)

    def _entry(self, *, good: bool = False) -> str:
        return self._code("entry", good=good)

    def _helper(self, *, good: bool = False) -> str:
        return self._code("helper", good=good)

    def _weights(self, *, good: bool = False) -> str:
        self.numbers["weights"] = self.count
        if good or self.chance.random() < 0.7:
            self.wrong.discard("weights")
            self._write("weights")
            return str(self.count)
        self.wrong.add("weights")
        self._path("weights").write_text(f"{{ {self.count}")
        return "no JSON"

    def _package(self, *, good: bool = False) -> str:
        number = 3 - self.numbers["package"] if "package" not in self.wrong else 1
        if good or self.chance.random() < 0.7:
            self.wrong.discard("package")
            self.numbers["package"] = number
            text = f"greeting=={number}.0\n"
        else:
            self.wrong.add("package")
            text = f"greeting==2.0\nold==1.0\n# {self.count}\nnowhere{self.count}\n"
        (self.root / "requirements.in").write_text(text)
        return repr(text)

    def _manifest(self, *, good: bool = False) -> str:
        if self.renewed and self.chance.random() < 0.7:
            self.cors = f'"https://{self.count}.example.com"'
        text = MANIFEST.format(timeout=60 + self.count, cors=self.cors)
        if good or self.chance.random() < 0.7:
            self.wrong.discard("manifest")
        else:
            self.wrong.add("manifest")
            text += f"unknown = {self.count}\n"
        (self.root / "algo.toml").write_text(text)
        return "unknown key" if "manifest" in self.wrong else f"timeout, cors {self.cors}"

    def _path(self, name: str) -> Path:
        place = "models/weights.json" if name == "weights" else f"src/{name}.py"
        return self.root / place

    def _write(self, name: str) -> None:
        number = self.numbers[name]
        texts = {"entry": ENTRY, "helper": HELPER, "weights": "{number}"}
        text = texts[name].format(number=number)
        path = self._path(name)
        if self.chance.random() < 0.5:
            with path.open("w") as file:  # it is empty for as long as a busy machine takes
                time.sleep(self.chance.choice([0.0, 0.0, 0.02]))
                file.write(text)
            return
        other = path.with_name(f".{path.name}.swp")  # as an editor that renames does
        other.write_text(text)
        other.rename(path)


class Crowd:
    """Clients that call all the time; `answers` are what each got, and between when and when."""

    def __init__(self, url: str, count: int = 4) -> None:
        self.answers: list[tuple[float, float, Any]] = []
        self.failures: list[str] = []
        self._address = urlsplit(url).netloc
        self._done = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(n,)) for n in range(count)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *failed: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join(30)

    def last(self, states: list[State], since: float) -> State | None:
        """Return which of `states` answered the last call, if that was sent after `since`."""
        if not self.answers:
            return None
        sent, _, answer = self.answers[-1]
        state: State = tuple(answer[:4])
        return state if sent >= since and state in states else None

    def _call(self, number: int) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=30)
        body = b"0.02" if number == 0 else b"0.001"
        while not self._done.is_set():
            sent = time.monotonic()
            try:
                connection.request("POST", "/", body, {"Content-Type": "application/json"})
                response = connection.getresponse()
                text = response.read()
                if response.status == 200:
                    self.answers.append((sent, time.monotonic(), json.loads(text)))
                else:
                    self.failures.append(f"{sent:.3f} {response.status} {text[:300]!r}")
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(f"{sent:.3f} {error!r}")
                connection.close()
            self._done.wait(0.003)
        connection.close()


def play(served: Served, project: Project, edits: int) -> list[str]:
    """Edit under load and return what is wrong with the answers, with the story before it."""
    # When each state may have answered first, and when the next one was surely there.
    times: list[list[Any]] = [[project.served, 0.0, float("inf")]]
    story = [f"ALGO_SEED={project.seed} replays it"]

    def told() -> int:
        return len(served.of("reload")) + len(served.of("error"))

    with Crowd(served.url) as crowd:

        def after(may: list[State]) -> None:
            """Wait until it is quiet, and until one of the states that may be served is."""
            long = QUIET_AFTER_ENDLESS if project.endless else QUIET
            project.endless &= project.broken
            events, quiet = told(), time.monotonic() + long
            while time.monotonic() < quiet or not crowd.last(may, time.monotonic() - 1):
                if told() != events:
                    events, quiet = told(), time.monotonic() + long
                time.sleep(0.02)
                assert time.monotonic() < quiet + 30, (
                    f"none of {may} is served, but {crowd.answers[-1]}, after {story} "
                    f"{served.events[-3:]} {served.story[-10:]}"
                )
            found = crowd.last(may, time.monotonic() - 1)
            while True:
                before, settled = found, time.monotonic()
                served.wait(lambda at=settled: crowd.last(may, at) is not None, 30)
                found = crowd.last(may, settled)
                assert found is not None, f"{crowd.answers[-1]} is none of {may} after {story}"
                if found == before:
                    break  # else a late one came in between: until then another answered
            project.served, project.packed = found, found[3]
            for one in times:
                if one[0] != found:
                    one[2] = min(one[2], settled)
            times.append([found, settled, float("inf")])

        def note(what: str, at: float) -> None:
            story.append(f"{at:.3f} {what}")
            times.append([project.served, at, float("inf")])
            if project.renewed:  # code goes into the container that serves, packages into the next
                times.append([(*project.served[:3], project.packed), at, float("inf")])

        for _ in range(edits):
            known = told()
            burst = project.chance.random() < 0.3
            may = [project.served]
            for _ in range(project.chance.randint(2, 4) if burst else 1):
                at = time.monotonic()
                note(project.edit_code() if burst else project.edit(), at)
                may.append(project.served)
                time.sleep(project.chance.choice([0.0, 0.03, 0.12]) if burst else 0)
            served.wait(partial(lambda known: told() > known, known), 1)
            # What was good in the midst of a burst may have been served, or not been seen.
            after(may if project.broken else may[-1:])
        at = time.monotonic()
        for what in project.mend():
            note(what, at)
            after([project.served])
            at = time.monotonic()
    wrong = [f"{failure} ({story})" for failure in crowd.failures]
    for sent, received, answer in crowd.answers:
        fits = any(
            tuple(answer[:4]) == state and first <= received and sent <= last
            for state, first, last in times
        )
        if not fits or answer[0] != answer[4] or answer[1] != answer[5]:
            near = [one for one in times if one[1] <= received][-4:]
            wrong.append(f"{answer} between {sent:.3f} and {received:.3f}: {near} {story[-40:]}")
    assert len(crowd.answers) > 50
    return wrong[:3]


@pytest.fixture
def project(
    tmp_path: Path, algo_home: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Project:
    for number in (1, 2):
        wheel(tmp_path / "wheels", "greeting", f"{number}.0", f"NUMBER = {number}\n")
    wheel(tmp_path / "wheels", "old", "1.0", "", requires=["greeting<2"])
    for name, value in offline(tmp_path / "wheels").items():
        monkeypatch.setenv(name, value)
    seed = int(os.environ.get("ALGO_SEED") or request.node.callspec.params["seed"])
    made = Project(tmp_path / "random", seed, random.Random(seed))
    made.write()
    return made


@pytest.mark.parametrize(
    ("seed", "edits"),
    [(1, 12), *(pytest.param(seed, 40, marks=pytest.mark.slow) for seed in range(2, 9))],
)
def test_random_edits_lose_and_mix_nothing(project: Project, seed: int, edits: int) -> None:
    command = [*ALGO, "serve", "--engine", "virtualenv"]
    with Served.start(command, project.root) as served:
        assert play(served, project, edits) == []


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "edits"), [(1, 15), (2, 40), (5, 40)])
def test_random_edits_of_a_container_lose_and_mix_nothing(
    engine: Engine, project: Project, tmp_path: Path, seed: int, edits: int
) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("UV_")}
    for words, folder in ((["init", "acme/warm"], ""), (["build", "--into", "docker"], "warm")):
        subprocess.run([*ALGO, *words], cwd=tmp_path / folder, env=env, check=True)
    project.renewed = True
    with Served.start([*ALGO, "serve", "--engine", "docker"], project.root) as served:
        assert play(served, project, edits) == []
