"""What a shell is offered for names and versions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from algo.commands.shared.completing import known, words_of_bash
from algo.oci.digest import Digest
from algo.oci.media_types import INDEX
from algo.registry.layout import LayoutStore
from algo.resources import Folders, user_folders
from algo.trust.pins import Pins

from tests.contract.registry.content import push_image

ROOT = Path(__file__).resolve().parents[3]
REMOTE = "127.0.0.1:5000/acme/digits"


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    """Those of somebody who used versions of a registry, and has two more of acme/hello."""
    folders = user_folders(str(tmp_path / "home"))
    pins = Pins(folders.data / "pins")
    for version in ("1.0.0", "1.10.0", "1.9.0"):
        pins.keep(REMOTE, version, Digest.of(version.encode()))
    store = LayoutStore(folders.store)
    for version in ("1.0.0", "2.0.0"):
        index = push_image(store, version.encode(), "acme/hello").index
        store.tag("acme/hello", version, index, INDEX)
    damaged = folders.store / "acme" / "broken" / "index.json"
    damaged.parent.mkdir(parents=True)
    damaged.write_text("{")
    return folders


@pytest.mark.parametrize(
    ("incomplete", "offered"),
    [
        ("", [REMOTE, "acme/hello"]),
        ("acme/h", ["acme/hello"]),
        ("acme/hello", ["acme/hello:2.0.0", "acme/hello:1.0.0"]),
        ("acme/hello:1", ["acme/hello:1.0.0"]),
        ("127.0.0.1:50", [REMOTE]),
        (f"{REMOTE}:1.", [f"{REMOTE}:{one}" for one in ("1.10.0", "1.9.0", "1.0.0")]),
        ("acme/none:1", []),
    ],
)
def test_names_come_first_and_then_the_newest_version(
    folders: Folders, incomplete: str, offered: list[str]
) -> None:
    assert [one for one in known(folders, incomplete) if "broken" not in one] == offered


@pytest.mark.parametrize(
    ("words", "place", "put_together"),
    [
        (["pull", "a/b"], 1, (["pull"], "a/b", "")),
        (["pull", "a/b", ":"], 2, (["pull"], "a/b:", "a/b:")),
        (["pull", "a/b", ":", "1"], 3, (["pull"], "a/b:1", "a/b:")),
        (["pull", "h", ":", "5/a/b", ":", "1"], 5, (["pull"], "h:5/a/b:1", "h:5/a/b:")),
        (["pull", ":"], 1, ([], "pull:", "pull:")),
        (["diff", "a/b", ":", "1", ""], 4, (["diff", "a/b", ":", "1"], "", "")),
        ([":"], 0, ([], ":", ":")),
    ],
)
def test_what_bash_took_apart_at_colons_is_put_together(
    words: list[str], place: int, put_together: tuple[list[str], str, str]
) -> None:
    assert words_of_bash(words, place) == put_together


def test_bash_completes_a_version_behind_its_colon(folders: Folders) -> None:
    code = (
        f"source {ROOT}/completions/algo.bash; COMP_WORDS=(algo pull 127.0.0.1 : 5000/acme/digits"
        ' : 1.1); COMP_CWORD=6; _algo_completion algo; echo "${COMPREPLY[@]}"'
    )
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {**os.environ, "ALGO_HOME": str(folders.data.parent), "PATH": path}
    shown = subprocess.run(
        ["bash", "-c", code], env=env, capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "1.10.0"
