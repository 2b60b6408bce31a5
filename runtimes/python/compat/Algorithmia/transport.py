"""HTTP by the standard library: a connection for each request."""

from __future__ import annotations

import json
import shutil
import ssl
import urllib.error
import urllib.request
from urllib.parse import quote, urlencode, urlsplit

from Algorithmia.errors import ApiError

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class Answer:
    """An answer; what it says is read when it is asked for."""

    def __init__(self, status_code, headers, stream):
        self.status_code = status_code
        self.headers = headers
        self._stream = stream
        self._content = None

    @property
    def ok(self):
        """Whether the request was granted."""
        return 200 <= self.status_code < 300

    @property
    def content(self):
        """The bytes."""
        if self._content is None:
            with self._stream:
                self._content = self._stream.read()
        return self._content

    @property
    def text(self):
        """The text."""
        return self.content.decode("utf-8", errors="replace")

    def json(self):
        """Return the JSON value."""
        return json.loads(self.content)

    def document(self):
        """Return the JSON value; of something else what it says, as an error."""
        try:
            return self.json() if self.content else {}
        except ValueError:
            return {"error": {"message": self.text[:1000]}}

    def save(self, path):
        """Write the bytes to a file, not all at once."""
        with self._stream, open(path, "wb") as file:
            shutil.copyfileobj(self._stream, file, 1 << 20)


def send(method, address, data, headers, query, ca_cert):
    """Send a request; `data` is bytes or an open file.

    Raises:
        ApiError: Nobody answers.
    """
    url = quote(address, safe=":/[]%")
    if query:
        url += "?" + urlencode(query)
    if data is not None and not isinstance(data, bytes):
        headers = {**headers, "Content-Length": str(_length(data))}
    request = urllib.request.Request(url, data, headers, method=method)
    handlers = []
    if urlsplit(address).hostname in _LOOPBACK:
        handlers.append(urllib.request.ProxyHandler({}))  # a proxy's loopback is another
    if ca_cert:
        context = ssl.create_default_context(cafile=ca_cert)
        handlers.append(urllib.request.HTTPSHandler(context=context))
    try:
        found = urllib.request.build_opener(*handlers).open(request)
    except urllib.error.HTTPError as error:
        found = error
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise ApiError(f"{address} does not answer: {reason}") from None
    return Answer(found.status, found.headers, found)


def _length(file):
    at = file.tell()
    end = file.seek(0, 2)
    file.seek(at)
    return end - at
