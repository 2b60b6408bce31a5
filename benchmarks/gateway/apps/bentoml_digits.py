"""BentoML: the digits classifier with its adaptive batching."""

import os
import pickle
from pathlib import Path

import bentoml
import numpy as np


@bentoml.service(workers=1)
class Digits:
    """Predicts a batch at once."""

    def __init__(self):
        self.model = pickle.loads(Path(os.environ["DIGITS_MODEL"]).read_bytes())

    @bentoml.api(batchable=True, max_batch_size=64, max_latency_ms=1000)
    def apply(self, image: np.ndarray) -> np.ndarray:
        """Take rows of 64 numbers, answer their digits."""
        return self.model.predict(image)
