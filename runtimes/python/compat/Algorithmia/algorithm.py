"""Other algorithms, called through the API."""

from __future__ import annotations

import re
from enum import Enum

from Algorithmia.algo_response import AlgoResponse, AsyncResponse
from Algorithmia.errors import ApiError, ApiInternalError

OutputType = Enum("OutputType", "default raw void")
_REFERENCE = re.compile(r"(?:algo://|/)?([^/\s]+/.+)")
_FAILED = 500


class Algorithm:
    """The algorithm `algo://owner/name[/version]`."""

    def __init__(self, client, algo_ref):
        found = _REFERENCE.fullmatch(algo_ref)
        if found is None:
            raise ValueError(f"Invalid algorithm URI: {algo_ref}")
        self.client = client
        self.path = found[1].strip("/")
        self.username, self.algoname, *version = self.path.split("/")
        self.version = version[0] if version else None
        self.url = f"/v1/algo/{self.path}"
        self.query_parameters = {}
        self.output_type = OutputType.default

    def set_options(self, timeout=300, stdout=False, output=OutputType.default, **more):
        """Set the seconds to wait, whether what it prints comes too, and the kind of answer."""
        self.query_parameters = {"timeout": timeout, "stdout": str(bool(stdout)).lower(), **more}
        self.output_type = output
        return self

    def pipe(self, input1):
        """Call it and return its answer."""
        query = dict(self.query_parameters)
        if self.output_type is OutputType.default:
            document = self.client.postJsonHelper(self.url, input1, **query)
            return AlgoResponse.create_algo_response(document)
        query["output"] = self.output_type.name
        if self.output_type is OutputType.void:
            return AsyncResponse(self.client.postJsonHelper(self.url, input1, **query))
        answer = self.client.postJsonHelper(self.url, input1, False, **query)
        if answer.status_code >= 400:
            raise (ApiInternalError if answer.status_code >= _FAILED else ApiError)(answer.text)
        return answer.text
