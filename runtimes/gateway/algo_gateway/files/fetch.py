"""Files that a caller names by URL, fetched from hosts that the author allowed.

A host's addresses are looked up once and checked; the connection goes to the checked address,
so that a name which changes meanwhile leads nowhere else. Each redirect is a new URL.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import ipaddress
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from algo_gateway.calls.call import Failure
from algo_gateway.net.addresses import is_public

if TYPE_CHECKING:
    from collections.abc import Callable

    from algo_gateway.config import Fetch

REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_REDIRECTS = 4
SIDE_BY_SIDE = 8
PIECE = 1 << 16
PORTS = {"https": 443, "http": 80}
LONGEST_URL = 4096
_HOSTS = "hosts of fetch under [serving] in algo.toml lists those that are allowed"
_NETWORKS = (
    "networks of fetch under [serving] in algo.toml lists the address ranges that are allowed "
    "although they are not public"
)
_PLAIN = "http = true of fetch under [serving] in algo.toml allows it"
_SCHEMES = "send a URL that begins with https://, or the file itself in a form"


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file, with the content type that its host gave it, and the name that its URL ends in."""

    content: bytes
    content_type: str
    filename: str


@dataclass
class _Attempt:
    """One fetch: until when it may take, and the socket that is closed then."""

    until: float
    socket: socket.socket | None = None
    over: bool = False

    @property
    def left(self) -> float:
        """Seconds.

        Raises:
            TimeoutError: None.
        """
        left = self.until - time.monotonic()
        if left <= 0 or self.over:
            raise TimeoutError
        return left

    def end(self) -> None:
        """Close the socket, whatever is waiting for it."""
        self.over = True
        if self.socket is not None:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)


@dataclass
class Fetcher:
    """Fetches within the author's limits, `SIDE_BY_SIDE` at a time.

    Args:
        limits: From where, how much, how long.
        look_up: Asks the name service, as `socket.getaddrinfo` does.
    """

    limits: Fetch
    look_up: Callable[..., list[Any]] = socket.getaddrinfo
    _threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(SIDE_BY_SIDE, "fetch")
    )

    async def get(self, url: str) -> Fetched:
        """Return the file at `url`.

        Raises:
            Failure: It may not be fetched, is too large, or is not to be had.
        """
        attempt = _Attempt(time.monotonic() + self.limits.timeout)
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._threads, self._follow, url, attempt)
        try:
            return await asyncio.wait_for(work, self.limits.timeout)
        except TimeoutError:
            message = f"{_shown(url)} was not there within {self.limits.timeout:g} s"
            raise Failure(400, "fetch_timeout", message) from None
        finally:
            attempt.end()

    def _follow(self, url: str, attempt: _Attempt) -> Fetched:
        for _ in range(MOST_REDIRECTS + 1):
            parts = self._allowed(url)
            try:
                found = self._request(url, parts, attempt)
            except TimeoutError:
                raise
            except (OSError, http.client.HTTPException) as error:
                if attempt.over:
                    raise TimeoutError from error
                raise _failed(url, str(error) or type(error).__name__) from error
            if isinstance(found, Fetched):
                return found
            url = found
        raise _failed(url, f"there are more than {MOST_REDIRECTS} redirects")

    def _allowed(self, url: str) -> SplitResult:
        """Return the parts of a URL whose host is on the list.

        Raises:
            Failure: It is not, or the URL has another form.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError as error:
            raise _forbidden(url, str(error)) from None
        if len(url) > LONGEST_URL or not url.isascii() or any(c <= " " for c in url):
            raise _forbidden(url, "it is no URL")
        if parts.scheme not in PORTS or (parts.scheme == "http" and not self.limits.http):
            allowed = "https and http are" if self.limits.http else "https is"
            plain = parts.scheme == "http"
            raise _forbidden(url, f"only {allowed} allowed", _PLAIN if plain else _SCHEMES)
        if parts.username is not None or parts.password is not None:
            raise _forbidden(url, "it has a user in it")
        usual = port in {None, PORTS[parts.scheme]}
        if not any(_matches(allowed, host, port, usual=usual) for allowed in self.limits.hosts):
            raise _forbidden(url, f"{parts.netloc[:200]} is not among the hosts allowed")
        return parts

    def _request(self, url: str, parts: SplitResult, attempt: _Attempt) -> Fetched | str:
        """Return the file, or the URL that the host redirects to."""
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        connection = http.client.HTTPConnection(host, port)
        attempt.socket = self._connect(url, host, port, attempt)
        try:
            if parts.scheme == "https":
                context = ssl.create_default_context()
                attempt.socket = context.wrap_socket(attempt.socket, server_hostname=host)
            connection.sock = attempt.socket
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            headers = {"Host": parts.netloc, "Accept-Encoding": "identity"}
            attempt.socket.settimeout(attempt.left)
            connection.request("GET", target, headers=headers)
            with connection.getresponse() as response:
                return self._answer(url, response, attempt)
        finally:
            connection.close()
            attempt.socket.close()

    def _answer(
        self, url: str, response: http.client.HTTPResponse, attempt: _Attempt
    ) -> Fetched | str:
        place = response.headers.get("Location")
        if response.status in REDIRECTS and place:
            return urljoin(url, place)
        if response.status != 200:
            raise _failed(url, f"the host answered {response.status}")
        kind = response.headers.get("Content-Type") or "application/octet-stream"
        content = self._read(url, response, attempt)
        name = unquote(urlsplit(url).path.rpartition("/")[2])
        return Fetched(content, kind[:200], name[:200])

    def _connect(self, url: str, host: str, port: int, attempt: _Attempt) -> socket.socket:
        """Return a connection to an address of `host` that was checked.

        Raises:
            Failure: One of its addresses is not allowed.
        """
        found = self.look_up(host, port, type=socket.SOCK_STREAM)
        for entry in found:
            if not self._may(str(entry[4][0])):
                # Which one is nobody's business: it would tell of the network behind us.
                raise _forbidden(url, f"{host} is at an address that is not public", _NETWORKS)
        last: OSError | None = None
        for family, kind, protocol, _, address in found:
            connection = socket.socket(family, kind, protocol)
            attempt.socket = connection
            try:
                connection.settimeout(attempt.left)
                connection.connect(address)
            except OSError as error:
                connection.close()
                last = error
            else:
                return connection
        raise last or OSError("it has no address")

    def _may(self, address: str) -> bool:
        if is_public(address):
            return True
        found = ipaddress.ip_address(address.partition("%")[0])
        mapped = getattr(found, "ipv4_mapped", None)
        networks = [ipaddress.ip_network(network) for network in self.limits.networks]
        return any((mapped or found) in network for network in networks)

    def _read(self, url: str, response: http.client.HTTPResponse, attempt: _Attempt) -> bytes:
        most = self.limits.max_size
        length = response.headers.get("Content-Length") or ""
        content = bytearray()
        while not (length.isdigit() and int(length) > most):
            if attempt.socket is not None:
                attempt.socket.settimeout(attempt.left)
            piece = response.read1(PIECE)
            if not piece:
                if length.isdigit() and len(content) < int(length):
                    raise _failed(url, "the host closed the connection before the end")
                return bytes(content)
            content += piece
            if len(content) > most:
                break
        raise too_large(f"{_shown(url)} is", most)


def too_large(what: str, most: int) -> Failure:
    """Return the failure of files that are over the limit."""
    hint = "set max-size of fetch under [serving] in algo.toml"
    return Failure(413, "fetched_too_large", f"{what} over {most} bytes", hint=hint)


def _matches(allowed: str, host: str, port: int | None, *, usual: bool) -> bool:
    name, _, wanted = allowed.partition(":")
    if not (str(port) == wanted if wanted else usual):
        return False
    return host == name.lower() or (name.startswith("*.") and host.endswith(name[1:].lower()))


def _forbidden(url: str, why: str, hint: str = _HOSTS) -> Failure:
    return Failure(400, "fetch_forbidden", f"{_shown(url)} is not fetched: {why}", hint=hint)


def _failed(url: str, why: str) -> Failure:
    return Failure(400, "fetch_failed", f"{_shown(url)} cannot be had: {why[:200]}")


def _shown(url: str) -> str:
    return url if len(url) <= 200 else f"{url[:200]}…"
