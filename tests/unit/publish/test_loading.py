"""A project's own models that run code when they are loaded are told of."""

from __future__ import annotations

import os
import pickle
from collections import Counter
from datetime import date
from typing import TYPE_CHECKING

from algo.events import Event, Note, Warned
from algo.images.cache import Cache
from algo.project.project import Project
from algo.publish.loading import tell_of_own
from algo.resources import Folders

if TYPE_CHECKING:
    from pathlib import Path


def told(root: Path, **files: bytes) -> list[Event]:
    (root / "net").mkdir(exist_ok=True)
    for name, content in files.items():
        (root / "net" / f"{name}.pkl").write_bytes(content)
    (root / "algo.toml").write_text(
        '[algorithm]\nname = "acme/p"\nlanguage = "python"\nentrypoint = "src/p.py:apply"\n'
        '[models]\nw = "net"\nfar = "hf://org/repo/x.pkl"\n'
    )
    events: list[Event] = []
    folders = Folders(*(root / name for name in ("data", "cache", "state", "config")))
    cache = Cache.of(folders)
    tell_of_own(Project.open(root), cache, notify=events.append)
    return events


def test_a_pickle_is_one_calm_line(tmp_path: Path) -> None:
    (line,) = told(tmp_path, a=pickle.dumps(date(2026, 1, 1)), b=pickle.dumps(date(2026, 1, 2)))
    assert isinstance(line, Note)
    assert line.text.startswith("the model w: a.pkl (pickle) runs code when it is loaded: it impo")
    assert line.text.endswith("; 1 more in it do, too")


def test_what_no_model_needs_is_a_warning_and_comes_first(tmp_path: Path) -> None:
    (line,) = told(tmp_path, a=pickle.dumps(date(2026, 1, 1)), b=pickle.dumps(os.system))
    assert isinstance(line, Warned)
    assert line.text.startswith("the model w: b.pkl (pickle)")


def test_what_runs_no_code_is_not_told(tmp_path: Path) -> None:
    assert told(tmp_path, a=pickle.dumps(Counter("aab")), b=b"values") == []


def test_a_large_file_is_looked_into_once_until_it_changes(tmp_path: Path) -> None:
    large = pickle.dumps([date(2026, 1, 1), bytes(17 << 20)])
    first = told(tmp_path, a=large)
    assert len(first) == 1
    notes = sorted((tmp_path / "cache").rglob("files/*.json"))
    assert told(tmp_path) == first
    assert sorted((tmp_path / "cache").rglob("files/*.json")) == notes
    assert told(tmp_path, a=pickle.dumps([bytes(17 << 20)])) == []
