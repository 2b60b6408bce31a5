"""What people read of what `algo cache prune` removed."""

from __future__ import annotations

from algo.commands.shared.caching import summary
from algo.engines.kept import IMAGES
from algo.storage.room import Gone, Pruned, Stayed


def test_images_of_the_engine_are_told_with_their_size_and_whose_they_are() -> None:
    image = Gone(IMAGES, "algo.local/acme/p:1", 2_000_000)
    layer = Gone("layers", "abc", 1_000)
    *_, engine, end = summary(Pruned((image, layer), (), 1_000, 0, dry_run=True)).splitlines()
    assert engine.startswith("the engine's 1 image, 2.0 MB at most")
    assert "whoever needs one makes it anew" in engine
    assert end == "would remove 2 items, 1.0 kB; 0 B are left"
    assert "engine" not in summary(Pruned((layer,), (), 1_000, 0, dry_run=True))


def test_what_may_still_be_needed_is_told_with_what_removes_it() -> None:
    done = Pruned((), (), 0, 5_000, dry_run=False)
    end = "removed 0 items, 0 B; 5.0 kB are left"
    assert summary(done, further=True) == f"{end}; --older-than 1h and --all go further"
    assert summary(done) == end
    removed = Pruned((Gone("layers", "abc", 1_000),), (), 1_000, 5_000, dry_run=False)
    assert "further" not in summary(removed, further=True)


def test_what_stayed_for_one_reason_is_one_line() -> None:
    images = [Stayed(IMAGES, f"acme/p:{number}", 9, "a container has it") for number in range(5)]
    done = Pruned((), (*images, Stayed("layers", "abc", 9, "in use")), 0, 5_000, dry_run=False)
    first, second, _ = summary(done).splitlines()
    assert first == f"kept {IMAGES}: acme/p:0, acme/p:1, acme/p:2 and 2 more (a container has it)"
    assert second == "kept layers: abc (in use)"
