"""What an engine exports, taken apart without trust."""

from __future__ import annotations

import io
import json
import tarfile
from typing import TYPE_CHECKING

import pytest
from algo.images.saved import SavedImage, copy_layer, plain
from algo.images.tar import END, LayerWriter, write_member
from algo.languages.errors import RuntimeInvalid
from algo.storage.errors import UnsafeArchive
from algo.storage.tar import Content

from tests.fakes.archives import (
    ANYWHERE,
    HARD,
    LINK,
    archive,
    gigabytes_of_nothing,
    member,
)

if TYPE_CHECKING:
    from pathlib import Path


def content(data: bytes) -> Content:
    return Content(io.BytesIO(data), len(data), "layer")


def copied(data: bytes) -> bytes:
    target = io.BytesIO()
    copy_layer(plain(content(data)), LayerWriter(target, compress=False), latest=1_000)
    return target.getvalue()


def test_a_layer_is_copied_as_tarfile_would_copy_it() -> None:
    long = "usr/" + "d" * 120 + "/" + "x" * 90
    attribute = {"SCHILY.xattr.security.capability": "\x01\udcff\0x", "mtime": "999.5"}
    data = archive(
        member("./", kind=tarfile.DIRTYPE, mode=0o755),
        member("./bin/su", b"su" * 999, mode=0o4755),
        member("./bin/ping", b"ping", pax=attribute),
        member("./bin/sh", kind=LINK, link="/bin/dash"),
        member("./bin/dash", kind=HARD, link="./bin/su"),
        member("./dev/null", kind=tarfile.CHRTYPE, mode=0o666),
        member("./run/pipe", kind=tarfile.FIFOTYPE),
        member(long, b"long"),
        member(f"{long}g", b"long", form=tarfile.GNU_FORMAT),
        member("./usr/\udcffile", b"latin"),
        member("./.wh.gone", b""),
    )
    target = io.BytesIO()
    writer = LayerWriter(target, compress=False)
    with tarfile.open(fileobj=io.BytesIO(data)) as reference:
        for one in reference:
            write_member(one, reference.extractfile(one) if one.isreg() else None, writer,
                         latest=1_000)  # fmt: skip
    writer.write(END)
    writer.close()
    assert copied(data) == target.getvalue()


@pytest.mark.parametrize("attack", ANYWHERE)
def test_an_attack_in_a_layer_is_refused(attack: str) -> None:
    with pytest.raises(UnsafeArchive):
        copied(ANYWHERE[attack]())


@pytest.mark.parametrize("attack", ANYWHERE)
def test_an_attack_in_the_export_is_refused(tmp_path: Path, attack: str) -> None:
    path = tmp_path / "saved.tar"
    path.write_bytes(ANYWHERE[attack]())
    with pytest.raises(UnsafeArchive):
        SavedImage(path)


def test_a_gzip_bomb_is_refused_before_it_has_grown() -> None:
    bomb = gigabytes_of_nothing(256 << 20)
    with pytest.raises(UnsafeArchive, match="unpacks to over"):
        copied(bomb)
    small = gigabytes_of_nothing(8 << 20)
    assert len(copied(small)) == (8 << 20) + 512 + 1024


@pytest.mark.parametrize("damage", [slice(0, -20), slice(0, 200)])
def test_a_gzip_layer_that_is_cut_short_is_refused(damage: slice) -> None:
    with pytest.raises(UnsafeArchive):
        copied(gigabytes_of_nothing(1 << 20)[damage])


def test_parts_are_found_by_name_and_through_links(tmp_path: Path) -> None:
    path = tmp_path / "saved.tar"
    path.write_bytes(
        archive(
            member("manifest.json", json.dumps([]).encode()),
            member("one/layer.tar", b"layer"),
            member("two/layer.tar", kind=LINK, link="../one/layer.tar"),
            member("round", kind=LINK, link="about"),
            member("about", kind=LINK, link="round"),
        )
    )
    with SavedImage(path) as saved:
        assert saved.document("manifest.json") == b"[]"
        assert saved.part("two/layer.tar").read() == b"layer"
        for name in ("gone", "round"):
            with pytest.raises(RuntimeInvalid):
                saved.part(name)
