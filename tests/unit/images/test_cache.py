from __future__ import annotations

from typing import TYPE_CHECKING

from algo.images.cache import Cache

if TYPE_CHECKING:
    from pathlib import Path


def test_a_blob_that_was_changed_at_the_same_size_is_not_there(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    digest = cache.put(b"layer")
    assert cache.has(digest, 5)
    cache.blob(digest).write_bytes(b"lager")
    assert not cache.has(digest, 5)
    assert cache.put(b"layer") == digest
    assert cache.blob(digest).read_bytes() == b"layer"
