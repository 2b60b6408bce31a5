"""Each blob of a published version with one bit flipped, and nobody who uses it."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from algo.events import silent
from algo.main import run
from algo.registry.copy import copy_version
from algo.registry.errors import BlobCorrupted
from algo.registry.layout import LayoutStore

from tests.conftest import part_from_the_cache
from tests.contract.trust.conftest import NAME
from tests.fakes.registry import MemoryRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.contract.trust.conftest import User

FLIPPED = "acme/flipped"


@pytest.fixture(scope="module")
def version(author: tuple[User, Path]) -> Iterator[tuple[User, Path, Path]]:
    """Who published `acme/flipped:1.0.0` into the store, the layout's folder, the code's blob."""
    user, project = author
    manifest = project / "algo.toml"
    before = manifest.read_text()
    # A layer that no other test has: it is flipped in the cache, too.
    own = project / "src" / "flipped.txt"
    own.write_text("of nobody else")
    manifest.write_text(before.replace(f'name = "{NAME}"', f'name = "{FLIPPED}"'))
    told = json.loads(user.done("publish", "--version", "1.0.0", "--yes", "--json", cwd=project))
    manifest.write_text(before)
    folder = user.home / "data" / "store" / FLIPPED
    (code,) = (one["digest"] for one in told["layers"] if one["kind"] == "code")
    blobs = folder / "blobs" / "sha256"
    named = blobs / code.removeprefix("sha256:")
    for blob in blobs.iterdir():
        if blob != named:
            part_from_the_cache(blob)
    yield user, folder, named
    own.unlink()


def flip(path: Path, *, silently: bool) -> bytes:
    """Flip a bit in the middle and return what was there; `silently` as a disk does it."""
    status, sound = path.stat(), path.read_bytes()
    spoiled = bytearray(sound)
    spoiled[len(spoiled) // 2] ^= 4
    path.write_bytes(spoiled)
    if silently:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    return sound


@pytest.mark.parametrize("silently", [True, False])
def test_a_flipped_bit_is_named_when_it_is_verified_and_kept_from_being_shipped(
    version: tuple[User, Path, Path],
    silently: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    user, folder, _ = version
    monkeypatch.setenv("ALGO_HOME", str(user.home))
    monkeypatch.chdir(user.home)
    blobs = sorted((folder / "blobs" / "sha256").iterdir())
    assert len(blobs) > 15
    for blob in blobs:
        sound = flip(blob, silently=silently)
        store = LayoutStore(user.home / "data" / "store")
        with pytest.raises(BlobCorrupted, match=blob.name):
            copy_version(store, FLIPPED, "1.0.0", MemoryRegistry(), FLIPPED, notify=silent)
        code = run(["verify", f"{FLIPPED}:1.0.0", "--json"])
        said = json.loads(capsys.readouterr().out)
        blob.write_bytes(sound)
        if sound == b"{}":
            continue  # the empty config of what is attached: nobody reads it
        assert code == 4, blob.name
        assert said["error"]["code"] == "blob_corrupted"
        assert blob.name in said["error"]["message"]
    assert run(["verify", f"{FLIPPED}:1.0.0", "--json"]) == 0
    capsys.readouterr()


def test_a_flipped_bit_is_mended_by_bringing_the_version_again(
    version: tuple[User, Path, Path], author: tuple[User, Path]
) -> None:
    user, _, code = version
    sound = flip(code, silently=True)
    assert user.refused("verify", f"{FLIPPED}:1.0.0")["code"] == "blob_corrupted"
    manifest = author[1] / "algo.toml"
    before = manifest.read_text()
    manifest.write_text(before.replace(f'name = "{NAME}"', f'name = "{FLIPPED}"'))
    # The layer in the cache is the same file, and seen to be damaged, too.
    user.done("build", "--into", "store", cwd=author[1])
    manifest.write_text(before)
    assert code.read_bytes() == sound
    user.done("verify", f"{FLIPPED}:1.0.0")
