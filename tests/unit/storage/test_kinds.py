"""Each kind of thing in the cache: found, in use or not, removed."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from algo.environments.kept import Environments
from algo.images.cache import Cache
from algo.images.image import LayerKind
from algo.images.kept import Layers, Notes, Unfinished
from algo.images.layer import find_layer, make_layer
from algo.images.tree import Entry
from algo.models.kept import ModelFiles
from algo.publish.kept import Unpacked, use
from algo.resources import Folders
from algo.storage.held import Held
from algo.storage.kinds import Files, Precious, Unknown
from algo.storage.kinds import Folders as Kept
from algo.storage.room import Limits, prune
from algo.storage.trees import use_folder

from tests.fakes.disks import Lazy

if TYPE_CHECKING:
    from pathlib import Path

    from algo.storage.interface import Kind

ALL = Limits(everything=True)
# No process has this number: the kernel's largest is 4194304.
DEAD = 4_194_305


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    made = Folders(*(tmp_path / name for name in ("data", "cache", "state", "config")))
    for folder in (made.data, made.cache, made.state):
        folder.mkdir()
    return made


def gone(kind: Kind, limits: Limits = ALL) -> list[str]:
    done = prune([kind], limits, time.time(), dry_run=False)
    return sorted(one.name for one in done.removed)


def test_layers_go_by_their_last_use_and_their_notes_with_them(folders: Folders) -> None:
    held = Held()
    cache = Cache(folders.cache, Lazy(), held)
    for name in ("old", "new"):
        entries = [Entry(f"opt/{name}", name.encode())]
        make_layer(cache, LayerKind.CODE, name, name, entries, compress=False)
    held.let_go()
    (old, new) = (
        find_layer(cache, LayerKind.CODE, name, name, compress=False) for name in ("old", "new")
    )
    assert old and new
    month = Limits(unused_for=30 * 86_400)
    for note in (folders.cache / "layers").glob("*.json"):
        if old.descriptor.digest.hex in note.read_text():
            os.utime(note, (1, 1))
    assert gone(Layers(folders.cache), month) == []
    held.let_go()
    assert gone(Layers(folders.cache), month) == [old.descriptor.digest.hex]
    assert gone(Notes(folders.cache), Limits()) == []
    assert len(gone(Notes(folders.cache), month)) == 1
    assert find_layer(cache, LayerKind.CODE, "new", "new", compress=False)
    assert find_layer(cache, LayerKind.CODE, "old", "old", compress=False) is None


def test_finding_a_layer_is_using_it(folders: Folders) -> None:
    cache = Cache(folders.cache, Lazy(), Held())
    make_layer(cache, LayerKind.CODE, "x", "x", [Entry("opt/x", b"x")], compress=False)
    (note,) = (folders.cache / "layers").glob("*.json")
    os.utime(note, (1, 1))
    assert find_layer(cache, LayerKind.CODE, "x", "x", compress=False)
    assert note.stat().st_mtime > time.time() - 3600


def test_work_of_dead_processes_goes_and_of_live_ones_stays(folders: Folders) -> None:
    with Cache(folders.cache, Lazy(), Held()).scratch() as running:
        (running.parent / f"{DEAD}-x").mkdir()
        assert gone(Unfinished(folders)) == [f"{DEAD}-x"]
        assert running.is_dir()


def test_an_environment_stays_while_somebody_runs_in_it(folders: Folders) -> None:
    home = folders.cache / "environments"
    for name in ("used", "idle", "unfinished", ".gone-1-half"):
        (home / name / "bin").mkdir(parents=True)
        if name != "unfinished":
            (home / name / "algo-complete").touch()
    held = Held()
    held.hold(home / "used" / "algo-complete")
    assert gone(Environments(folders), Limits()) == [".gone-1-half", "unfinished"]
    assert gone(Environments(folders)) == ["idle"]
    held.let_go()
    assert gone(Environments(folders)) == ["used"]
    assert list(home.iterdir()) == []


def test_an_unpacked_version_stays_while_somebody_runs_it(folders: Folders) -> None:
    home = folders.cache / "versions"
    held = Held()
    use(home / "used", held)
    for name in ("used", "idle", f"{DEAD}-x", f"{os.getpid()}-y"):
        (home / name).mkdir()
    assert gone(Unpacked(home), Limits()) == [f"{DEAD}-x"]
    assert gone(Unpacked(home)) == ["idle"]
    held.let_go()
    assert gone(Unpacked(home)) == ["used"]
    use(home / "used", held)


def test_files_of_models_and_downloads_to_go_on_with(folders: Folders) -> None:
    root = folders.cache / "models"
    for name in ("sha256/aa", "sha256/bb", "partial/cc", "partial/dd", "partial/cc.lock"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    held = Held()
    held.hold(root / "sha256" / "aa")
    held.hold(root / "partial" / "cc.lock")
    os.utime(root / "partial" / "dd", (1, 1))
    assert gone(ModelFiles(root), Limits()) == ["dd"]
    assert gone(ModelFiles(root)) == ["bb"]
    held.let_go()
    assert gone(ModelFiles(root)) == ["aa", "cc"]


def test_what_is_precious_or_unknown_is_shown_and_stays(folders: Folders) -> None:
    (folders.data / "jobs" / "digits").mkdir(parents=True)
    (folders.cache / "later").mkdir()
    (folders.cache / "tmp").mkdir()
    jobs = Precious("jobs", folders.data / "jobs", "jobs stay")
    unknown = Unknown(folders.cache, frozenset({"tmp"}))
    assert [item.name for item in (*jobs.items(), *unknown.items())] == ["digits", "later"]
    assert gone(jobs) == gone(unknown) == []
    upload = folders.state / "uploads" / "x.json"
    upload.parent.mkdir()
    upload.touch()
    held = Held()
    held.hold(upload)
    uploads = Files("unfinished uploads", upload.parent, "*.json")
    assert gone(uploads) == []
    held.let_go()
    assert gone(uploads) == ["x.json"]


def test_a_folder_that_a_tool_keeps_things_in_goes_when_nobody_uses_it(tmp_path: Path) -> None:
    (tmp_path / "go").mkdir()
    (tmp_path / "go" / "module").touch()
    use_folder(tmp_path / "npm")
    assert gone(Kept("caches of tools", tmp_path)) == ["go"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["npm", "npm.used"]
