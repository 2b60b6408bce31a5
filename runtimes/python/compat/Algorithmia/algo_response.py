"""What a call is answered with."""

from __future__ import annotations

import base64

from Algorithmia.errors import of_algorithm


class Metadata:
    """What is said of a result; `stdout` is None unless it was asked for."""

    def __init__(self, metadata):
        self.content_type = metadata["content_type"]
        self.duration = metadata.get("duration")
        self.stdout = metadata.get("stdout")
        self.full_metadata = metadata

    def __getitem__(self, key):
        return self.__dict__[key]

    def __repr__(self):
        return f"Metadata(content_type='{self.content_type}',duration={self.duration})"


class AlgoResponse:
    """A result."""

    def __init__(self, result, metadata):
        self.result = result
        self.metadata = metadata

    def __repr__(self):
        return f"AlgoResponse(result={self.result!r},metadata={self.metadata})"

    @staticmethod
    def create_algo_response(response):
        """Return the result in an answer of the API; bytes come as base64."""
        if "error" in response or "metadata" not in response:
            raise of_algorithm(response, 200)
        metadata = Metadata(response["metadata"])
        result = response.get("result")
        if metadata.content_type == "binary":
            result = base64.b64decode(result)
        return AlgoResponse(result, metadata)


class AsyncResponse:
    """The order of a call whose result nobody waits for."""

    def __init__(self, response):
        self.async_protocol = response["async"]
        self.request_id = response["request_id"]

    def __repr__(self):
        return f"AsyncResponse(async_protocol={self.async_protocol}, request_id={self.request_id})"
