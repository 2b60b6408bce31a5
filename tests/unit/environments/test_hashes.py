"""Hashes in a file of requirements are kept to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from algo.environments.errors import HashMismatch, RequirementInvalid
from algo.environments.hashes import keep_to, named_hashes, unfit
from algo.environments.requirements import Source
from algo.project.lock import Pin, Target

if TYPE_CHECKING:
    from pathlib import Path

A, B, C = (f"sha256:{letter * 64}" for letter in "abc")
PINS = (Pin("other", "2", (A,)), Pin("six-x", "1", (A, B)))


def kept(root: Path, text: str) -> tuple[Pin, ...]:
    (root / "requirements.txt").write_text(text)
    return keep_to(named_hashes([Source(root / "requirements.txt")]), PINS)


def test_a_pin_has_the_named_hashes_alone(tmp_path: Path) -> None:
    assert kept(tmp_path, f"Six_X==1 --hash={B} --hash={C}\nother\n") == (
        PINS[0],
        Pin("six-x", "1", (B,)),
    )


def test_a_requirement_may_go_on_over_lines(tmp_path: Path) -> None:
    text = f"six.x==1 \\\n    --hash={C} \\\n    --hash={A.upper().replace('SHA', 'sha')}\n"
    assert kept(tmp_path, text)[1].hashes == (A,)


def test_hashes_of_a_file_that_is_included_count(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text(f"six-x --hash={A}\n")
    assert kept(tmp_path, "other\n-c more.txt\n")[1].hashes == (A,)


def test_what_names_no_hash_stays_as_it_is(tmp_path: Path) -> None:
    assert kept(tmp_path, "six-x\nother\n") == PINS


def test_an_index_that_has_none_of_the_hashes_is_refused_with_the_line(tmp_path: Path) -> None:
    with pytest.raises(HashMismatch, match=r"requirements\.txt:2: no file of six-x 1 has") as it:
        kept(tmp_path, f"other\nsix-x==1 --hash={C}\n")
    assert it.value.exit_code == 4
    assert A in it.value.details


def test_a_line_without_a_hash_is_refused_where_hashes_are_required(tmp_path: Path) -> None:
    with pytest.raises(RequirementInvalid, match=r"requirements\.txt:3: 'six-x==1' has no hash"):
        kept(tmp_path, f"--require-hashes\nother --hash={A}\nsix-x==1\n")


def test_a_constraint_needs_no_hash_where_hashes_are_required(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("unused<3\n")
    assert kept(tmp_path, f"--require-hashes\n-c more.txt\nother --hash={A}\n") == PINS


@pytest.mark.parametrize("said", ["sha512:abc", "sha256:abc"])
def test_a_hash_that_a_lock_cannot_hold_is_refused(tmp_path: Path, said: str) -> None:
    with pytest.raises(RequirementInvalid, match=r"requirements\.txt:1: .* is no SHA-256"):
        kept(tmp_path, f"six-x==1 --hash={said}\n")


@pytest.mark.parametrize(("there", "told"), [((A, C), True), ((B,), False), ((), False)])
def test_hashes_of_files_for_other_platforms_alone_are_told(
    tmp_path: Path, there: tuple[str, ...], told: bool
) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text(f"other\nsix-x==1 --hash={B}\n")
    named = named_hashes([Source(path)])
    pins = keep_to(named, PINS)
    found = list(unfit(named, pins, [Pin("six-x", "1", there)], Target("linux/arm64", "3.13")))
    assert bool(found) is told
    if found:
        assert found[0].message.startswith("requirements.txt:2: no hash that is named there is of")
        assert "for linux/arm64 with Python 3.13" in found[0].message
