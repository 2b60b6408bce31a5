"""Hints that keep the options a command was given."""

from __future__ import annotations

import pytest
from algo.publish.again import again, keeping
from algo.publish.errors import ConfirmationNeeded

ELSEWHERE = "--to r.example.com/acme/hi"


def test_a_hint_publishes_to_where_it_was_asked_for() -> None:
    with pytest.raises(ConfirmationNeeded) as caught, keeping({"--to": "r.example.com/acme/hi"}):
        raise ConfirmationNeeded("nobody to ask")
    assert caught.value.hint == (
        f"algo publish {ELSEWHERE} --yes, or algo publish {ELSEWHERE} --dry-run"
        " to see what would happen"
    )


def test_what_the_hint_says_takes_the_place_of_what_was_given() -> None:
    given: dict[str, str | bool] = {
        "--to": "r.example.com/acme/hi",
        "--version": "2.0.0",
        "--yes": True,
        "--bump": "",
    }
    assert (
        again("algo publish --bump patch", given) == f"algo publish {ELSEWHERE} --yes --bump patch"
    )
    assert again("algo publish --dry-run", given) == (
        f"algo publish {ELSEWHERE} --version 2.0.0 --dry-run"
    )
    moved = "algo publish --to r.example.com/acme/other --version 3.0.0"
    assert again(moved, given) == f"{moved} --yes"


def test_other_commands_and_options_with_no_value_stay() -> None:
    given: dict[str, str | bool] = {"--yes": True, "--json": True, "--platform": "a b"}
    assert again("git add . && git commit, or algo publish --allow-dirty", given) == (
        "git add . && git commit, or algo publish --yes --json --platform 'a b' --allow-dirty"
    )
    printed = "give the version, or the digest that algo publish printed"
    assert again(printed, given) == printed
