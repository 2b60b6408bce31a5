"""What the image of the suite's program weighs in each language, by kinds of layers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.languages.served import MANIFEST
from tests.machine.places import cache_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.languages.language import Language

# Kinds of layers, in the order of the image, and what they are called here.
KINDS = {
    "runtime": "Debian and what runs the language",
    "gateway": "the gateway",
    "runner": "the runner",
    "packages": "packages",
    "program": "what was compiled",
}
REST, WHOLE, PACKED = "models and code", "together", "together, packed"
MEGABYTE = 1_000_000


def layers(language: Language) -> list[dict[str, object]]:
    """Build the image of the suite's program and return its layers, as `algo build` tells them.

    Raises:
        subprocess.CalledProcessError: It was not built; why is on standard error.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # the steps are not run as this user
        home, app = folder / "home", folder / "app"
        home.mkdir()
        (home / "cache").symlink_to(cache_folder("images"), target_is_directory=True)
        shutil.copytree(language.program, app)
        manifest = MANIFEST.format(language=language.name, entrypoint=language.entrypoint)
        (app / "algo.toml").write_text(manifest)
        command = [sys.executable, "-m", "algo", "build", "--into", "store", "--json"]
        env = {**os.environ, "ALGO_HOME": str(home)}
        done = subprocess.run(command, cwd=app, env=env, check=True, stdout=subprocess.PIPE)
    found: list[dict[str, object]] = json.loads(done.stdout)["layers"]
    return found


def table(images: Mapping[str, list[dict[str, object]]]) -> list[str]:
    """Return the lines of a table in MB, a column for each language."""
    rows: dict[str, list[float]] = {one: [] for one in (*KINDS.values(), REST, WHOLE, PACKED)}
    for found in images.values():
        sizes = dict.fromkeys((*KINDS.values(), REST), 0.0)
        for layer in found:
            sizes[KINDS.get(str(layer["kind"]), REST)] += float(str(layer["unpacked"]))
        sizes[WHOLE] = sum(sizes.values())
        sizes[PACKED] = sum(float(str(layer["size"])) for layer in found)
        for name, size in sizes.items():
            rows[name].append(size / MEGABYTE)
    lines = [f"| MB | {' | '.join(images)} |", f"|{'---|' * (len(images) + 1)}"]
    return lines + [f"| {name} | {' | '.join(map(cell, row))} |" for name, row in rows.items()]


def cell(megabytes: float) -> str:
    """Return megabytes as they are read: nothing, little, or whole ones."""
    if megabytes < 0.05:
        return "0"
    return f"{megabytes:.1f}" if megabytes < 10 else f"{megabytes:.0f}"
