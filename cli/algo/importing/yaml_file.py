"""YAML of other tools, read as typed values."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from algo.importing.errors import SourceInvalid

if TYPE_CHECKING:
    from pathlib import Path

Read = TypeVar("Read")
# More than any of them has; what aliases of YAML could make of less stays small, too.
_MOST = 1 << 20


def read(path: Path, kind: type[Read]) -> Read:
    """Return the file at `path` as a `kind`; keys that it does not know are left out.

    Raises:
        SourceInvalid: It is no YAML, too large, or of another form.
    """
    import yaml

    if path.stat().st_size > _MOST:
        raise SourceInvalid(f"{path.name} is larger than any {path.name} is")
    try:
        # Texts of YAML 1.1 that look like numbers ("3.10") are the authors' own trap.
        return msgspec.convert(yaml.safe_load(path.read_bytes()), kind, strict=False)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise SourceInvalid(f"{path.name} is no YAML: {reason}") from error
    except msgspec.ValidationError as error:
        raise SourceInvalid(f"{path.name} has another form than it should: {error}") from error
