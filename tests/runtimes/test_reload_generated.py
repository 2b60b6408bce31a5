"""Generated projects under generated edits: what a swap serves is what a fresh start would."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.runtimes.conftest import RunnerProcess, runner_command

if TYPE_CHECKING:
    from pathlib import Path

SEEDS = range(4)
MORE = range(4, 100)
EDITS = 8
FRESH = "import sys, json, it; s = it.load(); print(json.dumps(it.apply(0, s)))"


class Writer:
    """Writes modules whose functions call each other, fill variables and make objects."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._known: list[tuple[str, str]] = []

    def project(self) -> dict[str, str]:
        """Return the files, the entry last: each uses those before it."""
        files = {name: self._module(name) for name in ("low", "middle")}
        files["it"] = self._module("it", entry=True)
        return files

    def _module(self, name: str, *, entry: bool = False) -> str:
        chance, lines, uses = self._chance, [], []
        for module in dict.fromkeys(module for module, _ in self._known):
            names = [one for where, one in self._known if where == module]
            form = chance.choice(["module", "names", "star"])
            if form == "module":
                lines.append(f"import {module}")
                uses += [f"{module}.{one}" for one in names]
            elif form == "names":
                lines.append(f"from {module} import {', '.join(names)}")
                uses += names
            else:
                lines.append(f"from {module} import *")
                uses += names
        lines += [f"C_{name} = {self._number()}", f"V_{name} = [{self._number()}]"]
        lines += [f"class K_{name}:", f"    n = {self._number()}"]
        lines += [f"def keep_{name}(f):", f"    V_{name}.append(len(f.__name__))", "    return f"]
        own = [f"C_{name}", f"sum(V_{name})", f"K_{name}().n", f"len(V_{name})"]
        for number in range(chance.randint(1, 3)):
            function = f"f{number}_{name}"
            if chance.random() < 0.1:
                lines.append(f"@keep_{name}")
            lines.append(f"def {function}():")
            if chance.random() < 0.05:
                lines.append(f"    V_{name}.append({self._number()})")
            parts = [chance.choice([*own, *(f"{use}()" for use in uses)]) for _ in range(2)]
            lines.append(f"    return {' + '.join(parts)} + {self._number()}")
            self._known.append((name, function))
            uses.append(function)
        # What load() has nothing to do with, at the end of the file.
        if entry:
            picked = [f"{chance.choice(uses)}()" for _ in range(2)]
            extra = chance.choice(["", f", V_{name}", f", [K_{name}().n]"])
            lines += ["def load():", f"    return [{', '.join(picked)}{extra}]"]
            lines += ["def apply(value, state):"]
            lines += [f"    return [state, {self._number()}, {chance.choice([*own])}, g_it()]"]
        lines += [f"def g_{name}():", f"    return {self._number()} + {self._number()}"]
        return "\n".join(lines) + "\n"

    def _number(self) -> int:
        return self._chance.randint(10, 99)


@pytest.mark.parametrize(
    "seed", [*SEEDS, *(pytest.param(seed, marks=pytest.mark.slow) for seed in MORE)]
)
def test_a_swap_serves_what_a_fresh_start_would(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    source = tmp_path / "src"
    source.mkdir()
    files = Writer(chance).project()
    for name, text in files.items():
        (source / f"{name}.py").write_text(text)
    started = begin(tmp_path)
    rungs = []
    try:
        for _ in range(EDITS):
            name = chance.choice(list(files))
            files[name] = edited(files[name], chance)
            (source / f"{name}.py").write_text(files[name])
            started.write({"type": "reload", "changed": [f"src/{name}.py"]})
            rungs.append(str(started.read()[0]["rung"]))
            if rungs[-1] == "worker":
                started.close()
                started = begin(tmp_path)
            started.write({"type": "commit"})
            header, body = started.call(b"0")
            assert header["type"] == "result", header
            assert json.loads(body) == fresh(source), f"seed {seed}, {rungs}: {files}"
    finally:
        started.close()


def begin(app: Path) -> RunnerProcess:
    started = RunnerProcess(runner_command(), app)
    assert started.load()["type"] == "ready"
    return started


def edited(text: str, chance: random.Random) -> str:
    """Return `text` with one of its numbers changed."""
    begin = text.find("def apply(" if "def apply(" in text else "def g_")
    numbers = list(re.finditer(r"\b\d\d\b", text))
    if chance.random() < 0.6:
        numbers = [one for one in numbers if one.start() > begin]
    one = chance.choice(numbers)
    other = chance.randint(10, 99)
    return f"{text[: one.start()]}{other}{text[one.end() :]}"


def fresh(source: Path) -> Any:
    """Return what a process that starts now answers."""
    command = [sys.executable, "-B", "-c", FRESH]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)
