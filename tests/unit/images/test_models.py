"""How models are cut into layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from algo.events import Note
from algo.images.cache import Cache
from algo.images.errors import LinkOutside
from algo.images.models import Part, model_layers, split
from algo.images.tree import Entry
from algo.project.project import Project
from msgspec.structs import replace

from tests.unit.images.projects import MANIFEST, lock, project

if TYPE_CHECKING:
    from pathlib import Path

    from algo.events import Event

MIB = 1 << 20


def told(root: Path, cache: Path) -> list[str]:
    """Return what is said while the layers of the models of the project in `root` are made."""
    events: list[Event] = []
    model_layers(Project.open(root), lock(), Cache(cache), notify=events.append)
    return [event.text for event in events if isinstance(event, Note)]


def part(path: str, mib: int) -> Part:
    return Part(path, Entry(f"opt/algo/app/models/m/{path}", b""), path, mib * MIB)


def of(parts: list[Part], most: int = 96) -> dict[str, list[str]]:
    return {name: [one.path for one in held] for name, held in split("m", parts, most)}


def test_a_model_of_half_a_gigabyte_is_one_layer() -> None:
    assert of([part("a", 300), part("b", 212)]) == {"m": ["a", "b"]}


def test_a_file_is_never_cut() -> None:
    assert of([part("w.bin", 7000)]) == {"m": ["w.bin"]}
    assert of([part("a", 1), part("w.bin", 7000)]) == {"m/*1": ["a"], "m/w.bin": ["w.bin"]}


def test_large_files_are_layers_and_the_others_are_dealt() -> None:
    found = of([part("config.json", 1), part("s1", 400), part("s2", 400), part("vocab", 2)])

    assert found == {"m/*1": ["config.json", "vocab"], "m/s1": ["s1"], "m/s2": ["s2"]}


def test_many_small_files_are_dealt_to_layers_of_a_good_size() -> None:
    parts = [part(f"{number:04}", 1) for number in range(2000)]
    found = split("m", parts, 96)

    assert len(found) == 8
    assert all(128 * MIB < sum(one.size for one in held) < 512 * MIB for _, held in found)
    assert sorted(one.path for _, held in found for one in held) == [one.path for one in parts]


def test_a_file_that_changes_changes_one_layer() -> None:
    before = [part(f"{number:04}", 1) for number in range(2000)]
    after = [replace(one, sha256="other", size=3 * MIB) if one.path == "0007" else one
             for one in before]  # fmt: skip
    one, two = dict(split("m", before, 96)), dict(split("m", after, 96))

    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == [
        name for name, held in one.items() if "0007" in {item.path for item in held}
    ]


def test_there_are_never_more_layers_than_an_engine_takes() -> None:
    shards = [part(f"{number:04}.safetensors", 200) for number in range(500)]

    assert len(split("m", shards, 96)) <= 96


def test_a_model_that_is_a_link_out_of_the_project_is_said(tmp_path: Path) -> None:
    root = project(tmp_path / "p").root
    assert told(root, tmp_path / "c") == []
    (root / "models" / "small.bin").rename(tmp_path / "weights.bin")
    (root / "models" / "small.bin").symlink_to(tmp_path / "weights.bin")
    assert told(root, tmp_path / "c") == [
        f"models/small.bin is a link to {tmp_path / 'weights.bin'}: what lies there is shipped"
    ]


def test_links_out_of_the_project_in_the_folder_of_a_model_are_said_in_one_line(
    tmp_path: Path,
) -> None:
    root = project(tmp_path / "p").root
    (root / "algo.toml").write_text(MANIFEST.replace("small.bin", "net/"))
    elsewhere = tmp_path / "cache"
    elsewhere.mkdir()
    (root / "models" / "net").mkdir()
    for name in ("a.bin", "b.bin"):
        (elsewhere / name).write_text(name)
        (root / "models" / "net" / name).symlink_to(elsewhere / name)
    (root / "models" / "net" / "same.bin").symlink_to("a.bin")
    (root / "models" / "net" / "near.bin").symlink_to("../small.bin")
    said = f"models/net/a.bin is a link to {elsewhere / 'a.bin'}, and 2 more are such links"
    assert told(root, tmp_path / "c") == [f"{said}: what lies there is shipped"]

    (root / "models" / "all").symlink_to(elsewhere)
    (root / "algo.toml").write_text(MANIFEST.replace("small.bin", "all"))
    assert told(root, tmp_path / "c") == [
        f"models/all is a link to {elsewhere}: what lies there is shipped"
    ]


def test_what_cannot_be_shipped_of_a_model_is_told_with_the_model(tmp_path: Path) -> None:
    root = project(tmp_path / "p").root
    (root / "algo.toml").write_text(MANIFEST.replace("small.bin", "net"))
    (root / "models" / "net").mkdir()
    (root / "models" / "net" / "more").symlink_to(tmp_path)
    with pytest.raises(LinkOutside) as raised:
        told(root, tmp_path / "c")
    assert raised.value.message.startswith("the model small at models/net: more is a link to")
    assert raised.value.hint == "put files into models/net that can be read, and nothing else"
