"""What the places of models have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from algo.events import Notify
    from algo.models.cache import ModelCache
    from algo.project.models import LockedFile, ModelSource


class Origin(Protocol):
    """A place that has models: a web server, a registry, a hub."""

    def revision(self, source: ModelSource) -> str:
        """Return what the source stands for now: a commit, a digest, a version.

        Empty where the source itself says what the content must be.

        Raises:
            ModelNotFound: The place has no such model.
            ModelUnreachable: It does not answer.
            ModelRefused: It wants other credentials.
        """

    def fetch(
        self, source: ModelSource, revision: str, cache: ModelCache, *, notify: Notify
    ) -> tuple[LockedFile, ...]:
        """Bring every file of `revision` into the cache and return them, sorted by path.

        What the cache has is not fetched again, and what was cut off goes on where it broke.

        Raises:
            ModelCorrupted: The content is not what its place says it is.
            ModelInvalid: Its place has it in a form that cannot be used.
            AlgoError: As `revision`.
        """
