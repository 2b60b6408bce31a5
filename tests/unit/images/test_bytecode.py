"""What is compiled, and what of it the next project finds."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import algo.images.compile_each
import pytest
from algo.events import Event, Warned, silent
from algo.images.image import LayerKind

from tests.fakes.images import FakeImageEngine
from tests.unit.images.projects import builder, lock, project, runtimes

if TYPE_CHECKING:
    from algo.images.image import BuiltImage

SOURCE = Path(algo.images.compile_each.__file__).read_text()
# Constants that are shared or not by who else holds them: marshal notes that.
MODULE = """
NAMES = ("alpha", "beta gamma", 12345678901234567890, 1.5, b"bytes", frozenset({"x", "y z"}))
def f(alpha, beta=("beta gamma", 1.5)):
    return alpha, beta, "beta gamma", 12345678901234567890
"""


def compiled(tree: Path, *names: str) -> dict[str, bytes]:
    """Compile `names` of a copy of the tree; return what was made, by path."""
    copy = tree.with_name(f"copy-{'-'.join(names).replace('/', '_')}")
    shutil.copytree(tree, copy)
    words = [sys.executable, "-B", "-c", SOURCE, str(copy), "/opt/there", *names]
    subprocess.run(words, check=True, env={"PYTHONHASHSEED": "0"})
    return {str(path.relative_to(copy)): path.read_bytes() for path in copy.rglob("*.pyc")}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tests" / "tree"
    for name in ("one/__init__.py", "one/deep/it.py", "one/tests/test_it.py", "two.py", "six.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(MODULE)
    (root / "one" / "broken.py").write_text("def f(:\n")
    return root


def test_a_package_compiles_to_the_same_whatever_is_compiled_beside_it(tree: Path) -> None:
    alone = compiled(tree, "one")
    last = compiled(tree, "six.py", "two.py", "one")
    first = compiled(tree, "one", "six.py")

    assert len(alone) == 2
    assert all(last[name] == first[name] == content for name, content in alone.items())


def test_compiled_files_name_where_they_will_lie_and_carry_no_time(tree: Path) -> None:
    (content,) = compiled(tree, "two.py").values()

    assert b"/opt/there/two.py" in content
    assert str(tree.parent).encode() not in content
    assert content[4:8] == bytes([1, 0, 0, 0])  # by hash, unchecked: PEP 552


def test_neither_a_packages_own_tests_nor_invalid_files_are_compiled(tree: Path) -> None:
    made = [name.rpartition("/")[2].partition(".")[0] for name in compiled(tree, "one")]

    assert sorted(made) == ["__init__", "it"]


def build(tmp_path: Path, engine: FakeImageEngine | None, where: str = "p") -> BuiltImage:
    """Build a project anew with the cache that is there, all layers included."""
    shutil.rmtree(tmp_path / "c" / "layers", ignore_errors=True)
    root = tmp_path / "r" if (tmp_path / "r").is_dir() else runtimes(tmp_path / "r")
    events = list[Event]()
    made = builder(root, tmp_path / "c", engine)
    image = made.build(project(tmp_path / where), lock(), notify=events.append)
    assert not [event for event in events if isinstance(event, Warned)]
    return image


def test_what_one_project_compiled_the_next_one_does_not(tmp_path: Path) -> None:
    engine = FakeImageEngine()
    before = build(tmp_path, engine)
    runs = len(engine.runs)
    after = build(tmp_path, engine, "q")

    assert runs == 2
    assert len(engine.runs) == runs
    assert packages_of(after) == packages_of(before)


def test_without_an_engine_what_was_compiled_makes_the_same_layer(tmp_path: Path) -> None:
    assert packages_of(build(tmp_path, FakeImageEngine())) == packages_of(
        build(tmp_path, None, "q")
    )


def test_compiled_files_that_were_tampered_with_are_compiled_again(tmp_path: Path) -> None:
    engine = FakeImageEngine()
    before = build(tmp_path, engine)
    for blob in (tmp_path / "c" / "blobs" / "sha256").iterdir():
        if b"compiled.pyc" in blob.read_bytes():
            blob.write_bytes(blob.read_bytes().replace(b"pyc", b"bad"))
    after = build(tmp_path, engine, "q")

    assert len(engine.runs) > 2
    assert packages_of(after) == packages_of(before)


def test_what_broke_down_in_the_engine_is_not_kept(tmp_path: Path) -> None:
    class Broken(FakeImageEngine):
        def run(self, reference: str, command: list[str], folder: Path, place: str) -> str:
            super().run(reference, command, folder, place)
            return "killed"

    made = builder(runtimes(tmp_path / "r"), tmp_path / "c", Broken())
    without = made.build(project(tmp_path / "p"), lock(), notify=silent)
    whole = build(tmp_path, FakeImageEngine(), "q")

    assert not list((tmp_path / "c" / "tmp").iterdir())
    assert packages_of(without) != packages_of(whole)
    assert packages_of(whole) == packages_of(build(tmp_path, FakeImageEngine(), "s"))


def packages_of(image: BuiltImage) -> str:
    (layer,) = [one for one in image.layers if one.kind is LayerKind.PACKAGES]
    return str(layer.descriptor.digest)
