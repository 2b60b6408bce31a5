"""What can be wrong with a version."""

from __future__ import annotations

from algo.errors import USAGE, AlgoError


class BadVersion(AlgoError):
    """A text is not a semantic version, or not a range of them."""

    code = "bad_version"
    exit_code = USAGE
    hint = "write a version as 1.2.3 or 1.2.3-rc.1, a range as ^1.2, ~1.2.3, 1.x or latest"
