"""Make an installed tree the same on every machine.

What differs between two installs of the same wheels was measured: script headers that name
the installing Python, records of where a wheel came from, and the installer's own marks.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_HEADER = b"#!/usr/bin/env python3\n"
_MARKS = frozenset({"direct_url.json", "uv_cache.json", "uv_build.json", "INSTALLER", "REQUESTED"})


def normalise(folder: Path) -> None:
    """Remove from the tree at `folder` what depends on the machine that installed it.

    Files are replaced, never written in place: they may be hard links into a cache.
    Modes and times are the business of the layer that is made from the tree.
    """
    (folder / ".lock").unlink(missing_ok=True)
    for cache in sorted(folder.rglob("__pycache__")):
        shutil.rmtree(cache)
    changed = {script for script in _scripts(folder) if _rewrite_header(script)}
    for info in sorted(folder.glob("*.dist-info")):
        gone = {info / name for name in _MARKS if (info / name).exists()}
        for path in gone:
            path.unlink()
        _rewrite_record(info / "RECORD", folder, gone, changed)


def _scripts(folder: Path) -> list[Path]:
    if not (folder / "bin").is_dir():
        return []
    return [path for path in sorted((folder / "bin").iterdir()) if path.is_file()]


def _rewrite_header(script: Path) -> bool:
    content = script.read_bytes()
    if not content.startswith(b"#!") or b"python" not in content.split(b"\n", 1)[0]:
        # A path that is too long or has a space makes installers write a shell trampoline.
        if not content.startswith(b"#!/bin/sh\n'''exec'"):
            return False
        content = content.split(b"' '''\n", 1)[1]
        _replace(script, _HEADER + content)
        return True
    _replace(script, _HEADER + content.split(b"\n", 1)[1])
    return True


def _rewrite_record(record: Path, folder: Path, gone: set[Path], changed: set[Path]) -> None:
    if not record.is_file():
        return
    kept = []
    for row in csv.reader(io.StringIO(record.read_text(encoding="utf-8"))):
        path = folder / os.path.normpath(row[0]) if row else folder
        if not row or path in gone or path.suffix == ".pyc":
            continue
        if path in changed:
            content = path.read_bytes()
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
            row = [row[0], f"sha256={digest.decode()}", str(len(content))]
        kept.append(row)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(sorted(kept))
    _replace(record, text.getvalue().encode())


def _replace(path: Path, content: bytes) -> None:
    mode = path.stat().st_mode & 0o777
    path.unlink()
    path.write_bytes(content)
    path.chmod(mode)
