from __future__ import annotations

import os
from typing import TYPE_CHECKING

from algo.oci.digest import Digest
from algo.oci.seal import holds, is_sealed_tree, seal_tree

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_that_was_checked_is_read_again_only_after_a_write(tmp_path: Path) -> None:
    file, digest = tmp_path / "blob", Digest.of(b"one")
    file.write_bytes(b"one")
    assert holds(file, digest, 3)
    sealed = file.stat()
    file.write_bytes(b"two")
    assert not holds(file, digest, 3)
    # With the time set back nothing is read: the price of not reading it every time.
    os.utime(file, ns=(sealed.st_mtime_ns, sealed.st_mtime_ns))
    assert holds(file, digest, 3)


def test_a_file_of_another_size_or_none_holds_nothing(tmp_path: Path) -> None:
    assert not holds(tmp_path / "blob", Digest.of(b"one"), 3)
    (tmp_path / "blob").write_bytes(b"on")
    assert not holds(tmp_path / "blob", Digest.of(b"one"), 3)


def test_a_tree_is_sealed_until_anything_in_it_changes(tmp_path: Path) -> None:
    def made() -> Path:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        (folder / "src" / "empty").mkdir(parents=True)
        (folder / "src" / "a.py").write_text("a")
        (folder / "link").symlink_to("src/a.py")
        seal_tree(folder)
        assert is_sealed_tree(folder)
        return folder

    changed = made()
    (changed / "src" / "a.py").write_text("b")
    assert not is_sealed_tree(changed)
    added = made()
    (added / "src" / "empty" / "b.py").write_text("b")
    assert not is_sealed_tree(added)
    removed = made()
    (removed / "src" / "a.py").unlink()
    assert not is_sealed_tree(removed)
    relinked = made()
    (relinked / "link").unlink()
    (relinked / "link").symlink_to("elsewhere")
    assert not is_sealed_tree(relinked)
    assert not is_sealed_tree(tmp_path / "none")
