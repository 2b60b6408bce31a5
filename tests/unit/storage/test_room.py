"""What takes room, counted once, and what goes to make some."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from algo.errors import UsageError
from algo.storage.interface import Item
from algo.storage.measure import measure
from algo.storage.room import Limits, Pruned, age, in_words, prune, size, take_stock

if TYPE_CHECKING:
    from pathlib import Path

NOW, DAY = 1_000_000_000.0, 86_400


@dataclass
class Shelf:
    """Things by name: age in days and size in blocks of 4 KiB."""

    folder: Path
    busy: set[str] = field(default_factory=set)
    things: dict[str, Item] = field(default_factory=dict)

    def put(self, name: str, days: float, blocks: int = 1, **more: object) -> Path:
        path = self.folder / name
        path.write_bytes(os.urandom(4096 * blocks))
        known = Item("things", name, NOW - days * DAY, (path,), **more)  # type: ignore[arg-type]
        self.things[name] = known
        return path

    def items(self) -> list[Item]:
        return list(self.things.values())

    def remove(self, item: Item) -> str:
        if item.name in self.busy:
            return "in use by now"
        item.paths[0].unlink()
        del self.things[item.name]
        return ""


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def gone(shelf: Shelf, limits: Limits, *, dry_run: bool = False) -> tuple[list[str], Pruned]:
    done = prune([shelf], limits, NOW, dry_run=dry_run)
    return [one.name for one in done.removed], done


def test_a_file_with_several_names_is_counted_once(shelf: Shelf, tmp_path: Path) -> None:
    one = shelf.put("one", 1, 8)
    os.link(one, tmp_path / "second")
    assert measure([one, tmp_path / "second"]).bytes == measure([one]).bytes >= 8 * 4096
    assert (measure([one]).own, measure([one, tmp_path / "second"]).shared) == (0, 0)
    taken = take_stock([shelf])
    assert taken.bytes == taken.kinds[0].shared == measure([one]).bytes
    names, done = gone(shelf, Limits(everything=True))
    assert (names, done.bytes_freed) == (["one"], 0)


def test_without_limits_only_what_nobody_can_find_goes(shelf: Shelf) -> None:
    shelf.put("old", 1000)
    shelf.put("lost", 0, unfindable=True)
    assert gone(shelf, Limits())[0] == ["lost"]


def test_what_was_not_used_for_long_goes(shelf: Shelf) -> None:
    for days in (1, 29, 30, 31):
        shelf.put(str(days), days)
    assert gone(shelf, Limits(unused_for=30 * DAY))[0] == ["31", "30"]


def test_the_longest_unused_goes_until_the_rest_fits(shelf: Shelf) -> None:
    for days in (3, 1, 4, 2):
        shelf.put(str(days), days, 10)
    half = take_stock([shelf]).bytes // 2
    names, done = gone(shelf, Limits(most=half))
    assert names == ["4", "3"]
    assert done.bytes_left <= half


def test_what_is_in_use_or_cannot_be_had_again_stays_and_says_why(shelf: Shelf) -> None:
    shelf.put("used", 100, kept="in use")
    shelf.put("precious", 100, cache=False)
    shelf.put("taken", 100)
    shelf.busy.add("taken")
    names, done = gone(shelf, Limits(everything=True))
    assert names == []
    assert [(one.name, one.why) for one in done.stayed] == [
        ("used", "in use"),
        ("taken", "in use by now"),
    ]
    assert done.bytes_freed == 0


def test_images_of_an_engine_count_for_themselves(shelf: Shelf) -> None:
    shelf.put("file", 10, 2)
    shelf.things["image"] = Item("images", "image", NOW - 20 * DAY, bytes=10**9)
    taken = take_stock([shelf])
    assert taken.bytes == taken.cache_bytes < 10**6
    assert {one.kind: one.bytes >= 10**9 for one in taken.kinds} == {
        "things": False,
        "images": True,
    }
    done = prune([shelf], Limits(most=10**6), NOW, dry_run=True)
    assert done.removed == ()
    done = prune([shelf], Limits(unused_for=15 * DAY), NOW, dry_run=True)
    assert [(one.name, one.bytes) for one in done.removed] == [("image", 10**9)]
    assert done.bytes_freed == 0


def test_a_dry_run_removes_nothing_and_says_the_same(shelf: Shelf) -> None:
    path = shelf.put("old", 100, 4)
    planned = gone(shelf, Limits(everything=True), dry_run=True)[1]
    assert path.exists()
    done = gone(shelf, Limits(everything=True))[1]
    assert not path.exists()
    assert (planned.removed, planned.bytes_freed) == (done.removed, done.bytes_freed)
    assert done.bytes_freed >= 4 * 4096


def test_ages_and_sizes_are_read_and_shown() -> None:
    assert (age("30d"), age("12h"), age("0s"), age("2w")) == (2_592_000, 43_200, 0, 1_209_600)
    assert (size("20GB"), size("1.5 GiB"), size("4096")) == (20 * 10**9, 3 << 29, 4096)
    for said in ("", "30", "d", "-1d", "1y"):
        with pytest.raises(UsageError):
            age(said)
    for said in ("", "GB", "1 PB", "-1GB"):
        with pytest.raises(UsageError):
            size(said)
    shown = [in_words(count) for count in (0, 999, 1000, 999_949, 999_950, 10**9, 2 * 10**12)]
    assert shown == ["0 B", "999 B", "1.0 kB", "999.9 kB", "1.0 MB", "1.0 GB", "2000.0 GB"]
