"""Which keys are accepted, and for whose names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.errors import UsageError
from algo.trust.keys import PublicKey
from algo.trust.rules import Rules
from algo.values import Value

if TYPE_CHECKING:
    from pathlib import Path

NO_RULES = Rules()


class TrustedKey(Value, frozen=True):
    """A key that is accepted; for names of `owners` only, when there are any."""

    key: PublicKey
    label: str
    owners: tuple[str, ...] = ()

    def speaks_for(self, name: str) -> bool:
        """Tell whether it may sign `owner/name`."""
        return not self.owners or name.split("/", 1)[0] in self.owners


class Policy(Value, frozen=True):
    """The accepted keys, the ids of those that are refused by name, and what else is asked."""

    accepted: tuple[TrustedKey, ...]
    revoked: frozenset[str]
    rules: Rules = NO_RULES

    def keys_for(self, name: str) -> tuple[TrustedKey, ...]:
        """Return the keys that may sign `owner/name`."""
        return tuple(key for key in self.accepted if key.speaks_for(name))


def only(file: Path) -> Policy:
    """Return the policy that accepts the public key in `file` and no other.

    Raises:
        UsageError: The file cannot be read.
        KeyInvalid: It holds no public key.
    """
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(f"{file.name} cannot be read: {error}", hint="algo keys export") from error
    return Policy((TrustedKey(PublicKey.parse(text), file.name),), frozenset())
