"""Make a laid out conda environment the same on every machine, and know its parts."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# What of a package's record says something of the package alone, and not of this machine.
_SAID = (
    *("name", "version", "build", "build_number", "subdir", "noarch", "license", "license_family"),
    *("depends", "constrains", "fn", "md5", "sha256", "size", "timestamp", "files"),
)


def site_packages(folder: Path) -> str:
    """Return where Python packages lie, relative to the environment in `folder`."""
    found = sorted((folder / "lib").glob("python3.*/site-packages"))
    return found[0].relative_to(folder).as_posix() if found else "site-packages"


def tidy(folder: Path, place: str) -> None:
    """Take out of the environment in `folder` what is of this machine or of this moment.

    Files are replaced, never written in place: they may be hard links into a cache.

    Args:
        folder: Where it lies now.
        place: Where it will lie.
    """
    for cache in sorted(folder.rglob("__pycache__")):
        shutil.rmtree(cache)
    meta = folder / "conda-meta"
    for path in sorted(meta.iterdir()) if meta.is_dir() else ():
        if path.suffix == ".json":
            _replace(path, _record(path.read_bytes()))
        elif path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    (folder / "CACHEDIR.TAG").unlink(missing_ok=True)
    (meta / "history").write_bytes(b"")  # it makes a folder an environment for conda
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            _settle_link(path, folder, place)


def settle_scripts(folder: Path, library: str) -> None:
    """Move the scripts that pip's packages brought to those of the environment.

    They were installed into `library`, the folder of Python packages in `folder`.
    """
    scripts, home = folder / library / "bin", folder / "bin"
    if not scripts.is_dir():
        return
    moved = {}
    for script in sorted(scripts.iterdir()):
        place = home / script.name
        place.unlink(missing_ok=True)
        script.replace(place)
        moved[f"bin/{script.name}"] = os.path.relpath(place, folder / library)
    shutil.rmtree(scripts)
    for record in sorted((folder / library).glob("*.dist-info/RECORD")):
        rows = list(csv.reader(io.StringIO(record.read_text(encoding="utf-8"))))
        if not any(row and row[0] in moved for row in rows):
            continue
        text = io.StringIO()
        named = [[moved.get(row[0], row[0]), *row[1:]] for row in rows if row]
        csv.writer(text, lineterminator="\n").writerows(sorted(named))
        _replace(record, text.getvalue().encode())


def _record(content: bytes) -> bytes:
    found = json.loads(content)
    kept = {name: found[name] for name in _SAID if found.get(name) not in (None, [], "")}
    kept["files"] = sorted(one for one in kept.get("files", ()) if not one.endswith(".pyc"))
    return json.dumps(kept, indent=2, sort_keys=True).encode() + b"\n"


def _settle_link(path: Path, folder: Path, place: str) -> None:
    """Keep a link that stays inside, by a relative path; drop one that leads out, or nowhere.

    What lies elsewhere on this machine is none of the environment's.
    """
    aim = os.readlink(path)  # noqa: PTH115 - as it is written
    for root in (str(folder), place):
        if root and aim.startswith(f"{root}/"):
            inside = folder / aim[len(root) + 1 :]
            path.unlink()
            path.symlink_to(os.path.relpath(inside, path.parent))
    if not path.exists() or not path.resolve().is_relative_to(folder.resolve()):
        path.unlink()


def _replace(path: Path, content: bytes) -> None:
    mode = path.stat().st_mode & 0o777
    path.unlink()
    path.write_bytes(content)
    path.chmod(mode)
