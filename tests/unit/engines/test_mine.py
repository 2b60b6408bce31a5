"""Notes of the images that a user uses in an engine."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from algo.engines.mine import Mine

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = "algo.local/acme/digits:1"


def test_an_image_is_noted_when_it_is_used_for_each_engine(tmp_path: Path) -> None:
    here, there = (Mine(tmp_path / "notes", f"unix://{name}.sock") for name in "ab")
    assert here.used(IMAGE) is None
    here.use(IMAGE)
    os.utime(next((tmp_path / "notes").iterdir()), (5, 5))
    assert (here.used(IMAGE), there.used(IMAGE)) == (5, None)
    here.use(IMAGE)
    assert time.time() - (here.used(IMAGE) or 0) < 60
    here.forget(IMAGE)
    here.forget(IMAGE)
    assert here.used(IMAGE) is None


def test_images_that_are_not_ours_leave_no_note(tmp_path: Path) -> None:
    Mine(tmp_path / "notes", "").use("debian:trixie-slim")
    assert not (tmp_path / "notes").exists()


def test_a_note_goes_a_year_after_the_last_use(tmp_path: Path) -> None:
    mine = Mine(tmp_path / "notes", "")
    mine.use(IMAGE)
    os.utime(next((tmp_path / "notes").iterdir()), (5, 5))
    mine.use("algo.local/acme/other:1")
    assert mine.used(IMAGE) is None
