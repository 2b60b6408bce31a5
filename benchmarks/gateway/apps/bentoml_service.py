"""BentoML: one service with one worker."""

import bentoml


@bentoml.service(workers=1)
class Noop:
    """Returns x + 1."""

    @bentoml.api
    def apply(self, x: int) -> int:
        """Return x + 1."""
        return x + 1
