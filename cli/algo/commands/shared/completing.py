"""What a shell is offered for names and versions, from what this machine has seen of them."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from algo.errors import AlgoError
from algo.registry.layout import LayoutStore
from algo.trust.pins import Pins
from algo.versions.version import versions_in

if TYPE_CHECKING:
    from algo.resources import Folders


def known(folders: Folders, incomplete: str) -> list[str]:
    """Return names that begin with `incomplete`, or the versions of the one that it names.

    Nobody is asked: a shell that waits for a registry is worse than one that knows less.
    """
    seen = _seen(folders)
    name, _, version = incomplete.rpartition(":")
    if name not in seen and incomplete in seen:
        name, version = incomplete, ""
    if name in seen:
        newest = [str(one) for one in reversed(versions_in(sorted(seen[name])))]
        return [f"{name}:{one}" for one in newest if one.startswith(version)]
    return sorted(place for place in seen if place.startswith(incomplete))


def _seen(folders: Folders) -> dict[str, frozenset[str]]:
    """Return the versions of each name, in the embedded store and where they were used from."""
    store = LayoutStore(folders.store)
    found = Pins(folders.data / "pins").places()
    for path in folders.store.glob("*/*/index.json"):
        name = path.parent.relative_to(folders.store).as_posix()
        with suppress(AlgoError):  # of a damaged list, which doctor mends
            found[name] = found.get(name, frozenset()) | frozenset(store.tags(name))
    return found


def words_of_bash(words: list[str], place: int) -> tuple[list[str], str, str]:
    """Put together what bash took apart at colons.

    Args:
        words: COMP_WORDS without the command itself.
        place: Which of them is completed; one that is not there is empty.

    Returns:
        The words before it, it as it was written, and the part of it that bash does not replace.
    """
    return _together(words[:place], words[place] if place < len(words) else "", "")


def _together(before: list[str], current: str, kept: str) -> tuple[list[str], str, str]:
    if current == ":":
        return _together(before[:-1], "", f"{''.join(before[-1:])}:{kept}")
    if before[-1:] == [":"]:
        return _together(before[:-2], current, f"{''.join(before[-2:-1])}:{kept}")
    return before, f"{kept}{current}", kept


def complete_in_bash() -> None:
    """Let bash complete words with colons, which it takes for several."""
    from typer import _completion_classes as shells
    from typer._click.shell_completion import (
        CompletionItem,
        add_completion_class,
        split_arg_string,
    )

    class Bash(shells.BashComplete):
        """As typer's, for words that hold colons."""

        kept = ""

        def get_completion_args(self) -> tuple[list[str], str]:
            """Return the words before the cursor, and the one below it."""
            words = split_arg_string(os.environ["COMP_WORDS"])
            before, incomplete, self.kept = words_of_bash(
                words[1:], int(os.environ["COMP_CWORD"]) - 1
            )
            return before, incomplete

        def format_completion(self, item: CompletionItem) -> str:
            """Return what takes the place of bash's last word."""
            return str(item.value).removeprefix(self.kept)

    add_completion_class(Bash, "bash")
