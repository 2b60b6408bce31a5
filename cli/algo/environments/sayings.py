"""What the words of a package manager, and of the libraries below it, say of a failure."""

from __future__ import annotations

import re

_UNREACHABLE = re.compile(
    # npm
    r"ENOTFOUND|EAI_AGAIN|ECONNRE(?:FUSED|SET)|ETIMEDOUT|E(?:NET|HOST)UNREACH|\bE5\d\d\b"
    # Java, Go
    r"|UnknownHostException|PKIX path building failed|dial tcp|no such host|\bx509: "
    # curl, and so cargo, git and R
    r"|[Cc]ould(?:n't| not) (?:resolve host|connect to)|SSL certificate problem"
    # R, by our own step
    r"|, or what stands for it, cannot be reached"
    # any
    r"|[Nn]etwork is unreachable|failure in name resolution|Name or service not known"
    r"|[Cc]onnection (?:refused|timed out|reset)|self-signed certificate"
    r"|certificate verify failed|unable to (?:get|verify)[\w ]* certificate"
    r"|[Cc]ould not verify the SSL certificate|bad response .* 5\d\d \("
    r"|(?:status(?: code)?: |HTTP response from \S+ (?:\(\S+\), )?got |/@v/\S+: )5\d\d\b"
)
_REFUSED = re.compile(
    r"\bE40[13]\b|authentication failed for|Authentication is required for"
    # A proxy of Go says 403 of a version that it does not have, too.
    r"|(?:status(?: code)?: |got )40[13]\b|/@v/\S+: 401\b|token rejected for"
)
_MALFORMED = re.compile(
    r"EJSONPARSE|errors parsing go\.mod|failed to parse manifest|Non-(?:parse|read)able POM"
    r"|error parsing `|is malformed|[Ss]yntax ?[Ee]rror"
)


def is_unreachable(said: str) -> bool:
    """Tell whether nobody answered who could be believed."""
    return _UNREACHABLE.search(said) is not None


def is_refused(said: str) -> bool:
    """Tell whether a registry wants credentials, or other ones."""
    return _REFUSED.search(said) is not None


def is_malformed(said: str) -> bool:
    """Tell whether the file itself that asks for packages cannot be read."""
    return _MALFORMED.search(said) is not None
