"""The client: it knows where the API is, and how it is spoken to."""

from __future__ import annotations

import json
import os

from Algorithmia.algorithm import Algorithm
from Algorithmia.data import path_of
from Algorithmia.datadirectory import DataDirectory, LocalDataDirectory
from Algorithmia.datafile import AdvancedDataFile, LocalDataFile
from Algorithmia.errors import ApiError, of_algorithm
from Algorithmia.transport import Answer, send

# What its service was called; code names it, and it is no more.
_GONE = ("https://api.algorithmia.com", "https://api.algorithmia.com/")


class Client:
    """A client of the API at `apiAddress`, else of that which the environment names.

    An address of Algorithmia's own service, which is no more, means the local API, too; that one
    has a key of its own, which nobody could have written into code.
    """

    def __init__(self, apiKey=None, apiAddress=None, caCert=None, bearerToken=None):
        here = os.environ.get("ALGORITHMIA_API", "")
        named = apiAddress if apiAddress not in _GONE else None
        self.apiAddress = (named or here).rstrip("/")
        key = os.environ.get("ALGORITHMIA_API_KEY")
        ours = self.apiAddress == here.rstrip("/") and key is not None
        self.apiKey = key if ours else apiKey or key
        self.bearerToken = bearerToken
        self.ca_cert = caCert

    def algo(self, algoRef):
        """Return an algorithm to call."""
        return Algorithm(self, algoRef)

    def file(self, dataUrl, cleanup=False):
        """Return a file, `data://…`; `file://…` is one of this machine.

        Where there is no API, in a script of the author's, it is one that the project ships.
        """
        if dataUrl.startswith("file://"):
            return LocalDataFile(self, dataUrl)
        shipped = os.path.join("data", path_of(dataUrl))
        if not self.apiAddress and os.path.isfile(shipped):
            return LocalDataFile(self, shipped)
        return AdvancedDataFile(self, dataUrl, cleanup)

    def dir(self, dataUrl):
        """Return a folder."""
        if dataUrl.startswith("file://"):
            return LocalDataDirectory(self, dataUrl)
        return DataDirectory(self, dataUrl)

    def username(self):
        """Return the owner of the first folder there is."""
        return next(self.dir("").list()).path

    def report_insights(self, insights):
        """Report figures of a call; the log has them."""
        rows = [{"insight_key": key, "insight_value": value} for key, value in insights.items()]
        self.request("POST", "/v1/insights", json.dumps(rows).encode(), "application/json")

    def freeze(self, manifest_path, manifest_output_dir="."):
        """Write the frozen form of a model manifest, with the sums of its files."""
        from adk.modeldata import FROZEN, freeze

        with open(manifest_path, encoding="utf-8") as file:
            frozen = freeze(json.load(file), self)
        with open(os.path.join(manifest_output_dir, FROZEN), "w", encoding="utf-8") as file:
            json.dump(frozen, file)

    def request(self, method, url, data=None, content_type=None, **query):
        """Send a request and return its answer, whatever its status.

        Raises:
            ApiError: There is no API.
        """
        if not self.apiAddress:
            raise ApiError(
                "there is no API: algo serve, run and test have one; ALGORITHMIA_API names another"
            )
        headers = {"Content-Type": content_type} if content_type else {}
        if self.apiKey is not None:
            headers["Authorization"] = self.apiKey
        elif self.bearerToken is not None:
            headers["Authorization"] = f"Bearer {self.bearerToken}"
        return send(method, self.apiAddress + url, data, headers, query, self.ca_cert)

    # By these names some code calls what is below the objects.

    def postJsonHelper(self, url, input_object, parse_response_as_json=True, **query):
        """Send a value by its type: text, bytes, else JSON."""
        if isinstance(input_object, str):
            data, kind = input_object.encode(), "text/plain"
        elif isinstance(input_object, bytes | bytearray):
            data, kind = bytes(input_object), "application/octet-stream"
        else:
            data, kind = json.dumps(input_object).encode(), "application/json"
        answer = self.request("POST", url, data, kind, **query)
        if not parse_response_as_json:
            return answer
        document = answer.document()
        if not answer.ok or not isinstance(document, dict) or "error" in document:
            raise of_algorithm(document, answer.status_code)
        return document

    def getHelper(self, url, **query) -> Answer:
        """Get something."""
        return self.request("GET", url, **query)

    def headHelper(self, url) -> Answer:
        """Ask what is known of something."""
        return self.request("HEAD", url)

    def putHelper(self, url, data):
        """Put bytes, or what a file holds."""
        return self.request("PUT", url, data, "application/octet-stream").document()

    def deleteHelper(self, url):
        """Delete something."""
        return self.request("DELETE", url).document()

    def patchHelper(self, url, params) -> Answer:
        """Change something of a folder."""
        return self.request("PATCH", url, json.dumps(params).encode(), "application/json")
