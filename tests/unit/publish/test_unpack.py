"""The files of a version come out of its layers, and nothing else comes with them."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

import pytest
from algo.publish.unpack import read_description, unpack
from algo.storage.errors import UnsafeArchive

from tests.fakes.archives import ANYWHERE, APP, IN_A_PROJECT, LINK, archive, member

if TYPE_CHECKING:
    from pathlib import Path

DESCRIPTION = member("opt/algo/algorithm.json", b"{}")


def layers(folder: Path, *contents: bytes) -> list[Path]:
    made = [folder / f"layer{number}" for number in range(len(contents))]
    for path, content in zip(made, contents, strict=True):
        path.write_bytes(content)
    return made


def test_files_folders_and_links_come_out(tmp_path: Path) -> None:
    model = archive(member(f"{APP}models/w.bin", b"weights"))
    code = archive(
        *(member(path, kind=tarfile.DIRTYPE) for path in ("opt/", "opt/algo/", APP)),
        member(f"{APP}src/digits.py", b"def apply(): ...", mode=0o755),
        member(f"{APP}src/w", kind=LINK, link="../models/w.bin"),
        DESCRIPTION,
    )
    assert unpack(layers(tmp_path, model, code), tmp_path / "out") == b"{}"
    out = tmp_path / "out"
    assert (out / "src" / "w").read_bytes() == b"weights"
    assert (out / "src" / "digits.py").stat().st_mode & 0o777 == 0o755
    assert {path.name for path in out.iterdir()} == {"src", "models"}


def test_a_later_layer_replaces_a_file_and_nothing_else(tmp_path: Path) -> None:
    old, new = archive(member(f"{APP}x", b"old")), archive(member(f"{APP}x", b"new"), DESCRIPTION)
    unpack(layers(tmp_path, old, new), tmp_path / "out")
    assert (tmp_path / "out" / "x").read_bytes() == b"new"
    link = archive(member(f"{APP}x", kind=LINK, link="y"))
    with pytest.raises(UnsafeArchive):
        unpack(layers(tmp_path, link, new), tmp_path / "other")


@pytest.mark.parametrize("attack", [*ANYWHERE, *IN_A_PROJECT])
@pytest.mark.parametrize("place", ["model", "code"])
def test_an_attack_is_refused_and_nothing_is_written_outside(
    tmp_path: Path, attack: str, place: str
) -> None:
    evil = (ANYWHERE | IN_A_PROJECT)[attack]()
    good = archive(member(f"{APP}good", b"x"), DESCRIPTION)
    home = tmp_path / "home"
    home.mkdir()
    made = layers(tmp_path, *((evil, good) if place == "model" else (good, evil)))
    before = {path.name for path in tmp_path.iterdir()}
    with pytest.raises(UnsafeArchive) as caught:
        unpack(made, home / "out")
    assert caught.value.code == "unsafe_archive"
    assert {path.name for path in tmp_path.iterdir()} == before
    assert [path.name for path in home.iterdir()] == ["out"]
    for path in (home / "out").rglob("*"):
        assert path.resolve().is_relative_to(home / "out")
    assert "\x1b" not in caught.value.message


def test_a_description_that_is_too_long_is_not_read(tmp_path: Path) -> None:
    (layer,) = layers(tmp_path, archive(member("opt/algo/algorithm.json", bytes(2 << 20))))
    with pytest.raises(UnsafeArchive):
        read_description(layer)
