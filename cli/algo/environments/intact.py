"""Whether an environment that was made before the machine started is still all there.

Thousands of small files are not synced when they are installed: that would cost every environment
seconds. Instead the mark of a complete one says in which run of the machine it was made. In a later
run its files are compared with their RECORDs, once.
"""

from __future__ import annotations

import base64
import csv
import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_CHECKED = "checked"


def is_settled(root: Path, mark: Path, run: str) -> bool:
    """Tell whether the environment at `root` can be used; `mark` is the file that completes it."""
    said = mark.read_text(encoding="utf-8", errors="replace").strip()
    if said in (run, _CHECKED):
        return True
    if not is_intact(root):
        return False
    mark.write_text(_CHECKED, encoding="utf-8")
    return True


def is_intact(root: Path) -> bool:
    """Compare every installed file of the environment at `root` with what its RECORD says."""
    if not (root / "bin" / "python").exists():
        return False
    # conda writes the environment's own path into files after their hash was taken.
    exact = not (root / "conda-meta").is_dir()
    records = root.glob("lib/python*/site-packages/*.dist-info")
    return all(_holds(folder / "RECORD", folder.parent, exact) for folder in records)


def _holds(record: Path, base: Path, exact: bool) -> bool:
    try:
        with record.open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.reader(file) if row]
        # Those of a package name at least the RECORD itself.
        return bool(rows) and all(_same(base / row[0], row[1:], exact) for row in rows)
    except (OSError, UnicodeDecodeError, csv.Error):
        return False


def _same(path: Path, said: list[str], exact: bool) -> bool:
    """Tell whether a file has the hash and the size of its row, as far as that gives them.

    Unless `exact` it is enough that there is something in it, where there should be.
    """
    kind, _, digest = said[0].partition("=") if said else ("", "", "")
    if kind != "sha256":
        return path.exists() or path.suffix == ".pyc"
    if not exact:
        with path.open("rb") as file:
            return said[1:] == ["0"] or any(file.read(512))
    if len(said) > 1 and said[1] and path.stat().st_size != int(said[1]):
        return False
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").digest()
    return base64.urlsafe_b64encode(found).rstrip(b"=").decode() == digest
