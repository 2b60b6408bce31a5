"""LitServe: one worker, its default transport."""

import sys

import litserve


class Noop(litserve.LitAPI):
    """Returns x + 1."""

    def setup(self, device):
        """Nothing is loaded."""

    def decode_request(self, request):
        """Take x."""
        return request["x"]

    def predict(self, x):
        """Return x + 1."""
        return x + 1

    def encode_response(self, output):
        """Return it as it is."""
        return output


if __name__ == "__main__":
    server = litserve.LitServer(Noop(), accelerator="cpu", workers_per_device=1)
    server.run(
        host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="error"
    )
