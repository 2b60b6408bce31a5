"""What a runtime image is made on where the project chooses it: pinned, and the project's steps."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from algo.errors import AlgoError
from algo.events import Step
from algo.images.errors import BaseMoved, BaseUnfit, RuntimeUnavailable
from algo.images.image import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from algo.events import Notify
    from algo.images.cache import Cache
    from algo.images.interface import Built, ImageEngine
    from algo.images.recipe import RuntimeRecipe

_ASK = "import sys; sys.exit(sys.version_info[:2] != ({}) and sys.version)"


def pins_of(
    recipe: RuntimeRecipe, locked: Mapping[str, str], engine: ImageEngine | None
) -> dict[str, str]:
    """Return the digest of each image that the project chose, by `PLATFORM IMAGE`.

    Args:
        recipe: Names them.
        locked: The digests that are locked; the others are those of today.
        engine: Knows them.

    Raises:
        RuntimeUnavailable: One is not locked, and no engine answers.
        ImageMissing: There is no such image.
    """
    found: dict[str, str] = {}
    for base in recipe.chosen:
        key = f"{recipe.platform} {base}"
        if key in locked:
            found[key] = locked[key]
        elif engine is None:
            raise RuntimeUnavailable(
                f"{base} is not locked yet, and no container engine answers to say which it is"
            )
        else:
            found[key] = engine.digest_of(base, recipe.platform)
    return found


def build_base(
    recipe: RuntimeRecipe, engine: ImageEngine, cache: Cache, notify: Notify
) -> tuple[str, Built | None]:
    """Return what to build the runtime image on, and how the project's own steps were built.

    Raises:
        BaseMoved: An image is no longer the one that was locked, and that one cannot be had.
        ImageBuildFailed: The project's Dockerfile cannot be built.
        BuildKitMissing: There is nothing to build it with.
    """
    pinned = dict(recipe.pins)
    places = {
        base: _place(base, pinned[f"{recipe.platform} {base}"], recipe.platform, engine)
        for base in recipe.chosen
    }
    prelude = recipe.prelude
    if prelude is None:
        return places[recipe.base], None
    notify(Step(f"Building the project's Dockerfile for {recipe.platform}"))
    tag = f"{REPOSITORY}/build/prelude:{prelude.key[:12]}-{os.getpid()}"
    files = {entry.path: (entry.source, entry.executable) for entry in prelude.files}
    built = engine.build_on(
        prelude.on, files, places, tag, recipe.platform, lambda line: _tell(line, notify)
    )
    return tag, built


def require_language(recipe: RuntimeRecipe, engine: ImageEngine, cache: Cache) -> None:
    """Refuse a runtime image whose base brought another Python than the gateway's.

    Raises:
        BaseUnfit: As above.
    """
    version = recipe.spec.gateway
    command = ["python3", "-c", _ASK.format(version.replace(".", ", "))]
    with cache.scratch() as folder:
        problem = engine.run(recipe.tag, command, folder, "/check")
    if problem:
        engine.remove(recipe.tag)
        raise BaseUnfit(
            f"python3 on {', '.join(recipe.chosen)} is not {version}",
            details=problem,
        )


def _place(base: str, digest: str, platform: str, engine: ImageEngine) -> str:
    """Return what to call the image of `digest`, which the engine has or can fetch."""
    if engine.digest_of(base, platform) == digest:
        return base
    name = base.partition("@")[0]
    folder, _, last = name.rpartition("/")
    exact = f"{folder}/{last.partition(':')[0]}@{digest}".lstrip("/")
    try:
        if engine.digest_of(exact, platform) == digest:
            return exact
    except AlgoError:
        pass
    raise BaseMoved(f"{base} for {platform} is no longer {digest[:19]}, which algo.lock has")


def _tell(line: str, notify: Notify) -> None:
    """Tell of each step: `#7 [2/3] RUN …`."""
    number, _, what = line.partition(" ")
    if number.startswith("#") and what.startswith("["):
        notify(Step(f"Building the project's Dockerfile: {what}"))
