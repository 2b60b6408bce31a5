"""The templates of every language but Python, from `algo init` to a published version.

They are slow: each language builds two images.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.machine.lacking import lacking as absent
from algo.contract.cases import first_input
from algo.languages.host import lacking, programs_of
from algo.languages.runtimes import Runtimes
from algo.resources import data_folder
from algo.scaffold.scaffold import scaffold
from algo.scaffold.templates import template_names

from tests.e2e.served import Served

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATES = [
    name for name in template_names(data_folder("scaffolds")) if not name.startswith("python/")
]
ALGO = [sys.executable, "-m", "algo"]


def algo(folder: Path, *words: str) -> str:
    """Run `algo` in `folder` and return what it printed."""
    done = subprocess.run([*ALGO, *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"algo {words}: {done.stdout}\n{done.stderr}"
    return done.stdout


def ask(url: str, body: str) -> Any:
    request = urllib.request.Request(url, body.encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.loads(response.read())


def needs_host(template: str) -> None:
    """End the test where this machine lacks its tools; images bring their own."""
    spec = Runtimes(data_folder("runtimes")).spec(template.partition("/")[0])
    missing = list(lacking(programs_of(spec), os.environ))
    if missing:
        absent(f"{', '.join(missing)} is not installed: python3 -m tests.machine setup")


@pytest.mark.timeout(1200)
@pytest.mark.usefixtures("engine", "algo_home")
@pytest.mark.slow
@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_is_locked_tested_served_and_published(template: str, tmp_path: Path) -> None:
    needs_host(template)
    made = scaffold("acme/hand-digits", template, tmp_path, data_folder("scaffolds"))
    body = json.dumps(first_input(made.folder))
    algo(made.folder, "lock")
    for line in made.next:
        if line.startswith("algo exec"):
            algo(made.folder, *shlex.split(line)[1:])
    assert algo(made.folder, "lock", "--check")
    for engine in ("virtualenv", "docker"):
        assert "failed" not in algo(made.folder, "test", "--engine", engine)
    answers = []
    for engine in ("virtualenv", "docker"):
        with Served.start([*ALGO, "serve", "--engine", engine], made.folder) as served:
            answers.append(ask(served.url, body))
    published = json.loads(algo(made.folder, "publish", "--yes", "--json"))
    assert published["version"] == "1.0.0"
    algo(tmp_path, "verify", "acme/hand-digits:1.0.0")
    shutil.rmtree(made.folder)
    for engine in ("virtualenv", "docker"):
        words = ("run", "acme/hand-digits:1.0.0", "-d", body, "--engine", engine)
        answers.append(json.loads(algo(tmp_path, *words)))
    assert answers[1:] == answers[:1] * 3
