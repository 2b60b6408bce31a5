"""Fetch the source of a package from an index, with the credentials that uv would use."""

from __future__ import annotations

import base64
import hashlib
import netrc
import re
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

from algo.environments.errors import HashMismatch, IndexRefused, IndexUnreachable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from algo.environments.indexes import Indexes
    from algo.project.lock import Pin

_PATIENCE = 60.0
_VARIABLES = ("UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL")
_REFUSED = (401, 403)
_NAMED = re.compile(r"[^/:]+=https?://")


def fetch(url: str, folder: Path, pin: Pin, indexes: Indexes, env: Mapping[str, str]) -> Path:
    """Fetch what lies at `url`, an address or a path, into `folder` and return where it is.

    Raises:
        HashMismatch: It is not what `pin` names.
        IndexRefused: The index wants credentials.
        IndexUnreachable: It does not answer.
    """
    parts = urlsplit(url)
    place = folder / unquote(parts.path).rpartition("/")[2]
    if parts.scheme in ("", "file"):
        shutil.copyfile(unquote(parts.path), place)
    else:
        _download(url, place, indexes, env)
    with place.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if f"sha256:{found}" not in pin.hashes:
        raise HashMismatch(
            f"{place.name} is not the one that was locked", details=f"it has the SHA-256 {found}"
        )
    return place


def _download(url: str, place: Path, indexes: Indexes, env: Mapping[str, str]) -> None:
    parts = urlsplit(url)
    host = parts.hostname or ""
    where = f"{host}:{parts.port}" if parts.port else host
    request = urllib.request.Request(urlunsplit(parts._replace(netloc=where)))
    login = next((one for name, one in _logins(url, indexes, env) if name == where), "")
    if login:
        # urllib would carry an ordinary header over to whatever host it is sent on to.
        encoded = base64.b64encode(login.encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {encoded}")
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer, place.open("wb") as file:
            shutil.copyfileobj(answer, file, 1 << 20)
    except urllib.error.HTTPError as error:
        kind = IndexRefused if error.code in _REFUSED else IndexUnreachable
        raise kind(f"{where} answered {error.code} when asked for {place.name}") from error
    except OSError as error:
        raise IndexUnreachable(f"{where} could not be reached for {place.name}: {error}") from error


def _logins(url: str, indexes: Indexes, env: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield hosts, with their ports, and `user:password` for each."""
    lines = (line.partition(" ")[2] for line in indexes.lines)
    listed = " ".join([*indexes.named, *(env.get(name, "") for name in _VARIABLES)])
    for text in (url, *lines, *listed.split()):
        name, _, address = text.partition("=") if _NAMED.match(text) else ("", "", text)
        parts = urlsplit(address)
        host = f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
        prefix = f"UV_INDEX_{''.join(c if c.isalnum() else '_' for c in name.upper())}"
        user = unquote(parts.username or "") or env.get(f"{prefix}_USERNAME", "")
        password = unquote(parts.password or "") or env.get(f"{prefix}_PASSWORD", "")
        if user or password:
            yield host, f"{user}:{password}"
    try:
        known = netrc.netrc(env.get("NETRC") or Path("~/.netrc").expanduser())
    except (OSError, netrc.NetrcParseError):
        return
    for host, (user, _account, password) in known.hosts.items():
        yield host, f"{user}:{password}"
