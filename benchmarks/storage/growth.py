"""A publish into the embedded store, and a verification, with 1,000 versions there and with none.

The versions are complete, signed and tiny, so what is measured is the store's own work. Those that
are there before are laid out at once, without being published one by one.

python -m benchmarks.storage.growth [--runs 7] [--versions 1000]
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from algo.oci.digest import Digest
from algo.oci.manifest import DescriptorDocument, Index
from algo.oci.media_types import INDEX, MANIFEST
from algo.publish.release import attachments
from algo.registry.documents import read_head
from algo.registry.layout import LAYOUT, LayoutStore
from algo.registry.listing import Listing
from algo.storage.held import Held
from algo.trust.keys import SigningKey

from benchmarks.measure import SECONDS, in_turn, ratio, row, seconds
from benchmarks.outcome import Outcome, report
from tests.unit.trust.publishing import NAME, WHEN, check, contents, put, trusting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# A code-only publish is to take under a second in all.
LIMIT_SECONDS = 0.5


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--versions", type=int, default=1000)
    options = parser.parse_args()
    key = SigningKey.generate()
    many = f"{options.versions:,} versions"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "layers").mkdir()
        lay_out(folder / "full", folder / "layers", key, options.versions)
        figures = in_turn(
            {
                "publish into an empty store": publishing(folder / "empty", folder, key),
                f"publish beside {many}": publishing(folder / "full", folder, key),
                "verify, alone": verifying(folder / "empty", key),
                f"verify beside {many}": verifying(folder / "full", key),
            },
            options.runs,
        )
    empty, full, alone, beside = figures.values()
    ratios = [
        seconds(full.name, full, LIMIT_SECONDS),
        ratio(f"{full.name}, of an empty store", full, empty, None),
        ratio(f"{beside.name}, of one alone", beside, alone, None),
    ]
    title = "the embedded store with many versions of a name"
    report(Outcome("storage.growth", title, SECONDS, [*map(row, figures.values())], ratios))


def lay_out(root: Path, layers: Path, key: SigningKey, count: int) -> None:
    """Write a store with `count` versions below `root`."""
    folder = root / NAME
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    entries: list[DescriptorDocument] = []

    def keep(content: bytes) -> None:
        (blobs / Digest.of(content).hex).write_bytes(content)

    def listed(manifest: bytes, kind: str, tag: str = "") -> None:
        keep(manifest)
        entries.extend(Listing().with_entry(read_head(manifest, kind), tag).entries)

    for number in range(count):
        what = contents(layers, f"1.{number}.0", code=b"def apply(input): return %d\n" % number)
        for image in what.images:
            for layer in image.layers:
                keep(layer.blob.read_bytes())
            keep(image.config_bytes)
            listed(image.manifest, MANIFEST)
        for attachment in attachments(what, what.release(WHEN), key):
            for _, content in attachment.blobs:
                keep(content)
            listed(attachment.manifest, MANIFEST)
        listed(what.index(), INDEX, f"1.{number}.0")
    index = Index(schema_version=2, media_type=INDEX, manifests=tuple(entries))
    (folder / "index.json").write_bytes(Listing(index).encoded())
    (folder / "oci-layout").write_bytes(LAYOUT)


def publishing(root: Path, folder: Path, key: SigningKey) -> Callable[[], float]:
    """Return an action that publishes one more version into the store at `root`."""
    numbers: Iterator[int] = itertools.count(1)

    def run() -> float:
        number = next(numbers)
        code = b"def apply(input): return -%d\n" % number
        what = contents(folder / "layers", f"2.{number}.0", code=code)
        began = time.perf_counter()
        put(LayoutStore(root, held=Held()), what, key)
        return time.perf_counter() - began

    return run


def verifying(root: Path, key: SigningKey) -> Callable[[], float]:
    """Return an action that verifies the signatures of a version in the store at `root`."""

    def run() -> float:
        store = LayoutStore(root, held=Held())
        there = store.resolve(NAME, "2.1.0")
        assert there is not None
        began = time.perf_counter()
        check(LayoutStore(root, held=Held()), there.digest, trusting(key.public), version="2.1.0")
        return time.perf_counter() - began

    return run


if __name__ == "__main__":
    main()
