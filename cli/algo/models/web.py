"""A file behind `https://`, whose hash `algo.toml` has."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from algo.events import Note, Progress
from algo.models.errors import (
    ModelCorrupted,
    ModelInvalid,
    ModelNotFound,
    ModelRefused,
    ModelUnreachable,
)
from algo.oci.digest import Digest
from algo.registry.transport import PASSING, Patience, is_loopback
from algo.resources import writing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

    from algo.events import Notify
    from algo.models.cache import ModelCache
    from algo.project.models import LockedFile, ModelSource

_CONNECT, _READ = 10.0, 60.0
_STEP = 4 << 20
_OFFLINE = "UV_OFFLINE"
_YES = ("1", "true", "t", "yes", "y", "on")
_OTHER = "find out who changed it; if you meant that, put the new hash into algo.toml"


class _Again(Exception):
    """The transfer broke off; what came is kept. `wait`: the seconds that the server asks for."""

    def __init__(self, why: str, wait: float = 0.0) -> None:
        super().__init__(why)
        self.wait = wait


class Web:
    """Implements `models.interface.Origin` for URLs.

    Args:
        downloads: Gets what is behind them.
    """

    def __init__(self, downloads: Downloads) -> None:
        self._downloads = downloads

    def revision(self, source: ModelSource) -> str:
        """See Origin: the hash is in `algo.toml`."""
        return ""

    def fetch(
        self, source: ModelSource, revision: str, cache: ModelCache, *, notify: Notify
    ) -> tuple[LockedFile, ...]:
        """See Origin: an address whose content is here already is asked whether it has it, too."""
        url, split = source.where, urlsplit(source.where)
        name = split.path.rsplit("/", 1)[-1] or source.name
        known = cache.find(source.sha256, name)
        if known is not None:
            if self._downloads.offline:
                told = f"{split.netloc} was not asked for {name} ({_OFFLINE} is set)"
            else:
                self._downloads.ask(url, known.size)
                told = f"{split.netloc} has {name}"
            notify(Note(f"{told}; its content was here already"))
            return (known,)
        text = f"Fetching {source.name}"
        return (self._downloads.file(url, name, source.sha256, cache, text, notify),)


class Downloads:
    """Brings what is behind URLs into the cache, in as many attempts as it takes.

    Args:
        env: `SSL_CERT_FILE` names further authorities; proxies are the process's.
        patience: How often to try again where nothing comes any more.
        headers: Sent to the server itself, not to where it sends us.
        refused: The hint for one that wants other credentials.
    """

    def __init__(
        self,
        env: Mapping[str, str],
        patience: Patience | None = None,
        headers: Mapping[str, str] | None = None,
        refused: str = "",
    ) -> None:
        self._env = env
        self._patience = patience or Patience()
        self._headers = dict(headers or {})
        self._refused = refused

    def file(
        self, url: str, name: str, sha256: str, cache: ModelCache, text: str, notify: Notify
    ) -> LockedFile:
        """Return the file behind `url`, whose hash is `sha256`.

        An empty hash takes what comes, and then `url` must always mean the same content.

        Raises:
            ModelCorrupted: It has another hash.
            ModelNotFound: The server has no such file.
            ModelRefused: It wants other credentials.
            ModelUnreachable: It does not answer, or not to the end.
        """
        key = f"sha256={sha256}" if sha256 else url
        with cache.partial(key) as partial:
            # Another process, or thread, may have brought it while this one waited.
            known = cache.find(sha256, name) if sha256 else cache.recall(key, name)
            if known is not None:
                return known
            # What was begun before may be of other content: then it is worth a second beginning.
            for begun in (partial.exists(), False):
                self._download(url, partial, text, notify)
                found = Digest.of_file(partial).hex
                if sha256 in ("", found):
                    file = cache.adopt(partial, name)
                    if not sha256:
                        cache.remember(key, file)
                    return file
                partial.unlink()
                if not begun:
                    break
        raise ModelCorrupted(
            f"{url} is not what was said: its SHA-256 is {found}",
            hint=_OTHER,
        )

    @property
    def offline(self) -> bool:
        """Whether the user wants nobody asked for what is here, as uv has it."""
        return self._env.get(_OFFLINE, "").lower() in _YES

    def ask(self, url: str, size: int) -> None:
        """Ask whether there is a file of `size` bytes behind `url`, without bringing it.

        Raises:
            ModelCorrupted: It has another size.
            AlgoError: As `file`.
        """
        self._patiently(url, lambda client: self._look(client, url, size))

    def _download(self, url: str, partial: Path, text: str, notify: Notify) -> None:
        """Get `url` into `partial`, after what is there already."""
        self._patiently(
            url,
            lambda client: self._rest(client, url, partial, text, notify),
            lambda: _size(partial),
        )

    def _patiently(
        self,
        url: str,
        attempt: Callable[[httpx.Client], None],
        came: Callable[[], int] = lambda: 0,
    ) -> None:
        """Make attempts until one succeeds, or several brought nothing more than `came` says."""
        failures = 0
        with self._client(url) as client:
            while True:
                before = came()
                try:
                    attempt(client)
                    return
                except _Again as error:
                    failures = 1 if came() > before else failures + 1
                    if failures >= self._patience.attempts:
                        host = urlsplit(url).netloc
                        raise ModelUnreachable(f"{host} does not send {url}: {error}") from error
                    self._patience.pause(failures, error.wait)

    def _look(self, client: httpx.Client, url: str, size: int) -> None:
        """Ask for the first byte: addresses that are signed for GET refuse HEAD."""
        import httpx

        try:
            with client.stream(
                "GET", url, headers=self._headers | {"Range": "bytes=0-0"}
            ) as answer:
                self._refuse(answer, url)
                whole = answer.headers.get("content-range", "").rpartition("/")[2]
                if answer.status_code == 200:
                    whole = answer.headers.get("content-length", "")
        except (httpx.TransportError, ssl.SSLError) as error:
            raise _Again(f"{type(error).__name__}: {error}") from error
        if whole.isdigit() and int(whole) != size:
            raise ModelCorrupted(
                f"{url} is not what was said: it has {whole} bytes, not {size}", hint=_OTHER
            )

    def _rest(
        self, client: httpx.Client, url: str, partial: Path, text: str, notify: Notify
    ) -> None:
        import httpx

        start = _size(partial)
        headers = self._headers | ({"Range": f"bytes={start}-"} if start else {})
        try:
            with client.stream("GET", url, headers=headers) as answer:
                if answer.status_code == 416:
                    return
                self._refuse(answer, url)
                start = start if answer.status_code == 206 else 0
                total = start + int(answer.headers.get("content-length", "0"))
                _write(answer, partial, start, total, text, notify)
        except (httpx.TransportError, ssl.SSLError) as error:
            raise _Again(f"{type(error).__name__}: {error}") from error

    def _client(self, url: str) -> httpx.Client:
        import httpx

        file = self._env.get("SSL_CERT_FILE")
        places = ssl.get_default_verify_paths()
        trusted: ssl.SSLContext | bool = True
        if file or places.cafile or places.capath:
            trusted = ssl.create_default_context(cafile=file)
        split = urlsplit(url)
        if split.scheme == "http" and not is_loopback(split.netloc):
            raise ModelInvalid(f"{url} has no TLS", hint="write it with https://")
        netrc = Path(self._env.get("NETRC") or "~/.netrc").expanduser()
        wants = netrc.is_file() and "authorization" not in {key.lower() for key in self._headers}
        return httpx.Client(
            verify=trusted,
            auth=httpx.NetRCAuth(str(netrc)) if wants else None,
            trust_env=not is_loopback(split.netloc),
            follow_redirects=True,
            timeout=httpx.Timeout(_READ, connect=_CONNECT),
            headers={"User-Agent": "algo", "Accept-Encoding": "identity"},
        )

    def _refuse(self, answer: httpx.Response, url: str) -> None:
        status = answer.status_code
        if status in (200, 206):
            return
        if status in PASSING:
            waited = answer.headers.get("retry-after", "")
            wait = float(waited) if waited.isdigit() else 0.0
            raise _Again(f"it answers with {status}", wait)
        if status in (401, 403):
            host = urlsplit(url).hostname
            hint = self._refused or f"put user and password for {host} into ~/.netrc"
            raise ModelRefused(f"{host} answers {url} with {status}", hint=hint)
        raise ModelNotFound(f"{urlsplit(url).netloc} answers {url} with {status}")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _write(
    answer: httpx.Response, partial: Path, start: int, total: int, text: str, notify: Notify
) -> None:
    """Write the answer's body at `start`; what was behind is cut off."""
    done = told = start
    with writing(partial.parent, total), partial.open("r+b" if start else "wb") as file:
        file.seek(start)
        for piece in answer.iter_raw():
            file.write(piece)
            done += len(piece)
            if done - told >= _STEP:
                told = done
                notify(Progress(text, done, max(total, done)))
        file.truncate()
    notify(Progress(text, done, max(total, done)))
