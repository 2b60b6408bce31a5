"""What can be wrong with a name, a digest or a document."""

from __future__ import annotations

from algo.errors import NOT_ALLOWED, USAGE, AlgoError


class BadReference(AlgoError):
    """A reference is not `[host[:port]/]owner/name[:version|@digest]`."""

    code = "bad_reference"
    exit_code = USAGE
    hint = "write it as owner/name:1.0.0, host/owner/name:1.0.0 or owner/name@sha256:…"


class BadDigest(AlgoError):
    """A digest is not `sha256:` and 64 hexadecimal digits."""

    code = "bad_digest"
    exit_code = USAGE
    hint = "algo inspect shows the digests of a version"


class BadDocument(AlgoError):
    """A manifest, index or config is not what its media type says, or is over the limits."""

    code = "bad_document"
    exit_code = NOT_ALLOWED
    hint = "do not use it; whoever made it makes it anew: algo publish"
