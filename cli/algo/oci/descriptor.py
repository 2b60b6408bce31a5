"""Descriptors: what content is, how large, and its digest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import field

from algo.oci.errors import BadReference
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from algo.oci.digest import Digest


class Platform(Value, frozen=True, order=True):
    """An operating system and a processor, `linux/amd64`."""

    os: str
    architecture: str

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Parse `os/architecture`.

        Raises:
            BadReference: `text` has another form.
        """
        os, separator, architecture = text.partition("/")
        if not (os and separator and architecture) or "/" in architecture:
            raise BadReference(f"{text!r} is not a platform", hint="write it as linux/amd64")
        return cls(os, architecture)

    def __str__(self) -> str:
        return f"{self.os}/{self.architecture}"


class Descriptor(Value, frozen=True):
    """A pointer to content (OCI image specification, descriptor); `size` in bytes."""

    media_type: str
    digest: Digest
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict)
    platform: Platform | None = None
    artifact_type: str = ""
