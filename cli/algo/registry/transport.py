"""Requests to one registry: TLS, proxies, authentication and retries.

The only module that sends; httpx is imported when the first registry is built.
"""

from __future__ import annotations

import ipaddress
import random
import re
import ssl
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from algo.registry.answers import Answer, read_limited, words_of
from algo.registry.auth import Authentication, TokenRequest
from algo.registry.credentials import HUB
from algo.registry.errors import (
    Busy,
    ConnectionLost,
    Forbidden,
    InsecureRegistry,
    RegistryRefused,
    RegistryUnreachable,
    Unauthorized,
)

if TYPE_CHECKING:
    import httpx

    from algo.registry.credentials import Credentials

INSECURE = "ALGO_INSECURE_REGISTRIES"
AGENT = "algo"
CONNECT_SECONDS, READ_SECONDS = 10.0, 60.0
# A registry may copy and hash the whole blob before it answers the last request of an upload.
COMMIT_SECONDS = 600.0
LONGEST_PAUSE = 60.0
PASSING = frozenset({429, 500, 502, 503, 504})
_WAIT_SECONDS = re.compile(r"\d{1,6}")


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long to try again: full jitter over doubling pauses."""

    attempts: int = 5
    first_pause: float = 0.3
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random

    def pause(self, attempt: int, retry_after: float = 0.0) -> None:
        """Wait before the attempt after `attempt` (from 0), and as long as the server says."""
        jitter = self.random() * min(self.first_pause * 2**attempt, 10.0)
        self.sleep(min(retry_after, LONGEST_PAUSE) + jitter)


class Transport:
    """Sends requests to `host`.

    Args:
        host: The registry, `host[:port]`.
        credentials: Who we are to it; `None` is anybody.
        env: The environment: `ALGO_INSECURE_REGISTRIES` names hosts without TLS, `SSL_CERT_FILE`
            a file of certificate authorities. Proxies are this process's.
        patience: How often to try again.
    """

    def __init__(
        self,
        host: str,
        credentials: Credentials | None,
        env: Mapping[str, str],
        patience: Patience,
    ) -> None:
        import httpx

        self.host = host
        self.patience = patience
        loopback = is_loopback(host)
        named = {name for name in re.split(r"[,\s]+", env.get(INSECURE, "")) if name}
        self._named = named
        self._plain = loopback or host in named
        scheme = "http" if self._plain else "https"
        self.origin = f"{scheme}://{'registry-1.docker.io' if host == HUB else host}"
        self._auth = Authentication(credentials, self._fetch_token, time.monotonic)
        self._known = credentials is not None
        self._client = httpx.Client(
            # A token's realm or a store of blobs may be elsewhere, with TLS.
            verify=_certificates(env.get("SSL_CERT_FILE")),
            trust_env=not loopback,
            follow_redirects=False,
            timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS, pool=None),
            limits=httpx.Limits(max_connections=16, max_keepalive_connections=8),
            headers={"User-Agent": AGENT, "Accept-Encoding": "identity"},
        )
        # Registries are handed about as values that nobody closes.
        weakref.finalize(self, self._client.close)

    def url(self, location: str) -> str:
        """Return the absolute address of a `Location` or a path of this registry.

        A registry behind a proxy that ends TLS may name itself with `http://`.
        """
        import httpx

        joined = str(httpx.URL(self.origin).join(location))
        downgraded = f"http://{self.origin.removeprefix('https://')}/"
        if not self._plain and joined.startswith(downgraded):
            joined = "https://" + joined.removeprefix("http://")
        target = httpx.URL(joined)
        where = target.netloc.decode("ascii")
        if target.scheme == "http" and not is_loopback(where) and where not in self._named:
            raise InsecureRegistry(
                f"{self.host} sends us to {joined.split('?')[0]}, without TLS",
                hint=f"{INSECURE}={self.host} allows it, when you trust the network",
            )
        return joined

    def ask(
        self,
        method: str,
        location: str,
        scope: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        expect: frozenset[int],
    ) -> Answer:
        """Send a request, again when it failed in passing, and return its answer.

        Args:
            method: The HTTP method.
            location: A path or an address.
            scope: What the token must allow.
            headers: More headers.
            body: The body.
            expect: Status codes that the caller handles; others are raised as errors.

        Raises:
            RegistryUnreachable: Every attempt failed.
            Unauthorized: The registry wants other credentials.
            Forbidden: The registry does not allow it.
            RegistryRefused: Another status.
        """

        def once() -> Answer:
            with self.stream(
                method, location, scope, headers=headers, content=body, expect=expect
            ) as got:
                return Answer(got.status_code, dict(got.headers), read_limited(got, self.host))

        return self.patiently(once)

    def patiently(self, once: Callable[[], Answer]) -> Answer:
        """Call `once` until it does not fail in passing.

        Raises:
            RegistryUnreachable: Every attempt failed.
        """
        for attempt in range(self.patience.attempts):
            try:
                return once()
            except (ConnectionLost, Busy) as error:
                if attempt + 1 == self.patience.attempts:
                    raise
                self.patience.pause(attempt, getattr(error, "retry_after", 0.0))
        raise RegistryUnreachable(f"{self.host} was not asked at all")

    @contextmanager
    def stream(
        self,
        method: str,
        location: str,
        scope: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | Iterator[bytes] = b"",
        expect: frozenset[int],
        seconds: float = READ_SECONDS,
    ) -> Iterator[httpx.Response]:
        """Send one request and hand out its answer unread.

        A body in pieces is sent once: a registry that wants another token gets `Busy` raised.

        Raises:
            ConnectionLost: The connection failed, also while the block reads the answer.
            Busy: The server failed in passing.
        """
        import httpx

        address = self.url(location)
        try:
            response = self._authorized(method, address, scope, headers, content, expect, seconds)
            try:
                self._refuse(response, method, address, expect)
                yield response
            finally:
                response.close()
        except httpx.TransportError as error:
            raise self._lost(error, address) from error
        except httpx.InvalidURL as error:
            raise RegistryRefused(f"{self.host} names an address that is none: {error}") from error

    def _authorized(
        self,
        method: str,
        address: str,
        scope: str,
        headers: Mapping[str, str] | None,
        content: bytes | Iterator[bytes],
        expect: frozenset[int],
        seconds: float,
    ) -> httpx.Response:
        import httpx

        timeout = httpx.Timeout(seconds, connect=CONNECT_SECONDS, pool=None)
        ours = address.startswith(f"{self.origin}/")
        for last in (False, False, True):
            sent = self._auth.header(scope) if ours else ""
            all_headers = {**(headers or {}), **({"Authorization": sent} if sent else {})}
            request = self._client.build_request(
                method, address, headers=all_headers, content=content or None, timeout=timeout
            )
            response = self._client.send(request, stream=True)
            if (
                response.is_redirect
                and method in {"GET", "HEAD"}
                and not isinstance(content, Iterator)
            ):
                response = self._followed(response, method, headers, timeout)
            if response.status_code != 401 or 401 in expect or last or not ours:
                return response
            challenges = response.headers.get_list("www-authenticate")
            if not self._auth.challenged(challenges, scope, sent):
                return response
            response.close()
            if isinstance(content, Iterator):
                raise Busy(f"{self.host} wants a new token")
        raise RegistryUnreachable(f"{self.host} was not asked at all")

    def _followed(
        self,
        response: httpx.Response,
        method: str,
        headers: Mapping[str, str] | None,
        timeout: httpx.Timeout,
    ) -> httpx.Response:
        """Follow a registry that keeps its blobs elsewhere; no credentials go there."""
        for _ in range(5):
            if not response.is_redirect:
                break
            target = self.url(str(response.url.join(response.headers["location"])))
            response.close()
            request = self._client.build_request(method, target, headers=headers, timeout=timeout)
            response = self._client.send(request, stream=True)
        return response

    def _refuse(
        self, response: httpx.Response, method: str, address: str, expect: frozenset[int]
    ) -> None:
        status = response.status_code
        if status in expect:
            return
        said = words_of(read_limited(response, self.host))
        what = f"{method} {address.split('?')[0]}"
        if status in PASSING:
            error = Busy(f"{self.host} answers {what} with {status}", details=said)
            waited = response.headers.get("retry-after", "")
            error.retry_after = float(waited) if _WAIT_SECONDS.fullmatch(waited) else 0.0
            raise error
        if status == 401:
            why = "refuses these credentials" if self._known else "wants a user and a password"
            raise Unauthorized(f"{self.host} {why}", host=self.host, details=said)
        if status == 403:
            raise Forbidden(f"{self.host} does not allow {what}", details=said)
        raise RegistryRefused(f"{self.host} answers {what} with {status}", details=said)

    def _lost(self, error: httpx.TransportError, address: str) -> ConnectionLost:
        words = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        if "CERTIFICATE_VERIFY_FAILED" in words:
            hint = "SSL_CERT_FILE=/path/to/ca.pem names the certificate authority to trust"
            return ConnectionLost(f"the certificate of {self.host} is not trusted", hint=hint)
        if "WRONG_VERSION_NUMBER" in words or "RECORD_LAYER_FAILURE" in words:
            hint = f"{INSECURE}={self.host} allows plain HTTP, when you trust the network"
            return ConnectionLost(f"{self.host} does not speak TLS", hint=hint)
        return ConnectionLost(f"{self.host} does not answer at {address.split('?')[0]}: {words}")

    def _fetch_token(self, request: TokenRequest) -> bytes:
        address = self.url(request.realm)

        def once() -> Answer:
            import httpx

            method = "POST" if request.form else "GET"
            sent = {"Authorization": request.authorization} if request.authorization else {}
            try:
                with self._client.stream(
                    method,
                    httpx.URL(address).copy_merge_params(list(request.query)),
                    data=dict(request.form) or None,
                    headers=sent,
                ) as got:
                    self._refuse(got, method, address, frozenset({200}))
                    return Answer(200, {}, read_limited(got, self.host))
            except httpx.TransportError as error:
                raise self._lost(error, address) from error

        return self.patiently(once).body


def pull(repository: str) -> str:
    """Return the token scope for reading a repository."""
    return f"repository:{repository}:pull"


def push(repository: str) -> str:
    """Return the token scope for writing a repository."""
    return f"repository:{repository}:pull,push"


def is_loopback(host: str) -> bool:
    """Say whether `host[:port]` is this machine."""
    name = host.rpartition(":")[0] if re.search(r":\d+$", host) else host
    name = name.strip("[]")
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def _certificates(file: str | None) -> ssl.SSLContext | bool:
    """Trust the given file, else the system's authorities, else those that httpx brings."""
    places = ssl.get_default_verify_paths()
    if file:
        return ssl.create_default_context(cafile=file)
    return ssl.create_default_context() if places.cafile or places.capath else True
