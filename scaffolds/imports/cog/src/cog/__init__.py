"""The names that a predictor of Cog imports, so that its code runs here as it is."""

from cog.inputs import Input
from cog.predictors import (
    BasePredictor,
    BaseRunner,
    CancelationException,
    concurrent,
    current_scope,
    emit_metric,
    streaming,
)
from cog.types import (
    AsyncConcatenateIterator,
    BaseModel,
    ConcatenateIterator,
    File,
    Path,
    Secret,
)

__all__ = [
    "AsyncConcatenateIterator",
    "BaseModel",
    "BasePredictor",
    "BaseRunner",
    "CancelationException",
    "ConcatenateIterator",
    "File",
    "Input",
    "Path",
    "Secret",
    "concurrent",
    "current_scope",
    "emit_metric",
    "streaming",
]
