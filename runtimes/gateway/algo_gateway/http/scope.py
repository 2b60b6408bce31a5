"""What a request asks for, read from its head: the scope of RSGI 1.5."""

from __future__ import annotations

from urllib.parse import unquote

import httptools

from algo_gateway.http.limits import MOST_NAMES, Refused

# Names of headers in lower case, as clients write them.
NAMES: dict[bytes, str] = {}


def name_of(name: bytes) -> str:
    """Return a header's name in lower case."""
    known = name.decode("latin-1").lower()
    if len(NAMES) < MOST_NAMES and len(name) < 64:
        NAMES[name] = known
    return known


class Headers(dict[str, str]):
    """A request's headers by lower-case name; of a repeated one the first."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        super().__init__(reversed(pairs))
        self.pairs = pairs

    def get_all(self, name: str) -> list[str]:
        """Return every value of a header."""
        return [value for known, value in self.pairs if known == name]


class Scope:
    """What a request asks for; requests that say the same share one.

    Attributes:
        address: The client's, without its port.
        keep_alive: Whether another request may follow on this connection.
        keeps: The same, and without having to say so.
        length: Of the body; None when it comes in chunks.
    """

    __slots__ = (
        "address",
        "authority",
        "client",
        "headers",
        "http_version",
        "keep_alive",
        "keeps",
        "length",
        "method",
        "path",
        "proto",
        "query_string",
        "rsgi_version",
        "scheme",
        "server",
    )

    def __init__(
        self,
        method: str,
        path: str,
        query_string: str,
        http_version: str,
        headers: Headers,
        *,
        length: int | None,
        keep_alive: bool,
        ends: tuple[str, str, str],
    ) -> None:
        self.proto = "http"
        self.rsgi_version = "1.5"
        self.scheme = "http"
        self.method = method
        self.path = path
        self.query_string = query_string
        self.http_version = http_version
        self.headers = headers
        self.authority = headers.get("host")
        self.length = length
        self.keep_alive = keep_alive
        # The usual: HTTP/1.1, which need not say that it goes on.
        self.keeps = keep_alive and http_version == "1.1"
        self.client, self.address, self.server = ends


def scope_of(
    parser: httptools.HttpRequestParser,
    target: bytes,
    pairs: list[tuple[str, str]],
    ends: tuple[str, str, str],
) -> Scope:
    """Return the scope of the request whose head `parser` has read.

    Args:
        parser: Knows the method and the version.
        target: What stands behind the method.
        pairs: The headers.
        ends: The client's address with and without its port, and ours.

    Raises:
        HttpParserError: The target is no URL.
    """
    if not target.startswith(b"/"):
        parsed = httptools.parse_url(target) if target != b"*" else None
        query = b"?" + parsed.query if parsed and parsed.query else b""
        target = ((parsed.path or b"/") + query) if parsed else b"*"
    path, _, query_string = target.decode("latin-1").partition("?")
    if "%" in path:
        path = unquote(path)
    headers = Headers(pairs)
    length = headers.get("content-length")
    chunked = "transfer-encoding" in headers
    return Scope(
        parser.get_method().decode(),
        path,
        query_string,
        parser.get_http_version(),
        headers,
        length=None if chunked else int(length or 0),
        keep_alive=parser.should_keep_alive(),
        ends=ends,
    )


def unframed(scope: Scope) -> Refused | None:
    """Return why a request does not say for whom it is or how its body ends, None when it does.

    Source: RFC 9112, sections 3.2 (one Host) and 6.1 (an unknown transfer coding).
    """
    headers = scope.headers
    if scope.http_version == "1.1" and (
        scope.authority is None
        or (len(headers) != len(headers.pairs) and len(headers.get_all("host")) > 1)
    ):
        return Refused(400, "malformed_request", "an HTTP/1.1 request has one Host header")
    if scope.length is None and headers["transfer-encoding"].strip().lower() != "chunked":
        what = f"the transfer-encoding is {headers['transfer-encoding']!r}, not chunked"
        return Refused(501, "unknown_encoding", what)
    return None
