"""Bring an image into a container engine, sending only the layers it lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from algo.events import Step
from algo.images.docker_archive import archive
from algo.images.errors import LoadRefused
from algo.images.image import REPOSITORY
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from algo.events import Notify
    from algo.images.cache import Cache
    from algo.images.image import BuiltImage, Layer
    from algo.images.interface import ImageEngine

# A few older builds stay, for `docker run` of yesterday's; more would only pile up.
_KEPT, _MANY = 5, 15
NOTES = "loaded"


class _Loaded(msgspec.Struct, frozen=True):
    tag: str
    times: int


class Recent(Value, frozen=True):
    """What was loaded last of each name: to list its images takes an engine with many long.

    It is a guess about whichever engine is asked next, which knows better.
    """

    cache: Cache

    def tag(self, name: str) -> str:
        """Return the tag; empty for none, and often enough for old builds to be listed, too."""
        found = self.cache.recall(NOTES, name, _Loaded)
        return found.tag if found is not None and found.times % (_MANY - _KEPT) else ""

    def loaded(self, name: str, tag: str) -> None:
        """Note that the image called `tag` was loaded."""
        found = self.cache.recall(NOTES, name, _Loaded)
        self.cache.remember(NOTES, name, _Loaded(tag, found.times + 1 if found else 1))


def ensure_loaded(
    image: BuiltImage,
    engine: ImageEngine,
    *,
    recent: Recent | None = None,
    check: Callable[[Sequence[Layer]], None] | None = None,
    notify: Notify,
) -> str:
    """Load `image` unless the engine holds it, and return what the engine calls it.

    Raises:
        AlgoError: As `load`.
    """
    load(image, engine, recent=recent, check=check, notify=notify)
    return image.tag


def load(
    image: BuiltImage,
    engine: ImageEngine,
    *,
    recent: Recent | None = None,
    check: Callable[[Sequence[Layer]], None] | None = None,
    notify: Notify,
) -> int:
    """Load `image` unless the engine holds it.

    Args:
        image: The image.
        engine: Where it goes.
        recent: Knows what was loaded last.
        check: Called with the layers that are about to be sent; what it raises is raised.
        notify: Gets a step when something is sent.

    Returns:
        How many layers, from the bottom up, the engine had already.

    Raises:
        LoadRefused: The engine did not take it.
        EngineUnavailable: The engine does not answer.
    """
    if engine.has(image.tag):
        return len(image.layers)
    known = _known(image, engine, recent)
    notify(Step(f"Loading {image.tag}"))
    # Docker skips layers it has; engines that insist on all of them get all of them.
    refusal = "nothing known"
    if known:
        if check is not None:
            check(image.layers[known:])
        refusal = engine.load(archive((image,), known=known))
    if refusal:
        known = 0
        if check is not None:
            check(image.layers)
        refusal = engine.load(archive((image,)))
    if refusal:
        raise LoadRefused(f"the engine did not take {image.tag}: {refusal}")
    engine.touch(image.tag)
    if recent is not None:
        recent.loaded(image.name, image.tag)
    return known


def _known(image: BuiltImage, engine: ImageEngine, recent: Recent | None) -> int:
    """Return how many layers, from the bottom up, the engine holds."""
    wanted = [str(layer.diff_id) for layer in image.layers]
    own = f"{REPOSITORY}/{image.name}"
    last = recent.tag(image.name) if recent is not None else ""
    if last:
        known = max((_common(wanted, one) for one in engine.layers_of(last)), default=0)
        if known >= len(wanted) - 1:
            return known
    held = engine.layers_of(own)
    if len(held) > _MANY:
        engine.prune(own, keep=_KEPT)
    known = max((_common(wanted, one) for one in held), default=0)
    if known >= len(wanted) - 1:
        return known
    return max((_common(wanted, one) for one in engine.layers_of(f"{REPOSITORY}/*/*")), default=0)


def _common(wanted: list[str], held: tuple[str, ...]) -> int:
    count = 0
    for ours, theirs in zip(wanted, held, strict=False):
        if ours != theirs:
            break
        count += 1
    return count
