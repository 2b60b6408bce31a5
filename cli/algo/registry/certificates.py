"""Whom we trust over TLS, and who we are there: `SSL_CERT_FILE` and Docker's certs.d."""

from __future__ import annotations

import ssl
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from algo.registry.errors import CertificateProblem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Docker's and podman's own, each with a folder per `host[:port]`: `*.crt` are authorities,
# `NAME.cert` and `NAME.key` a client's certificate (docs.docker.com, "Verify repository client
# with certificates"; containers-certs.d(5)).
SYSTEM = (Path("/etc/containers/certs.d"), Path("/etc/docker/certs.d"))


class Certificates:
    """The TLS settings by host, each made when it is first asked for; safe for threads.

    Args:
        file: A file of authorities in place of the system's.
        folder: A folder of them, hashed as OpenSSL wants it, besides.
        places: Folders like certs.d; the first one that names a host counts.
    """

    def __init__(self, file: str, folder: str, places: tuple[Path, ...]) -> None:
        self._file = file
        self._folder = folder
        self._places = places
        self._made: dict[tuple[str, ...], ssl.SSLContext] = {}
        self._lock = threading.Lock()

    @classmethod
    def of(cls, env: Mapping[str, str], home: Path) -> Certificates:
        """Read the environment, and find the places below a home folder and the system's."""
        own = home / ".config"
        places = (own / "containers" / "certs.d", own / "docker" / "certs.d", *SYSTEM)
        return cls(env.get("SSL_CERT_FILE", ""), env.get("SSL_CERT_DIR", ""), places)

    def knows(self, host: str) -> bool:
        """Say whether a certs.d has a folder for the host."""
        return self._place(host) is not None

    def context(self, host: str, registry: str) -> ssl.SSLContext:
        """Return the settings for a connection to `host` on behalf of `registry`.

        A registry's token server and store of blobs are trusted by its authorities, too.

        Raises:
            CertificateProblem: A file is missing, or is not what it should be.
        """
        names = tuple(dict.fromkeys((host, registry)))
        with self._lock:
            if names not in self._made:
                self._made[names] = self._make(names)
            return self._made[names]

    def _make(self, names: Iterable[str]) -> ssl.SSLContext:
        context = self._trusting()
        identified = False
        for folder in filter(None, (self._place(name) for name in names)):
            for authority in sorted(folder.glob("*.crt")):
                try:
                    context.load_verify_locations(cafile=authority)
                except (OSError, ssl.SSLError) as error:
                    raise CertificateProblem(
                        f"{authority} holds no certificate: {error}"
                    ) from error
            for certificate in sorted(folder.glob("*.cert")):
                if not identified:
                    _identify(context, certificate)
                    identified = True
        return context

    def _trusting(self) -> ssl.SSLContext:
        if not self._file:
            context = ssl.create_default_context()
            if self._folder:
                context.load_verify_locations(capath=self._folder)
            elif not _has_authorities():
                import certifi

                context.load_verify_locations(cafile=certifi.where())
            return context
        try:
            return ssl.create_default_context(cafile=self._file, capath=self._folder or None)
        except (OSError, ssl.SSLError) as error:
            raise CertificateProblem(
                f"SSL_CERT_FILE names {self._file}, which holds no certificates: {error}",
                hint="unset SSL_CERT_FILE",
            ) from error

    def _place(self, host: str) -> Path | None:
        """Return the folder of a host; its name is one part of a path and no more."""
        if "/" in host or host in {"", ".", ".."}:
            return None
        return next((place / host for place in self._places if (place / host).is_dir()), None)


def _identify(context: ssl.SSLContext, certificate: Path) -> None:
    key = certificate.with_suffix(".key")
    if not key.is_file():
        raise CertificateProblem(f"{certificate} has no key beside it: {key.name} is missing")

    def no_password() -> str:
        raise CertificateProblem(f"{key} has a passphrase, which nobody can be asked for here")

    try:
        context.load_cert_chain(certificate, key, no_password)
    except (OSError, ssl.SSLError) as error:
        raise CertificateProblem(
            f"{certificate} and {key.name} are no pair that can be used: {error}"
        ) from error


def _has_authorities() -> bool:
    places = ssl.get_default_verify_paths()
    return bool(places.cafile or places.capath)
