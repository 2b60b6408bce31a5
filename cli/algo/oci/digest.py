"""Digests of content (OCI image specification, descriptor, section Digests)."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, BinaryIO

from algo.oci.errors import BadDigest
from algo.values import Value

if TYPE_CHECKING:
    from pathlib import Path

_FORM = re.compile(r"sha256:[0-9a-f]{64}")
CHUNK = 1 << 20


class Digest(Value, frozen=True, order=True):
    """A SHA-256 digest; `str()` gives `sha256:…`."""

    hex: str

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Parse `sha256:` and 64 lower case hexadecimal digits.

        Raises:
            BadDigest: `text` is anything else.
        """
        if not _FORM.fullmatch(text):
            raise BadDigest(f"{text[:100]!r} is not a digest: sha256: and 64 hexadecimal digits")
        return cls(text.removeprefix("sha256:"))

    @classmethod
    def of(cls, data: bytes) -> Digest:
        """Return the digest of `data`."""
        return cls(hashlib.sha256(data).hexdigest())

    @classmethod
    def of_file(cls, path: Path) -> Digest:
        """Return the digest of the file at `path`, read in pieces."""
        with path.open("rb") as file:
            return cls(hashlib.file_digest(file, "sha256").hexdigest())

    @property
    def short(self) -> str:
        """The first 12 digits, for people."""
        return self.hex[:12]

    def __str__(self) -> str:
        return f"sha256:{self.hex}"


class HashingWriter:
    """A binary file that knows the digest and size of what was written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        """Write `data` through."""
        self._hash.update(data)
        self.size += len(data)
        self._file.write(data)
        return len(data)

    def flush(self) -> None:
        """Flush the file below."""
        self._file.flush()

    @property
    def digest(self) -> Digest:
        """The digest of everything written so far."""
        return Digest(self._hash.hexdigest())
