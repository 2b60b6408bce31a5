"""Which keys are accepted, and for whose names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from algo.trust.keys import PublicKey


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A key that is accepted; for names of `owners` only, when there are any."""

    key: PublicKey
    label: str
    owners: tuple[str, ...] = ()

    def speaks_for(self, name: str) -> bool:
        """Tell whether it may sign `owner/name`."""
        return not self.owners or name.split("/", 1)[0] in self.owners


@dataclass(frozen=True, slots=True)
class Policy:
    """The accepted keys, and the ids of those that are refused by name."""

    accepted: tuple[TrustedKey, ...]
    revoked: frozenset[str]

    def keys_for(self, name: str) -> tuple[TrustedKey, ...]:
        """Return the keys that may sign `owner/name`."""
        return tuple(key for key in self.accepted if key.speaks_for(name))
