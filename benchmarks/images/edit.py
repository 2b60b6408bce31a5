"""Code-only edit to an image in Docker: `algo build` beside `docker build`, in one run.

Both images hold the same packages, model and code, and each build finds all but the code in
its cache. The peer's Dockerfile is the best case: nothing runs after the code is copied.

python -m benchmarks.images.edit [--runs 7] [--model-mb 200]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import SECONDS, in_turn, ratio, row, seconds
from benchmarks.outcome import Outcome, Ratio, report
from benchmarks.serving.project import ALGO, scaffold
from tests.machine import tools

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LIMIT_SECONDS = 0.3
DOCKERFILE = """
FROM {base}
COPY models /opt/algo/app/models
COPY src /opt/algo/app/src
"""
TAG = "algo-bench-edit"


def main() -> None:
    """Measure the template as it is, then with a model of the size asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--model-mb", type=int, default=200)
    options = parser.parse_args()
    tools.fetch("buildx")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        plugins = folder / "docker" / "cli-plugins"
        plugins.mkdir(parents=True)
        (plugins / "docker-buildx").symlink_to(tools.tool("buildx"))
        project = scaffold("python/sklearn", "digits", folder)
        rows, ratios = measure("as it is", project, folder / "docker", options.runs)
        grow(project, options.model_mb)
        what = f"with {options.model_mb} MB of weights"
        more, others = measure(what, project, folder / "docker", options.runs)
    remove_images()
    title = "code-only edit to an image in Docker, sklearn template"
    report(Outcome("images.edit", title, SECONDS, rows + more, ratios + others))


def grow(project: Path, megabytes: int) -> None:
    """Add a second model of random bytes."""
    with (project / "models" / "large.bin").open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(1 << 20))
    manifest = project / "algo.toml"
    text = manifest.read_text()
    manifest.write_text(text.replace("[models]\n", '[models]\nlarge = "models/large.bin"\n'))


def measure(
    what: str, project: Path, docker_config: Path, runs: int
) -> tuple[list[list[str]], list[Ratio]]:
    """Edit and build in turn; return the table's rows and the ratios."""
    built = subprocess.run(
        [ALGO, "build", "--json"], cwd=project, check=True, stdout=subprocess.PIPE
    )
    base = json.loads(built.stdout)["reference"]
    dockerfile = project.parent / "Dockerfile"
    dockerfile.write_text(DOCKERFILE.format(base=base))
    docker = ["docker", "build", "--quiet", "--tag", TAG, "--file", str(dockerfile), "."]
    classic = {**os.environ, "DOCKER_BUILDKIT": "0"}
    buildkit = {**os.environ, "DOCKER_BUILDKIT": "1", "DOCKER_CONFIG": str(docker_config)}
    figures = in_turn(
        {
            "algo build": edit_and([ALGO, "build"], project, dict(os.environ)),
            "docker build, BuildKit": edit_and(docker, project, buildkit),
            "docker build, classic": edit_and(docker, project, classic),
        },
        runs,
    )
    ours = figures["algo build"]
    asked = [seconds(f"algo build, {what}", ours, LIMIT_SECONDS)]
    for name, figure in figures.items():
        if figure is not ours:
            asked.append(ratio(f"algo build, {what}, of {name}", ours, figure, None))
    return [[f"{one[0]}, {what}", *one[1:]] for one in map(row, figures.values())], asked


def edit_and(command: list[str], project: Path, env: Mapping[str, str]) -> Callable[[], float]:
    """Return an action that changes the code, then times `command` as a whole process."""
    source = project / "src" / "digits.py"

    def run() -> float:
        with source.open("a") as file:
            file.write(f"# {time.time_ns()}\n")
        began = time.perf_counter()
        done = subprocess.run(command, cwd=project, env=env, capture_output=True, check=False)
        taken = time.perf_counter() - began
        if done.returncode:
            sys.exit(f"{' '.join(command)}: {done.stderr.decode()}")
        return taken

    return run


def remove_images() -> None:
    """Remove what the measurement left in the engine."""
    docker = shutil.which("docker") or "docker"
    listing = [docker, "images", "--format", "{{.Repository}}:{{.Tag}}"]
    images = subprocess.run(listing, capture_output=True, text=True, check=True).stdout.split()
    ours = [name for name in images if name.startswith((f"{TAG}:", "algo.local/bench/"))]
    if ours:
        subprocess.run([docker, "rmi", "--force", *ours], check=False, capture_output=True)
    subprocess.run([docker, "image", "prune", "--force"], check=False, capture_output=True)


if __name__ == "__main__":
    main()
