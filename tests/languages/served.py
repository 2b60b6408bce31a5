"""The suite's program behind a gateway."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from tests.e2e.served import Served
from tests.runtimes.conftest import GatewayProcess

if TYPE_CHECKING:
    from pathlib import Path

    from tests.languages.language import Language

MODELS = {"weights": "models/weights.txt"}


def served(language: Language, app: Path, timeout: float = 5.0) -> GatewayProcess:
    """Start a gateway in development with two workers on the program that lies in `app`."""
    language.build(app, app.parent / "made")
    return started(language, app, timeout)


def started(language: Language, app: Path, timeout: float) -> GatewayProcess:
    """As `served`, of a program that is built."""
    made = app.parent / "made"
    found = GatewayProcess(
        app,
        "--development",
        *("--packages", str(made / "packages"), "--program", str(made / "program")),
        language=language.name,
        runtime=language.runtime,
        entrypoint=language.entrypoint,
        models=MODELS,
        serving={"workers": 2, "timeout": timeout},
    )
    if not found.port:
        found.stop()
        raise AssertionError(found.first or found.printed)
    return found


MANIFEST = """
[algorithm]
name = "acme/it"
language = "{language}"
entrypoint = "{entrypoint}"

[models]
weights = "models/weights.txt"

[serving]
workers = 2
timeout = "5s"
"""


class Contained(GatewayProcess):
    """The gateway of a container that `algo serve` runs, asked as one of this machine is."""

    def __init__(self, served: Served, app: Path) -> None:
        self.app = app
        self.served = served
        self.printed = served.story
        self.port = int(served.url.rpartition(":")[2])

    def stop(self) -> int:
        return self.served.stop()


def contained(language: Language, app: Path, home: Path, cache: Path) -> GatewayProcess:
    """Serve the program in `app` from the image that is made of it; `home` is the user's."""
    home.mkdir()
    (home / "cache").symlink_to(cache, target_is_directory=True)
    manifest = MANIFEST.format(language=language.name, entrypoint=language.entrypoint)
    (app / "algo.toml").write_text(manifest)
    command = [sys.executable, "-m", "algo", "serve", "--engine", "docker"]
    env = {**os.environ, "ALGO_HOME": str(home)}
    return Contained(Served.start(command, app, env=env), app)
