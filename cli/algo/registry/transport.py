"""Requests to one registry: where to, who we are, what its answers mean, and retries."""

from __future__ import annotations

import ipaddress
import random
import re
import time
import weakref
from contextlib import contextmanager
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urljoin

from msgspec.structs import replace

from algo.oci.reference import HUB
from algo.registry.answers import Answer, read_limited, words_of
from algo.registry.auth import Authentication, TokenRequest
from algo.registry.certificates import Certificates
from algo.registry.errors import (
    Busy,
    CertificateProblem,
    ConnectionLost,
    Forbidden,
    InsecureRegistry,
    RegistryRefused,
    RegistryUnreachable,
    Unauthorized,
)
from algo.registry.proxies import Proxies
from algo.registry.wire import Address, BadAddress, Broken, Response, Stream, Wire
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from algo.registry.credentials import Credentials

INSECURE = "ALGO_INSECURE_REGISTRIES"
READ_SECONDS = 60.0
# A registry may copy and hash the whole blob before it answers the last request of an upload.
COMMIT_SECONDS = 600.0
LONGEST_PAUSE = 60.0
PASSING = frozenset({429, 500, 502, 503, 504})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FORM = "application/x-www-form-urlencoded"
_WANTS_CERTIFICATE = ("CERTIFICATE_REQUIRED", "ALERT_BAD_CERTIFICATE", "ALERT_UNKNOWN_CA")
_WAIT_SECONDS = re.compile(r"\d{1,6}")


class Patience(Value, frozen=True):
    """How often and how long to try again: full jitter over doubling pauses.

    An upload that has begun waits `outage` seconds for its registry to come back.
    """

    attempts: int = 5
    first_pause: float = 0.3
    outage: float = 30.0
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random
    clock: Callable[[], float] = time.monotonic

    def seconds(self, attempt: int, retry_after: float = 0.0) -> float:
        """Return how long to wait after `attempt` (from 0), at least as the server says."""
        jitter: float = self.random() * min(self.first_pause * 2**attempt, 10.0)
        return min(retry_after, LONGEST_PAUSE) + jitter

    def pause(self, attempt: int, retry_after: float = 0.0) -> None:
        """Wait so long."""
        self.sleep(self.seconds(attempt, retry_after))


class Transport:
    """Sends requests to `host`.

    Args:
        host: The registry, `host[:port]`.
        credentials: Who we are to it; `None` is anybody.
        env: The environment: `ALGO_INSECURE_REGISTRIES` names hosts without TLS; proxies, and
            `SSL_CERT_FILE` and `SSL_CERT_DIR`, as everywhere.
        patience: How often to try again.
        home: The user's home folder, for its certs.d.
    """

    def __init__(
        self,
        host: str,
        credentials: Credentials | None,
        env: Mapping[str, str],
        patience: Patience,
        *,
        home: Path | None = None,
    ) -> None:
        self.host = host
        named = {name for name in re.split(r"[,\s]+", env.get(INSECURE, "")) if name}
        self._named = named
        certificates = Certificates.of(env, home or Path.home())
        # Loopback is spoken to without TLS, unless its certificates are there.
        loopback = is_loopback(host) and not certificates.knows(host)
        self._plain = loopback or host in named
        scheme = "http" if self._plain else "https"
        self.origin = f"{scheme}://{'registry-1.docker.io' if host == HUB else host}"
        self._auth = Authentication(credentials, self._fetch_token, time.monotonic)
        self._known = credentials is not None
        self.wire = Wire(host, certificates, Proxies.of(env))
        # Ctrl-C does not wait for the end of a pause.
        real = patience.sleep is time.sleep
        self.patience = replace(patience, sleep=self.wire.rest) if real else patience
        # Registries are handed about as values that nobody closes.
        weakref.finalize(self, self.wire.close)

    def url(self, location: str) -> str:
        """Return the absolute address of a `Location` or a path of this registry.

        A registry behind a proxy that ends TLS may name itself with `http://`.

        Raises:
            InsecureRegistry: It leads to another machine without TLS.
            RegistryRefused: It is no address.
        """
        return self._absolute(self.origin, location)

    def _absolute(self, base: str, location: str) -> str:
        try:
            joined = urljoin(f"{base}/" if base == self.origin else base, location)
            downgraded = f"http://{self.origin.removeprefix('https://')}/"
            if not self._plain and joined.startswith(downgraded):
                joined = "https://" + joined.removeprefix("http://")
            target = Address.parse(joined)
        except (BadAddress, ValueError) as error:
            raise RegistryRefused(f"{self.host} names an address that is none: {error}") from error
        where = target.netloc
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
        patient: bool = True,
    ) -> Answer:
        """Send a request, again when it failed in passing, and return its answer.

        Args:
            method: The HTTP method.
            location: A path or an address.
            scope: What the token must allow.
            headers: More headers.
            body: The body.
            expect: Status codes that the caller handles; others are raised as errors.
            patient: Try again; else the caller does.

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
                return Answer(got.status, got.headers, read_limited(got, self.host))

        return self.patiently(once) if patient else once()

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
        content: bytes | Stream = b"",
        expect: frozenset[int],
        seconds: float = READ_SECONDS,
    ) -> Iterator[Response]:
        """Send one request and hand out its answer unread.

        A body in pieces is sent once: a registry that wants another token gets `Busy` raised.

        Raises:
            ConnectionLost: The connection failed, also while the block reads the answer.
            Busy: The server failed in passing.
        """
        address = self.url(location)
        given = dict(headers or {})
        for last in (False, False, True):
            ours = address.startswith(f"{self.origin}/")
            sent = self._auth.header(scope) if ours else ""
            signed = {**given, **({"Authorization": sent} if sent else {})}
            with self._exchange(method, address, signed, content, seconds) as got:
                if got.status in REDIRECTS and method in {"GET", "HEAD"}:
                    with self._followed(got, method, address, given, seconds) as there:
                        self._refuse(there, method, address, expect)
                        yield there
                    return
                again = (
                    got.status == 401
                    and 401 not in expect
                    and ours
                    and not last
                    and self._auth.challenged(got.challenges, scope, sent)
                )
                if not again:
                    self._refuse(got, method, address, expect)
                    yield got
                    return
                read_limited(got, self.host)
            if isinstance(content, Stream):
                raise Busy(f"{self.host} wants a new token")

    @contextmanager
    def _exchange(
        self,
        method: str,
        address: str,
        headers: Mapping[str, str],
        content: bytes | Stream,
        seconds: float,
    ) -> Iterator[Response]:
        target = Address.parse(address)
        direct = is_loopback(target.netloc)
        try:
            with self.wire.exchange(
                method, target, headers, content, seconds=seconds, direct=direct
            ) as got:
                yield got
        except Broken as error:
            raise self._lost(error, address) from error

    @contextmanager
    def _followed(
        self,
        response: Response,
        method: str,
        address: str,
        headers: Mapping[str, str],
        seconds: float,
    ) -> Iterator[Response]:
        """Follow a registry that keeps its blobs elsewhere; no credentials go there."""
        location = response.headers.get("location", "")
        read_limited(response, self.host)
        for _ in range(5):
            address = self._absolute(address, location)
            with self._exchange(method, address, headers, b"", seconds) as got:
                if got.status not in REDIRECTS:
                    yield got
                    return
                location = got.headers.get("location", "")
        raise RegistryRefused(f"{self.host} sends us round in circles, to {address.split('?')[0]}")

    def _refuse(
        self, response: Response, method: str, address: str, expect: frozenset[int]
    ) -> None:
        status = response.status
        if status in expect:
            return
        said = words_of(read_limited(response, self.host))
        what = f"{method} {address.split('?')[0]}"
        if status in PASSING:
            error = Busy(f"{self.host} answers {what} with {status}", details=said)
            error.retry_after = wait_of(response.headers.get("retry-after", ""), time.time())
            raise error
        if status == 401:
            why = "refuses these credentials" if self._known else "wants a user and a password"
            raise Unauthorized(f"{self.host} {why}", host=self.host, details=said)
        if status == 403:
            raise Forbidden(f"{self.host} does not allow {what}", details=said)
        if status == 400 and self._plain and "HTTPS" in (said or self._greeting()):
            folder = f"~/.config/docker/certs.d/{self.host}"
            hint = f"mkdir -p {folder} && cp ca.crt {folder}/"
            raise CertificateProblem(f"{self.host} speaks TLS", hint=hint, details=said)
        raise RegistryRefused(f"{self.host} answers {what} with {status}", details=said)

    def _greeting(self) -> str:
        """Return what the registry says at its first address; the answer to a HEAD has no words."""
        try:
            with self._exchange("GET", self.url("/v2/"), {}, b"", READ_SECONDS) as got:
                return words_of(read_limited(got, self.host))
        except (RegistryUnreachable, RegistryRefused):
            return ""

    def _lost(self, error: Broken, address: str) -> RegistryUnreachable:
        words = error.words
        if "CERTIFICATE_VERIFY_FAILED" in words:
            return CertificateProblem(
                f"the certificate of {self.host} is not trusted",
                hint="SSL_CERT_FILE=/path/to/ca.pem names the certificate authority to trust",
                details=words,
            )
        if any(sign in words for sign in _WANTS_CERTIFICATE):
            return CertificateProblem(
                f"{self.host} wants a client's certificate, or another one",
                hint=f"cp client.cert client.key ~/.config/docker/certs.d/{self.host}/",
                details=words,
            )
        if "WRONG_VERSION_NUMBER" in words or "RECORD_LAYER_FAILURE" in words:
            hint = f"{INSECURE}={self.host} allows plain HTTP, when you trust the network"
            return CertificateProblem(f"{self.host} does not speak TLS", hint=hint, details=words)
        lost = ConnectionLost(f"{self.host} does not answer at {address.split('?')[0]}: {words}")
        lost.carried = error.carried
        return lost

    def _fetch_token(self, request: TokenRequest) -> bytes:
        address = self.url(request.realm)
        method = "POST" if request.form else "GET"
        sent = {"Authorization": request.authorization} if request.authorization else {}
        if request.form:
            sent["Content-Type"] = _FORM
        if request.query:
            mark = "&" if "?" in address else "?"
            address = f"{address}{mark}{urlencode(request.query)}"

        def once() -> Answer:
            body = urlencode(request.form).encode()
            with self._exchange(method, address, sent, body, READ_SECONDS) as got:
                self._refuse(got, method, address, frozenset({200}))
                return Answer(200, {}, read_limited(got, self.host))

        return self.patiently(once).body


def wait_of(value: str, now: float) -> float:
    """Return the seconds that `Retry-After` asks for, as a number or as a date."""
    if _WAIT_SECONDS.fullmatch(value):
        return float(value)
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    return max(when.replace(tzinfo=when.tzinfo or UTC).timestamp() - now, 0.0)


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
