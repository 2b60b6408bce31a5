"""What can be wrong with what lies on a disk."""

from __future__ import annotations

from algo.errors import NOT_ALLOWED, AlgoError


class UnsafeArchive(AlgoError):
    """An archive holds something that must not be unpacked, or is none."""

    code = "unsafe_archive"
    exit_code = NOT_ALLOWED
    hint = "do not use this version, and tell its publisher"
