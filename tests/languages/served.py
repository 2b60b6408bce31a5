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
    found = GatewayProcess(
        app,
        "--development",
        language=language.name,
        entrypoint=language.entrypoint,
        models=MODELS,
        serving={"workers": 2, "timeout": 2.0},
    )
    assert found.port, found.first
    return found
