"""Opens the places that models come from; each client is imported when it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.project.models import Origin as Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from algo.models.interface import Origin
    from algo.registry.interface import Registry


def open_origin(
    kind: Kind, open_registry: Callable[[str], Registry], env: Mapping[str, str]
) -> Origin:
    """Return the place of the given kind.

    Args:
        kind: Which.
        open_registry: Opens the registry of a host.
        env: The environment, which names servers and tokens.

    Raises:
        ExtraMissing: The package that speaks with it is not installed.
    """
    if kind is Kind.URL:
        from algo.models.web import Downloads, Web

        return Web(Downloads(env))
    if kind is Kind.OCI:
        from algo.models.artifacts import Artifacts

        return Artifacts(open_registry)
    if kind is Kind.HUB:
        from algo.models.hub import Hub

        return Hub(env)
    from algo.models.mlflow import Mlflow

    return Mlflow(env)
