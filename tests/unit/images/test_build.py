from __future__ import annotations

import gzip
import shutil
import tarfile
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from algo.engines.errors import ImageBuildFailed
from algo.events import Event, Warned, silent
from algo.images.cache import Cache
from algo.images.errors import BadPlatform, CannotRebase, RuntimeUnavailable
from algo.images.image import LayerKind
from algo.images.layer import make_layer
from algo.images.sizes import package_sizes
from algo.images.tree import Entry
from algo.oci.descriptor import Platform
from algo.oci.digest import Digest
from algo.oci.manifest import ImageConfig, ImageManifest, decode
from algo.project.errors import ModelMissing
from algo.project.lock import read
from algo.project.project import Project
from msgspec.structs import replace

from tests.fakes.images import FakeBuild, FakeImageEngine
from tests.fakes.packages import FakePackages
from tests.unit.images.projects import AMD64, builder, lock, project, runtimes

if TYPE_CHECKING:
    from pathlib import Path

    from algo.images.image import BuiltImage

KINDS = ["runtime", "runtime", "gateway", "runner", "packages", "model", "code"]


def names(image: BuiltImage, kind: LayerKind) -> list[str]:
    (layer,) = [layer for layer in image.layers if layer.kind == kind]
    with tarfile.open(layer.blob) as archive:
        return [member.name for member in archive if not member.isdir()]


def build(tmp_path: Path, engine: FakeImageEngine | None = None) -> BuiltImage:
    made = builder(runtimes(tmp_path / "r"), tmp_path / "c", engine or FakeImageEngine())
    return made.build(project(tmp_path / "p"), lock(), notify=silent)


def test_the_layers_lie_in_the_order_of_how_seldom_they_change(tmp_path: Path) -> None:
    assert [str(layer.kind) for layer in build(tmp_path).layers] == KINDS


def test_each_layer_holds_what_its_kind_says(tmp_path: Path) -> None:
    image = build(tmp_path)

    assert names(image, LayerKind.GATEWAY) == [
        "opt/algo/gateway/__pycache__/six.compiled.pyc",
        "opt/algo/gateway/algo_gateway/__init__.py",
        "opt/algo/gateway/algo_gateway/__pycache__/algo_gateway.compiled.pyc",
        "opt/algo/gateway/six.py",
    ]
    assert names(image, LayerKind.RUNNER) == [
        "opt/algo/runtimes/python/runner.py",
        "opt/algo/runtimes/python/runtime.toml",
    ]
    assert names(image, LayerKind.PACKAGES) == [
        "opt/algo/packages/__pycache__/six.compiled.pyc",
        "opt/algo/packages/six.py",
    ]
    assert names(image, LayerKind.MODEL) == ["opt/algo/app/models/small.bin"]
    assert names(image, LayerKind.CODE) == [
        "opt/algo/algorithm.json",
        "opt/algo/app/src/p.py",
    ]


def test_the_manifest_and_the_config_name_every_layer(tmp_path: Path) -> None:
    image = build(tmp_path)
    manifest = decode(image.manifest, ImageManifest)
    config = decode(image.config_bytes, ImageConfig)

    assert Digest.of(image.manifest) == image.digest
    assert manifest.config.digest == str(Digest.of(image.config_blob.read_bytes()))
    assert [one.digest for one in manifest.layers] == [
        str(Digest.of_file(layer.blob)) for layer in image.layers
    ]
    assert config.rootfs.diff_ids == tuple(str(layer.diff_id) for layer in image.layers)
    assert config.config.user == "65532:65532"
    assert config.config.cmd[:3] == ("python3", "-m", "algo_gateway")
    labels = config.config.labels
    assert (labels["dev.algo.name"], labels["dev.algo.language-version"]) == ("acme/p", "3.13")
    oci = "org.opencontainers.image."
    assert manifest.annotations == {
        f"{oci}base.digest": str(image.runtime),
        f"{oci}base.name": f"algo.local/runtime/python:{str(image.runtime)[7:19]}",
        f"{oci}created": config.created,
        f"{oci}title": "p",
        f"{oci}vendor": "acme",
    }
    assert all(
        labels.get(name) == value
        for name, value in manifest.annotations.items()
        if name != f"{oci}created"
    )


def test_another_cache_and_another_folder_give_the_same_digest(tmp_path: Path) -> None:
    one, two = tmp_path / "1", tmp_path / "2" / "elsewhere"

    assert build(one).digest == build(two).digest


def test_the_version_does_not_change_the_digest(tmp_path: Path) -> None:
    before = build(tmp_path)
    root = tmp_path / "p"
    text = (root / "algo.toml").read_text()
    (root / "algo.toml").write_text(text.replace("1.0.0", "2.0.0"))
    made = builder(tmp_path / "r", tmp_path / "c", FakeImageEngine())

    assert made.build(Project.open(root), lock(), notify=silent).digest == before.digest


def test_an_edit_of_the_code_makes_only_the_code_layer_again(tmp_path: Path) -> None:
    build(tmp_path)
    (tmp_path / "p" / "src" / "p.py").write_text("def apply(x):\n    return -x\n")
    packages = FakePackages()
    made = builder(tmp_path / "r", tmp_path / "c", FakeImageEngine(), packages)
    again = made.build(Project.open(tmp_path / "p"), lock(), notify=silent)

    assert [layer.kind for layer in again.layers if not layer.reused] == [LayerKind.CODE]
    assert packages.installed == []


@pytest.mark.parametrize("path", ["README.md", "tests/test_p.py", "algo.lock", ".git/HEAD"])
def test_what_is_no_part_of_the_algorithm_does_not_change_the_digest(
    tmp_path: Path, path: str
) -> None:
    before = build(tmp_path)
    (tmp_path / "p" / path).write_text("changed")
    made = builder(tmp_path / "r", tmp_path / "c", FakeImageEngine())

    assert made.build(Project.open(tmp_path / "p"), lock(), notify=silent).digest == before.digest


def test_an_algoignore_keeps_files_out(tmp_path: Path) -> None:
    here = project(tmp_path / "p")
    (here.root / "notes.txt").touch()
    (here.root / ".algoignore").write_text("notes.txt\n")
    made = builder(runtimes(tmp_path / "r"), tmp_path / "c", FakeImageEngine())

    files = names(made.build(here, lock(), notify=silent), LayerKind.CODE)
    assert files == ["opt/algo/algorithm.json", "opt/algo/app/src/p.py"]


def test_without_an_engine_the_cached_runtime_and_layers_serve(tmp_path: Path) -> None:
    before = build(tmp_path)
    made = builder(tmp_path / "r", tmp_path / "c", None)

    assert made.build(Project.open(tmp_path / "p"), lock(), notify=silent).digest == before.digest


def test_without_an_engine_and_a_cached_runtime_the_error_says_so(tmp_path: Path) -> None:
    made = builder(runtimes(tmp_path / "r"), tmp_path / "c", None)

    with pytest.raises(RuntimeUnavailable, match=r"python 3\.13 on linux/amd64"):
        made.build(project(tmp_path / "p"), lock(), notify=silent)


def test_packages_that_cannot_be_compiled_are_warned_of(tmp_path: Path) -> None:
    build(tmp_path)
    events = list[Event]()
    made = builder(tmp_path / "r", tmp_path / "c", None)
    made.build(Project.open(tmp_path / "p"), lock("1.16"), notify=events.append)

    assert [type(event) for event in events if isinstance(event, Warned)] == [Warned]


def test_what_the_host_put_below_the_runtime_image_does_not_leave_it(tmp_path: Path) -> None:
    clean = build(tmp_path / "1")
    other = build(tmp_path / "2", FakeImageEngine(private=True))

    assert other.digest == clean.digest


def test_a_blob_that_was_cut_off_is_made_again(tmp_path: Path) -> None:
    before = build(tmp_path)
    for layer in before.layers:
        layer.blob.write_bytes(layer.blob.read_bytes()[:-1])
    made = builder(tmp_path / "r", tmp_path / "c", FakeImageEngine())
    again = made.build(Project.open(tmp_path / "p"), lock(), notify=silent)

    assert again.digest == before.digest
    assert all(Digest.of_file(one.blob) == one.descriptor.digest for one in again.layers)


def test_nothing_unfinished_stays_in_the_cache(tmp_path: Path) -> None:
    build(tmp_path)

    assert list((tmp_path / "c" / "tmp").iterdir()) == []


def test_a_missing_model_is_named_before_anything_is_built(tmp_path: Path) -> None:
    here = project(tmp_path / "p")
    shutil.rmtree(here.root / "models")
    engine = FakeImageEngine()

    with pytest.raises(ModelMissing, match="small"):
        builder(runtimes(tmp_path / "r"), tmp_path / "c", engine).build(here, lock(), notify=silent)
    assert engine.builds == []


def test_an_unknown_platform_is_refused(tmp_path: Path) -> None:
    made = builder(runtimes(tmp_path / "r"), tmp_path / "c", FakeImageEngine())

    with pytest.raises(BadPlatform, match="windows/amd64"):
        made.build(
            project(tmp_path / "p"), lock(), platform=Platform("windows", "amd64"), notify=silent
        )


def test_the_lock_learns_the_runtime_image_and_another_one_is_warned_of(tmp_path: Path) -> None:
    image = build(tmp_path)
    written = read(tmp_path / "p" / "algo.lock")
    assert written is not None
    assert written.runtimes == {"linux/amd64": str(image.runtime)}

    events = list[Event]()
    made = builder(tmp_path / "r", tmp_path / "c", FakeImageEngine())
    here = Project.open(tmp_path / "p")
    made.build(here, written, notify=events.append)
    assert events == []
    made.build(here, lock().with_runtime("linux/amd64", "sha256:00"), notify=events.append)
    assert [type(event) for event in events] == [Warned]


def test_an_engine_that_builds_for_another_platform_is_caught(tmp_path: Path) -> None:
    engine = FakeImageEngine()
    made = builder(runtimes(tmp_path / "r"), tmp_path / "c", engine)

    with pytest.raises(RuntimeUnavailable, match="linux/amd64 when asked for linux/arm64"):
        made.build(
            project(tmp_path / "p"), lock(), platform=Platform("linux", "arm64"), notify=silent
        )
    assert engine.images == {}


def test_packages_that_the_engine_could_not_compile_are_compiled_next_time(tmp_path: Path) -> None:
    class Broken(FakeImageEngine):
        def run(self, reference: str, command: list[str], folder: Path, place: str) -> str:
            return "no such file"

    events = list[Event]()
    broken = builder(runtimes(tmp_path / "r"), tmp_path / "c", Broken())
    without = broken.build(project(tmp_path / "p"), lock(), notify=events.append)
    whole = builder(tmp_path / "r", tmp_path / "c", FakeImageEngine())
    again = whole.build(Project.open(tmp_path / "p"), lock(), notify=silent)

    assert any(isinstance(event, Warned) for event in events)
    assert names(without, LayerKind.PACKAGES) == ["opt/algo/packages/six.py"]
    assert "opt/algo/packages/__pycache__/six.compiled.pyc" in names(again, LayerKind.PACKAGES)


def test_the_image_says_which_runtime_image_it_stands_on(tmp_path: Path) -> None:
    image = build(tmp_path)

    assert image.platform == AMD64
    assert image.runtime is not None
    assert image.runtime != image.digest


def test_the_description_in_the_image_is_the_projects(tmp_path: Path) -> None:
    (layer,) = [one for one in build(tmp_path).layers if one.kind == LayerKind.CODE]
    with tarfile.open(layer.blob) as archive:
        found = archive.extractfile("opt/algo/algorithm.json")
        assert found is not None
        assert msgspec.json.decode(found.read())["name"] == "acme/p"


def test_what_a_dockerfile_copies_is_given_to_it_and_part_of_what_it_makes(tmp_path: Path) -> None:
    root, engine = runtimes(tmp_path / "r"), FakeImageEngine()
    recipe = "ARG BASE\nFROM ${BASE} AS a\nCOPY it.c /it.c\nFROM ${BASE}\nCOPY --from=a /it /it\n"
    (root / "python" / "Dockerfile").write_text(recipe)
    (root / "python" / "other.c").write_text("no")
    for content in ("1", "1", "2"):
        (root / "python" / "it.c").write_text(content)
        where = builder(root, tmp_path / "c", engine)
        if not (tmp_path / "p").exists():
            project(tmp_path / "p")
        where.build(Project.open(tmp_path / "p"), lock(), notify=silent)

    assert engine.copied == [{"it.c": b"1"}, {"it.c": b"2"}]


def foreign(tmp_path: Path) -> Path:
    root = runtimes(tmp_path / "r")
    (root / "python" / "Dockerfile.foreign").write_text("ARG BASE\nFROM ${BASE}\n# foreign\n")
    return root


def test_another_processors_image_is_assembled_and_compiled_by_this_one(tmp_path: Path) -> None:
    engine = FakeImageEngine()
    made = builder(foreign(tmp_path), tmp_path / "c", engine)
    here = project(tmp_path / "p")
    native = made.build(here, lock(), notify=silent)
    other = made.build(here, lock(), platform=Platform("linux", "arm64"), notify=silent)

    assert [one.get("ARCH") for one in engine.builds] == [None, "arm64"]
    assert decode(other.config_bytes, ImageConfig).architecture == "arm64"
    assert names(other, LayerKind.PACKAGES) == names(native, LayerKind.PACKAGES)
    # The image of another processor was never loaded: only this machine's compiles.
    assert len([tag for tag in engine.images if tag.startswith("algo.local/runtime/")]) == 1
    (runtime,) = [layer for layer in other.layers if layer.kind is LayerKind.RUNTIME][1:]
    assert b"# foreign" in gzip.decompress(runtime.blob.read_bytes())


def test_a_package_that_cannot_be_assembled_is_named_with_what_helps(tmp_path: Path) -> None:
    class Refusing(FakeImageEngine):
        def build(self, recipe: bytes, *rest: Any) -> FakeBuild:
            if b"# foreign" in recipe:
                raise ImageBuildFailed("failed", details="x\nalgo-foreign: postfix\ny")
            return super().build(recipe, *rest)

    made = builder(foreign(tmp_path), tmp_path / "c", Refusing())

    with pytest.raises(RuntimeUnavailable, match="postfix cannot be put into") as raised:
        made.build(
            project(tmp_path / "p"), lock(), platform=Platform("linux", "arm64"), notify=silent
        )
    assert "docker pull --platform linux/arm64" in raised.value.hint


def test_the_size_of_each_package_is_that_of_its_files_and_what_was_compiled(
    tmp_path: Path,
) -> None:
    base = "opt/algo/packages"
    files = {
        f"{base}/big/__init__.py": b"x" * 900,
        f"{base}/big/__pycache__/__init__.cpython-313.pyc": b"y" * 90,
        f"{base}/big-1.0.dist-info/RECORD": b"big/__init__.py,,\nbig-1.0.dist-info/RECORD,,\n",
        f"{base}/small.py": b"z" * 8,
        f"{base}/small-2.dist-info/RECORD": b"small.py,,\n",
        f"{base}/stray": b"?",
    }
    entries = [Entry(path, content) for path, content in files.items()]
    layer = make_layer(Cache(tmp_path), LayerKind.PACKAGES, "packages", "x", entries, compress=True)
    found = [(one.name, one.version, one.size) for one in package_sizes(layer)]

    record = len(files[f"{base}/big-1.0.dist-info/RECORD"])
    # A record that does not name itself belongs to none.
    assert found == [("big", "1.0", 990 + record), ("others", "", 12), ("small", "2", 8)]
    assert layer.unpacked > layer.descriptor.size


def test_a_rebase_takes_the_runtime_image_of_today_and_makes_nothing_else(tmp_path: Path) -> None:
    engine, packages = FakeImageEngine(), FakePackages()
    made = builder(runtimes(tmp_path / "r"), tmp_path / "c", engine, packages)
    here = project(tmp_path / "p")
    before = made.build(here, lock(), notify=silent)
    locked = read(here.lock_path)
    assert locked is not None
    engine.today = b"newer packages"
    packages.installed.clear()
    after = made.rebase(here, locked, notify=silent)

    own = [one for one in after.layers if one.kind is not LayerKind.RUNTIME]
    assert own == [replace(one, reused=True) for one in before.layers[2:]]
    assert after.runtime != before.runtime
    assert after.layers[1].descriptor != before.layers[1].descriptor
    assert packages.installed == []
    config = decode(after.config_bytes, ImageConfig).config
    assert config.labels["org.opencontainers.image.base.digest"] == str(after.runtime)
    written = read(here.lock_path)
    assert written is not None
    assert written.runtimes == {"linux/amd64": str(after.runtime)}
    assert made.rebase_image(before, notify=silent).digest == after.digest


def test_what_does_not_fit_todays_runtime_image_is_not_rebased(tmp_path: Path) -> None:
    made = builder(runtimes(tmp_path / "r"), tmp_path / "c", FakeImageEngine())
    here = project(tmp_path / "p")
    with pytest.raises(CannotRebase, match="was not built for linux/amd64 yet"):
        made.rebase(here, lock(), notify=silent)
    before = made.build(here, lock(), notify=silent)
    locked = read(here.lock_path)
    assert locked is not None
    with pytest.raises(CannotRebase, match="packages layer that was made with"):
        made.rebase(
            here, lock("1.16").with_runtime("linux/amd64", str(before.runtime)), notify=silent
        )

    toml = tmp_path / "r" / "python" / "runtime.toml"
    toml.write_text(toml.read_text().replace("3.13", "3.14"))
    with pytest.raises(CannotRebase, match=r"is for python 3\.13, the runtime image has 3\.14"):
        made.rebase_image(before, notify=silent)
