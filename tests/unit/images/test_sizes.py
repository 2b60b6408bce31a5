"""Which package a file of a packages layer belongs to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from algo.images.cache import Cache
from algo.images.image import LayerKind
from algo.images.layer import make_layer
from algo.images.sizes import package_sizes
from algo.images.tree import Entry
from algo.project.lock import Pin

if TYPE_CHECKING:
    from pathlib import Path

BASE = "opt/algo/packages"


def sizes(
    tmp_path: Path, files: dict[str, bytes], pins: tuple[Pin, ...] = ()
) -> dict[tuple[str, str], int]:
    entries = [Entry(f"{BASE}/{path}", content) for path, content in files.items()]
    layer = make_layer(Cache(tmp_path), LayerKind.PACKAGES, "packages", "x", entries, compress=True)
    return {(one.name, one.version): one.size for one in package_sizes(layer, pins)}


def pins(kind: str, *named: str) -> tuple[Pin, ...]:
    split = [one.rpartition("@") for one in named]
    return tuple(Pin(name, version, (), kind) for name, _, version in split)


@pytest.mark.parametrize(
    ("kind", "named", "files", "found"),
    [
        (
            "npm",
            ("ms@2.1.3", "debug@4.4.0", "@scope/ms@1.0.0", "b@1.0.0", "b@2.0.0"),
            {
                "node_modules/ms/index.js": 1,
                "node_modules/debug/src/ms/index.js": 10,
                "node_modules/debug/node_modules/ms/a/b.js": 100,
                "node_modules/@scope/ms/index.js": 1000,
                "node_modules/b/index.js": 3,
                "node_modules/.package-lock.json": 7,
            },
            {
                ("ms", "2.1.3"): 101,
                ("debug", "4.4.0"): 10,
                ("@scope/ms", "1.0.0"): 1000,
                ("b", "1.0.0, 2.0.0"): 3,
                ("others", ""): 7,
            },
        ),
        (
            "bundler",
            ("matrix@0.4.2", "nokogiri@1.18.0"),
            {
                "ruby/3.3.0/gems/matrix-0.4.2/lib/matrix.rb": 1,
                "ruby/3.3.0/specifications/matrix-0.4.2.gemspec": 10,
                "ruby/3.3.0/gems/nokogiri-1.18.0-x86_64-linux-gnu/a.so": 100,
            },
            {("matrix", "0.4.2"): 11, ("nokogiri", "1.18.0"): 100},
        ),
        (
            "maven",
            ("org.apache:text@1.13", "io.netty:epoll@4.2"),
            {"text-1.13.jar": 1, "epoll-4.2-linux-x86_64.jar": 10, "packages.jar": 5},
            {
                ("org.apache:text", "1.13"): 1,
                ("io.netty:epoll", "4.2"): 10,
                ("others", ""): 5,
            },
        ),
        ("renv", ("jsonlite@2.0.0",), {"jsonlite/R/a": 4}, {("jsonlite", "2.0.0"): 4}),
    ],
)
def test_packages_of_other_languages_are_named_as_they_are_locked(
    tmp_path: Path,
    kind: str,
    named: tuple[str, ...],
    files: dict[str, int],
    found: dict[tuple[str, str], int],
) -> None:
    content = {path: b"x" * size for path, size in files.items()}
    assert sizes(tmp_path, content, pins(kind, *named)) == found


def test_packages_of_conda_are_named_by_its_records(tmp_path: Path) -> None:
    record = json.dumps({"name": "zlib", "version": "1.3", "files": ["lib/libz.so"]}).encode()
    files = {"conda-meta/zlib-1.3-0.json": record, "lib/libz.so": b"xyz", "conda-meta/x.json": b"?"}
    assert sizes(tmp_path, files) == {("zlib", "1.3"): 3 + len(record), ("others", ""): 1}
