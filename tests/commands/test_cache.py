"""`algo cache`, on what the commands themselves left."""

from __future__ import annotations

import fcntl
import json
import os
import time
from typing import TYPE_CHECKING, Any

import pytest
from algo.images.cache import Cache
from algo.images.image import LayerKind
from algo.images.layer import make_layer
from algo.images.tree import Entry
from algo.main import run
from algo.storage.held import Held

if TYPE_CHECKING:
    from pathlib import Path

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folders with a layer that was used in 1970 and one of today."""
    home = tmp_path / "home"
    monkeypatch.setenv("ALGO_HOME", str(home))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{home}/absent.sock")
    held = Held()
    cache = Cache(home / "cache", held=held)
    for name in ("old", "new"):
        entries = [Entry(f"opt/{name}", os.urandom(100_000))]
        layer = make_layer(cache, LayerKind.MODEL, name, name, entries, compress=False)
        if name == "old":
            for note in (home / "cache" / "layers").glob("*.json"):
                assert layer.descriptor.digest.hex in note.read_text()
                os.utime(note, (1, 1))
    held.let_go()
    return home


def told(capsys: Captured, *words: str) -> Any:
    capsys.readouterr()
    assert run(["cache", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_notes_of_every_kind_are_known(home: Path, capsys: Captured) -> None:
    before = {one["kind"]: one["items"] for one in told(capsys, "info")["kinds"]}
    for kind in ("mounts", "unchanged"):
        (home / "cache" / kind).mkdir()
        (home / "cache" / kind / "a.json").write_text("{}")
    kinds = {one["kind"]: one["items"] for one in told(capsys, "info")["kinds"]}
    assert kinds["notes"] == before["notes"] + 2 and "other" not in kinds
    told(capsys, "prune", "--older-than", "0s")
    assert not list((home / "cache" / "unchanged").iterdir())


def test_info_shows_what_is_there_by_kind(home: Path, capsys: Captured) -> None:
    said = told(capsys, "info")
    layers = next(one for one in said["kinds"] if one["kind"] == "layers")
    assert layers["items"] == 2
    assert 200_000 < layers["bytes"] <= said["bytes"]
    assert run(["cache", "info"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].split() == ["what", "items", "size", "shared", "state"]
    assert any(line.split()[:2] == ["layers", "2"] for line in shown)
    assert run(["doctor"]) == 0
    assert "algo takes" in capsys.readouterr().out


def test_prune_removes_what_it_is_told_to_and_says_so(home: Path, capsys: Captured) -> None:
    assert told(capsys, "prune")["removed"] == []
    planned = told(capsys, "prune", "--older-than", "30d", "--dry-run")
    assert [one["kind"] for one in planned["removed"]] == ["layers", "notes"]
    done = told(capsys, "prune", "--older-than", "30d")
    assert done["removed"] == planned["removed"]
    assert done["bytes_freed"] == planned["bytes_freed"] > 100_000
    assert told(capsys, "prune", "--max-size", "1GB")["removed"] == []
    assert run(["cache", "prune", "--max-size", "10kB"]) == 0
    assert capsys.readouterr().out.startswith("removed layers: ")
    assert list((home / "cache" / "blobs" / "sha256").iterdir()) == []


def test_an_age_or_a_size_that_is_none_is_a_wrong_command_line(
    home: Path, capsys: Captured
) -> None:
    for words in (["--older-than", "soon"], ["--max-size", "much"]):
        assert run(["cache", "prune", *words, "--json"]) == 2
        assert json.loads(capsys.readouterr().out)["error"]["hint"].startswith("algo cache prune")
    assert home.is_dir()


def test_cache_alone_shows_its_help(capsys: Captured) -> None:
    assert run(["cache"]) == 0
    assert "prune" in capsys.readouterr().out


def test_the_starts_of_downloads_are_counted_and_go_by_age(home: Path, capsys: Captured) -> None:
    downloads = home / "cache" / "downloads"
    downloads.mkdir()
    for name in ("young", "old", "written"):
        (downloads / f"{name}.part").write_bytes(bytes(5000))
    held = os.open(downloads / "written.part", os.O_RDWR)
    fcntl.flock(held, fcntl.LOCK_EX)
    kinds = {one["kind"]: one for one in told(capsys, "info")["kinds"]}
    assert kinds["unfinished downloads"]["items"] == 3
    assert kinds["unfinished downloads"]["kept"] == 1
    assert "other" not in kinds
    assert told(capsys, "prune")["removed"] == []
    week = 8 * 86_400
    os.utime(downloads / "old.part", (time.time() - week, time.time() - week))
    os.utime(downloads / "written.part", (time.time() - week, time.time() - week))
    done = told(capsys, "prune")
    assert [one["name"] for one in done["removed"]] == ["old.part"]
    assert [one["why"] for one in done["stayed"]] == ["in use"]
    os.close(held)
    done = told(capsys, "prune", "--all")
    names = {one["name"] for one in done["removed"] if one["kind"] == "unfinished downloads"}
    assert names == {"young.part", "written.part"}
