"""The suite's program behind a gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.runtimes.conftest import GatewayProcess

if TYPE_CHECKING:
    from pathlib import Path

    from tests.languages.language import Language

MODELS = {"weights": "models/weights.txt"}


def served(language: Language, app: Path) -> GatewayProcess:
    """Start a gateway in development with two workers on the program that lies in `app`."""
    made = app.parent / "made"
    language.build(app, made)
    found = GatewayProcess(
        app,
        "--development",
        *("--packages", str(made / "packages"), "--program", str(made / "program")),
        language=language.name,
        runtime=language.runtime,
        entrypoint=language.entrypoint,
        models=MODELS,
        serving={"workers": 2, "timeout": 5.0},
    )
    if not found.port:
        found.stop()
        raise AssertionError(found.first or found.printed)
    return found
