"""What can go wrong between us and a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.errors import NOT_ALLOWED, REFUSED, UNREACHABLE, USAGE, AlgoError
from algo.oci.errors import BadDocument

if TYPE_CHECKING:
    from algo.oci.digest import Digest


class RegistryUnreachable(AlgoError):
    """A registry does not answer, or goes on failing after every retry."""

    code = "registry_unreachable"
    exit_code = UNREACHABLE
    hint = "algo doctor checks the registry, the proxy and the certificates"


class ConnectionLost(RegistryUnreachable):
    """The connection failed once, after it had `carried` so many bytes of bodies."""

    carried: int = 0


class Busy(RegistryUnreachable):
    """The server failed once, or asks to come back after `retry_after` seconds."""

    retry_after: float = 0.0


class ProxyUnusable(RegistryUnreachable):
    """The proxy that the environment names cannot be used, or refuses us."""

    code = "proxy_unusable"
    hint = "env | grep -i _proxy shows what is set; NO_PROXY=HOST goes around it"


class CertificateProblem(RegistryUnreachable):
    """A certificate is not trusted, is wanted, or lies in a file that cannot be used."""

    code = "certificate_problem"
    hint = "openssl x509 -noout -text -in FILE shows what is in it"


class BadMirrors(AlgoError):
    """The mirrors of registries are not named as they have to be."""

    code = "bad_mirrors"
    exit_code = USAGE
    hint = "correct the file, or move it away"


class InsecureRegistry(AlgoError):
    """A registry outside this machine would be spoken to without TLS."""

    code = "insecure_registry"
    exit_code = NOT_ALLOWED


class Unauthorized(AlgoError):
    """The registry wants other credentials, or any."""

    code = "unauthorized"
    exit_code = NOT_ALLOWED

    def __init__(self, message: str, *, host: str, details: str = "") -> None:
        super().__init__(message, hint=f"algo login {host}", details=details)


class Forbidden(AlgoError):
    """The registry knows who asks, and does not allow it."""

    code = "forbidden"
    exit_code = NOT_ALLOWED
    hint = "ask the registry's owner for access, or algo login as somebody else"


class BadCredentials(AlgoError):
    """Docker's config.json, or a credential helper that it names, cannot be used."""

    code = "bad_credentials"
    exit_code = NOT_ALLOWED
    hint = "correct the file, or move it away and log in again: algo login"


# What brings back content that is damaged or gone, by where it lay.
MEND_STORE = (
    "algo pull HOST/OWNER/NAME:VERSION or algo import version FILE brings it again; "
    "algo build --into store in its project makes it again"
)
MEND_FILE = "copy the file again, or write it again where the version is: algo export"
MEND_CACHE = "the same command makes it anew"


class NotFound(AlgoError):
    """The registry has no such version, manifest or blob; `mend` brings that again, if known."""

    code = "not_found"

    def __init__(self, message: str, *, repository: str, details: str = "", mend: str = "") -> None:
        super().__init__(message, hint=mend or f"algo versions {repository}", details=details)
        self.mend = mend


class BlobCorrupted(AlgoError):
    """Content that came in is not what its digest says."""

    code = "blob_corrupted"
    exit_code = NOT_ALLOWED
    hint = (
        "the same command asks again; where it stays so, the registry or something before it "
        "spoils content: tell its owner"
    )

    @classmethod
    def of(cls, digest: Digest, where: str, found: str, hint: str | None = None) -> BlobCorrupted:
        """Return the error for the content of `digest` at `where`, which turned out `found`.

        Without a `hint` it came from a registry.
        """
        what = f"the content of {digest} in {where} is not what its digest says: {found}"
        return cls(what, hint=hint)


class StoreDamaged(BadDocument):
    """A name in the embedded store has no list of its versions that can be read."""

    code = "store_damaged"
    hint = "algo doctor --fix makes it anew from what is there"


class VersionExists(AlgoError):
    """The version is published already, and a published version never changes."""

    code = "version_exists"
    exit_code = REFUSED
    hint = "algo publish --bump patch"


class RegistryRefused(AlgoError):
    """The registry answered a request with an error of its own."""

    code = "registry_refused"
    hint = "algo doctor checks the registry"


class NotAnArchive(AlgoError):
    """A file is no version that `algo export` wrote."""

    code = "not_an_archive"
    hint = "algo export OWNER/NAME:VERSION writes one"


class ArchiveIncomplete(AlgoError):
    """A file names parts of a version that it does not hold."""

    code = "archive_incomplete"
    exit_code = NOT_ALLOWED
    hint = MEND_FILE
