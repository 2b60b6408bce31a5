"""What the words of a step that failed say."""

from __future__ import annotations

import pytest
from algo.languages.steps import out_of_room


@pytest.mark.parametrize(
    ("said", "full"),
    [
        ("write /cache/builder: no space left on device", True),
        ("npm error code ENOSPC", True),
        ("error: failed to write: No space left on device (os error 28)", True),
        ("tar: it.R: Cannot write: Disk quota exceeded", True),
        ("src/a.go:3: no space between words", False),
    ],
)
def test_a_full_disk_is_no_mistake_of_the_author(said: str, full: bool) -> None:
    assert out_of_room(said) is full
