"""What the verbs of `algo keys` share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.errors import UsageError
from algo.output import Table
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from algo.trust.keyring import ListedKey
    from algo.trust.keys import PublicKey

LARGEST = 1 << 20


class ShownKey(Value, frozen=True):
    """A key as `--json` shows it; `public_key` is PEM."""

    name: str
    id: str
    public_key: str


def shown(name: str, key: PublicKey) -> ShownKey:
    """Return `key` as it is shown."""
    return ShownKey(name, key.id, key.pem)


def table(keys: Sequence[ListedKey]) -> Table:
    """Return the table of `algo keys list`."""
    rows = [(key.id[:16], key.kind, key.name, key.owner or key.reason) for key in keys]
    return Table(("key", "kind", "name", "for"), rows)


def read_pem(path: Path) -> str:
    """Return the text of a key file.

    Raises:
        UsageError: It is not there, cannot be read, or is too large to be one.
    """
    if not path.is_file():
        what = f"{path} is no file" if path.exists() else f"there is no file {path}"
        raise UsageError(what, hint="algo keys --help")
    if path.stat().st_size > LARGEST:
        raise UsageError(f"{path.name} is too large for a key", hint="algo keys --help")
    return path.read_text(encoding="utf-8", errors="replace")
