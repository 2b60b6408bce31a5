from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from algo.project.errors import LockInvalid
from algo.project.lock import Lock, Pin, Target, parse, read, render, write

if TYPE_CHECKING:
    from pathlib import Path

AMD64 = Target("linux/amd64", "3.13")
HOST = Target("darwin/arm64", "3.12", "test")
SIX = Pin("six", "1.17.0", ("sha256:aa", "sha256:bb"))
LOCK = Lock("sha256:11", {AMD64: (SIX,), HOST: ()}, {"linux/amd64": "sha256:22"})


def test_a_lock_reads_back_as_it_was_written(tmp_path: Path) -> None:
    write(LOCK, tmp_path / "algo.lock")

    assert read(tmp_path / "algo.lock") == LOCK


def test_a_missing_lock_is_none(tmp_path: Path) -> None:
    assert read(tmp_path / "algo.lock") is None


def test_the_text_does_not_depend_on_the_order_of_the_targets() -> None:
    turned = Lock(LOCK.inputs, {HOST: (), AMD64: (SIX,)}, LOCK.runtimes)

    assert render(turned) == render(LOCK)


def test_a_package_of_several_targets_stands_in_the_text_once() -> None:
    text = render(LOCK.with_targets({HOST: (SIX,)}))

    assert text.count("sha256:aa") == 1


def test_the_text_holds_no_address() -> None:
    assert "://" not in render(LOCK)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version = 1\ninputs =", "cannot be read"),
        ("version = 2\ninputs = 'x'\n", "format 2"),
        ("version = 1\ninputs = 'x'\nother = 1\n", "unknown field"),
        ("version = 1\ninputs = 'x'\ntargets = ['linux']\n", "no known form"),
        (
            "version = 1\ninputs = 'x'\n[[package]]\nname = 'a'\nversion = '1'\n"
            "targets = ['linux/amd64 python3.13 runtime']\nhashes = []\n",
            "not listed",
        ),
    ],
)
def test_a_broken_lock_is_a_named_error(text: str, message: str) -> None:
    with pytest.raises(LockInvalid, match=message):
        parse(text)
