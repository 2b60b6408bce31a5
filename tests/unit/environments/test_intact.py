"""Environments after a loss of power."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

import pytest
from algo.environments.intact import is_intact, is_settled
from algo.storage.trees import this_run

if TYPE_CHECKING:
    from pathlib import Path


def row(name: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(content)}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An environment with one package, as an installer leaves it."""
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    (packages / "sums-1.0.dist-info").mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    files = {"sums.py": b"def add(): ...\n", "../../../bin/sums": b"#!/bin/sh\n"}
    for name, content in files.items():
        (packages / name).write_bytes(content)
    rows = [row(name, content) for name, content in files.items()]
    rows += ["__pycache__/sums.cpython-311.pyc,,\n", "sums-1.0.dist-info/RECORD,,\n"]
    (packages / "sums-1.0.dist-info" / "RECORD").write_text("".join(rows))
    (tmp_path / "bin" / "python").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("lib/python3.11/site-packages/sums.py", b""),
        ("lib/python3.11/site-packages/sums.py", bytes(15)),
        ("lib/python3.11/site-packages/sums-1.0.dist-info/RECORD", b""),
        ("lib/python3.11/site-packages/sums-1.0.dist-info/RECORD", b"\xff\0"),
        ("bin/sums", None),
        ("bin/python", None),
    ],
)
def test_a_file_that_is_not_what_it_was_is_noticed_after_a_restart(
    root: Path, name: str, content: bytes | None
) -> None:
    mark = root / "algo-complete"
    mark.write_text("run 1")
    assert is_intact(root)
    if content is None:
        (root / name).unlink()
    else:
        (root / name).write_bytes(content)
    assert is_settled(root, mark, "run 1")
    assert not is_settled(root, mark, "run 2")


@pytest.mark.parametrize("said", ["run 1", "", "\0\0\0"])
def test_a_sound_environment_is_read_once_after_a_restart(root: Path, said: str) -> None:
    mark = root / "algo-complete"
    mark.write_text(said)
    assert is_settled(root, mark, "run 2")
    (root / "bin" / "python").unlink()
    assert is_settled(root, mark, "run 3")


def test_a_run_of_the_machine_has_a_name(tmp_path: Path) -> None:
    assert len(this_run()) == 36
    assert this_run(tmp_path / "absent") == ""


def test_a_file_that_conda_wrote_a_path_into_is_no_damage(root: Path) -> None:
    mark = root / "algo-complete"
    mark.touch()
    (root / "conda-meta").mkdir()
    script = root / "bin" / "sums"
    script.write_bytes(b"#!/here/bin/python\n")
    assert is_settled(root, mark, "run 2")
    mark.write_text("")
    script.write_bytes(bytes(20))
    assert not is_settled(root, mark, "run 2")
