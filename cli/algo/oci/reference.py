"""References: `[host[:port]/]owner/name[:version|@digest]`, parsed once, at the border."""

from __future__ import annotations

import re

from msgspec.structs import replace

from algo.oci.digest import Digest
from algo.oci.errors import BadDigest, BadReference
from algo.values import Value

# distribution-spec, "Pulling manifests": a repository and a tag.
_REPOSITORY = re.compile(
    r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)+"
)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::\d{1,5})?")
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
HUB = "docker.io"
_HUBS = {HUB, "index.docker.io", "registry-1.docker.io"}
_RANGE = re.compile(r"[\^~]?[0-9A-Za-z.*+-]+")


class Reference(Value, frozen=True):
    """A name of a version; `host` is empty for the embedded store.

    `repository` is `owner/name` (a registry may have more parts before it); `tag` may be a
    range (`^1.2`), which the history of the name resolves.
    """

    host: str
    repository: str
    tag: str = ""
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Parse a reference.

        Raises:
            BadReference: `text` has another form; the message names the part.
        """
        rest, at, digest_text = text.partition("@")
        try:
            digest = Digest.parse(digest_text) if at else None
        except BadDigest as error:
            raise BadReference(f"{text!r}: {error.message}") from error
        host, rest = _split_host(rest)
        if host and not _HOST.fullmatch(host):
            raise _bad(text, host, "a host")
        repository, colon, tag = rest.partition(":")
        if len(repository) > 255 or not _REPOSITORY.fullmatch(repository):
            raise _bad(text, repository, "owner/name in lower case")
        if colon and not (_TAG.fullmatch(tag) or _RANGE.fullmatch(tag)):
            raise _bad(text, tag, "a version")
        return cls(host, repository, tag, digest)

    @property
    def name(self) -> str:
        """`owner/name`: the last two parts of the repository."""
        return "/".join(self.repository.split("/")[-2:])

    def at(self, digest: Digest) -> Reference:
        """Return the same repository by `digest`."""
        return replace(self, tag="", digest=digest)

    def tagged(self, tag: str) -> Reference:
        """Return the same repository with `tag`."""
        return replace(self, tag=tag, digest=None)

    def __str__(self) -> str:
        host = f"{self.host}/" if self.host else ""
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{host}{self.repository}{tag}{digest}"


def host_of(text: str) -> str:
    """Return the registry that people name by its host or by an address of it.

    Raises:
        BadReference: It is no host, or a path below one.
    """
    host, _, path = _SCHEME.sub("", text.strip()).partition("/")
    if not _HOST.fullmatch(host):
        raise BadReference(
            f"{text!r} is not a registry's host", hint="write it as HOST or HOST:PORT"
        )
    if path.strip("/") not in {"", "v1", "v2"}:
        raise BadReference(
            f"credentials are for all of a registry, and {text!r} names a part of one",
            hint=f"algo login {host}",
        )
    return HUB if host in _HUBS else host


def _bad(text: str, part: str, what: str) -> BadReference:
    where = "" if text == part else f"{text!r}: "
    return BadReference(f"{where}{part!r} is not {what}")


def _split_host(text: str) -> tuple[str, str]:
    """Split as Docker does: the first part is a host when it could not be a name."""
    first, slash, rest = text.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first, rest
    return "", text
