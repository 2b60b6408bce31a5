"""Pull and start of a published version whose layers are present: until it answers.

The registry (distribution 2.8) is on loopback. The version before it was pulled and started
here, so that only its code is new; then one that is here already is started by its version.
The platform's part is that of an algorithm that imports nothing. scikit-learn's template is held
against what no start of it can be without: a container that unpickles its model, and so imports it.

python -m benchmarks.publish.pull_start [--runs 5]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.images.edit import remove_images
from benchmarks.measure import SECONDS, in_turn, ratio, row, seconds
from benchmarks.outcome import Outcome, report
from benchmarks.serving.project import ALGO, scaffold, started
from tests.machine import registries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIMIT = 1.5
# Of a container that only unpickles: what the platform may add to a model's own start.
LIMIT_RATIO = 1.5
TEMPLATES = {"minimal": "hello", "sklearn": "digits"}
ENGINES = ("docker", "virtualenv")
UNPICKLE = "docker run, unpickling the model alone"
_UNPICKLE = "import pickle; pickle.load(open('/opt/algo/app/models/digits_classifier.pkl', 'rb'))"


def main() -> None:
    """Publish a version for each start, then start them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    actions: dict[str, Callable[[], float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "registry").mkdir()
        with registries.docker_registry(folder / "registry") as address:
            for template, project in TEMPLATES.items():
                (folder / template).mkdir()
                actions |= starts(template, project, folder / template, address, options.runs)
            actions[UNPICKLE] = unpickle
            figures = in_turn(actions, options.runs)
    remove_images()
    ratios = [
        *(seconds(name, figures[name], LIMIT) for name in actions if "minimal" in name),
        *(
            ratio(name, figures[name], figures[UNPICKLE], LIMIT_RATIO)
            for name in actions
            if "sklearn" in name
        ),
    ]
    title = "pull and start of a published version, layers present"
    report(Outcome("publish.pull_start", title, SECONDS, list(map(row, figures.values())), ratios))


def starts(
    template: str, name: str, folder: Path, address: str, runs: int
) -> dict[str, Callable[[], float]]:
    """Publish the versions of a template; return what starts a new and a known one, by engine."""
    project, target = scaffold(f"python/{template}", name, folder), f"{address}/bench/{name}"
    # One for each engine's warm-up and each of its runs.
    versions = [publish(project, name, target) for _ in range(len(ENGINES) * (runs + 1))]
    fresh, home = iter(versions), folder / "consumer"
    trust(project, home)
    actions = {}
    for engine in ENGINES:
        actions[f"pull and start, {template}, {engine}"] = fresh_start(home, engine, target, fresh)
        actions[f"start again, {template}, {engine}"] = again(home, engine, target, versions[0])
    return actions


def publish(project: Path, name: str, target: str) -> str:
    """Publish a change of the code and return its version."""
    with (project / "src" / f"{name}.py").open("a") as file:
        file.write(f"# {time.time_ns()}\n")
    command = [ALGO, "publish", "--to", target, "--yes", "--json"]
    env = {**os.environ, "ALGO_ENGINE": "virtualenv"}
    done = subprocess.run(command, cwd=project, env=env, check=True, stdout=subprocess.PIPE)
    return str(json.loads(done.stdout)["version"])


def trust(project: Path, home: Path) -> None:
    """Let the user at `home` trust the publisher's key; the two share nothing else."""
    key = project.parent / "algo.pub"
    exported = subprocess.run([ALGO, "keys", "export"], check=True, stdout=subprocess.PIPE)
    key.write_bytes(exported.stdout)
    env = {**os.environ, "ALGO_HOME": str(home)}
    command = [ALGO, "keys", "trust", str(key)]
    subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL)


def fresh_start(
    home: Path, engine: str, target: str, versions: Iterator[str]
) -> Callable[[], float]:
    """Return an action that starts a version which was never here."""
    return lambda: start(home, engine, f"{target}:{next(versions)}")


def again(home: Path, engine: str, target: str, version: str) -> Callable[[], float]:
    """Return an action that starts a version which was started before."""
    return lambda: start(home, engine, f"{target}:{version}")


def unpickle() -> float:
    """Return the seconds in which a container of the image that was loaded last loads its model."""
    listing = ["docker", "images", "--quiet", "algo.local/bench/digits"]
    image = subprocess.run(listing, check=True, capture_output=True, text=True).stdout.split()[0]
    command = ["docker", "run", "--rm", "--network=none", "--env=PYTHONPATH=/opt/algo/packages"]
    began = time.perf_counter()
    subprocess.run([*command, image, "python3", "-c", _UNPICKLE], check=True)
    return time.perf_counter() - began


def start(home: Path, engine: str, reference: str) -> float:
    """Serve `reference`; return the seconds from the command to its ready line."""
    command = [ALGO, "serve", reference, "--engine", engine, "--port", "0", "--json"]
    before = os.environ.get("ALGO_HOME")
    os.environ["ALGO_HOME"] = str(home)
    try:
        began = time.perf_counter()
        with started(command, home.parent) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if json.loads(line).get("event") == "ready":
                    return time.perf_counter() - began
    finally:
        os.environ.pop("ALGO_HOME") if before is None else os.environ.update(ALGO_HOME=before)
    sys.exit(f"{reference} did not get ready on {engine}")


if __name__ == "__main__":
    main()
