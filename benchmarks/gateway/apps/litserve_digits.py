"""LitServe: the digits classifier with its batching."""

import os
import pickle
import sys
from pathlib import Path

import litserve
import numpy as np


class Digits(litserve.LitAPI):
    """Predicts a batch at once."""

    def setup(self, device):
        """Load the weights."""
        self.model = pickle.loads(Path(os.environ["DIGITS_MODEL"]).read_bytes())

    def decode_request(self, request):
        """Take the picture."""
        return np.array(request["image"])

    def batch(self, inputs):
        """Make one array of the pictures."""
        return np.stack(inputs)

    def predict(self, pictures):
        """Return their digits."""
        return self.model.predict(pictures)

    def unbatch(self, output):
        """Take the digits apart."""
        return list(output)

    def encode_response(self, output):
        """Return a digit."""
        return int(output)


if __name__ == "__main__":
    api = Digits(max_batch_size=64, batch_timeout=0.005)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(
        host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="error"
    )
