"""`oci://` from a real registry, of what oras pushed."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from algo.events import silent
from algo.images.cache import Cache
from algo.images.image import LayerKind
from algo.images.layer import make_joined
from algo.images.tree import Entry
from algo.registry.opening import open_registry
from algo.resources import user_folders

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contract.models.conftest import Commands


def push(oras: Path, folder: Path, reference: str) -> None:
    """Push a file and a folder, as a user of oras does."""
    command = [str(oras), "push", "--plain-http", reference, "weights.bin", "tokenizer"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_artifact_of_oras_is_locked_by_digest_and_used_offline(
    bare: Commands, docker_registry: str, oras: Path, tmp_path: Path
) -> None:
    pushed = tmp_path / "pushed"
    (pushed / "tokenizer").mkdir(parents=True)
    (pushed / "weights.bin").write_bytes(os.urandom(3_000_000))
    (pushed / "tokenizer" / "vocab.txt").write_text("a b c")
    push(oras, pushed, f"{docker_registry}/acme/weights:1")

    bare.models(f'm = "oci://{docker_registry}/acme/weights:1"')
    (model,) = bare("lock")["models"]
    assert model["revision"].startswith("sha256:")
    assert bare.files() == {
        "m/weights.bin": (pushed / "weights.bin").read_bytes(),
        "m/tokenizer/vocab.txt": b"a b c",
    }

    (pushed / "weights.bin").write_bytes(os.urandom(3_000_000))
    push(oras, pushed, f"{docker_registry}/acme/weights:1")
    assert bare("lock", "--check")["models"][0]["changed"] is True
    assert bare("lock", "--upgrade")["models"][0]["revision"] != model["revision"]
    assert bare.files()["m/weights.bin"] == (pushed / "weights.bin").read_bytes()

    bare.models(f'm = "oci://{docker_registry}/acme/weights:1#tokenizer/vocab.txt"')
    bare("lock")
    assert bare.files()["m.txt"] == b"a b c"
    bare.models('m = "oci://127.0.0.1:9/acme/weights:1"')
    assert bare("lock", code=3)["error"]["code"] == "registry_unreachable"


def test_a_layer_put_together_from_files_reaches_a_registry_whole(
    docker_registry: str, tmp_path: Path
) -> None:
    # Whole blocks, so that nothing pads them, and more than one request takes.
    for name, size in (("a.bin", 70 << 20), ("b.bin", 512)):
        (tmp_path / name).write_bytes(os.urandom(size))
    entries = [Entry(f"opt/algo/app/models/{name}", tmp_path / name) for name in ("a.bin", "b.bin")]
    cache = Cache(tmp_path / "cache")
    layer = make_joined(cache, LayerKind.MODEL, "m", "inputs", entries)
    registry = open_registry(docker_registry, user_folders(str(tmp_path / "home")), {})
    sent = registry.push_blob("acme/joined", layer.descriptor, layer.source, notify=silent)

    assert sent.how == "sent"
    total = sum(len(piece) for piece in registry.open_blob("acme/joined", layer.descriptor))
    assert total == layer.descriptor.size
