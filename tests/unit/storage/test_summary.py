"""What people read of what `algo cache prune` removed."""

from __future__ import annotations

from algo.commands.shared.caching import summary
from algo.engines.kept import IMAGES
from algo.storage.room import Gone, Pruned


def test_images_of_the_engine_are_told_with_their_size_and_whose_they_are() -> None:
    image = Gone(IMAGES, "algo.local/acme/p:1", 2_000_000)
    layer = Gone("layers", "abc", 1_000)
    *_, engine, end = summary(Pruned((image, layer), (), 1_000, 0, dry_run=True)).splitlines()
    assert engine.startswith("the engine's 1 image, 2.0 MB at most")
    assert "whoever needs one makes it anew" in engine
    assert end == "would remove 2 items, 1.0 kB; 0 B are left"
    assert "engine" not in summary(Pruned((layer,), (), 1_000, 0, dry_run=True))
