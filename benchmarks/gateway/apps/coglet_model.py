"""coglet, the server of Cog: one prediction at a time is its default."""

from cog import BasePredictor


class Noop(BasePredictor):
    """Returns x + 1."""

    def predict(self, x: int) -> int:
        """Return x + 1."""
        return x + 1
