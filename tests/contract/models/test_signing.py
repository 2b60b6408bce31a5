"""Models of a published version are signed on their own, for the CLI of OpenSSF model signing."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.contract.trust.conftest import User

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Engine

MANIFEST = """
[algorithm]
name = "acme/two"
language = "python"
entrypoint = "src/two.py:apply"
[models]
net = "models/net"
tree = "models/tree.pkl"
"""


class Tree:
    """What the pickle needs to be loaded."""


@pytest.fixture
def author(engine: Engine, tmp_path: Path, session_cache: Path) -> tuple[User, Path]:
    assert engine.version
    user, project = User.at(tmp_path / "author", session_cache), tmp_path / "two"
    (project / "src").mkdir(parents=True)
    (project / "models" / "net" / "a").mkdir(parents=True)
    (project / "algo.toml").write_text(MANIFEST)
    (project / "src" / "two.py").write_text("def apply(x):\n    return x\n")
    (project / "models" / "net" / "a.txt").write_bytes(os.urandom(100))
    (project / "models" / "net" / "a" / "b.bin").write_bytes(os.urandom(3000))
    (project / "models" / "tree.pkl").write_bytes(pickle.dumps(Tree()))
    return user, project


def verified(python: Path, key: Path, model: Path, signature: Path) -> str:
    """Run `model_signing verify key`; return what it says when it refuses."""
    words = ["verify", "key", str(model), "--public_key", str(key), "--signature", str(signature)]
    done = subprocess.run(
        [python, "-m", "model_signing", *words], capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_pulled_models_verify_with_the_cli_of_model_signing(
    author: tuple[User, Path],
    docker_registry: str,
    tmp_path: Path,
    session_cache: Path,
    client_python: Callable[[str], Path],
) -> None:
    python = client_python("model_signing")
    user, project = author
    reference = f"{docker_registry}/acme/two:1.0.0"
    user.done("publish", "--to", docker_registry, "--yes", cwd=project)
    key = tmp_path / "algo.pub"
    key.write_text(user.done("keys", "export"))

    friend = User.at(tmp_path / "friend", session_cache)
    friend.done("keys", "trust", str(key))
    assert json.loads(friend.done("verify", reference, "--json"))["models"] == 2
    weights = tmp_path / "weights"
    pulled = json.loads(friend.done("pull", reference, "--models", str(weights), "--json"))
    assert [model["name"] for model in pulled["models"]] == ["net", "tree"]
    for model in ("net/a.txt", "net/a/b.bin", "tree.pkl"):
        ours = (project / "models" / model).read_bytes()
        assert (weights / "models" / model).read_bytes() == ours

    for model in ("net", "tree.pkl"):
        place = weights / "models" / model
        assert verified(python, key, place, place.with_name(f"{model}.sig")) == ""
    net = weights / "models" / "net"
    (net / "a.txt").write_bytes(os.urandom(100))
    assert "mismatch" in verified(python, key, net, net.with_name("net.sig")).lower()


def test_a_pickle_is_named_and_refused_where_trust_toml_says_so(
    author: tuple[User, Path],
) -> None:
    user, project = author
    user.done("publish", "--yes", cwd=project)
    found = json.loads(user.done("inspect", "acme/two:1.0.0", "--json"))
    (unsafe,) = found["release"]["weights"]["tree"]["unsafe"]
    assert found["release"]["weights"]["net"]["unsafe"] == []
    assert unsafe.startswith("tree.pkl (pickle) runs code when it is loaded")
    assert "tests.contract.models.test_signing.Tree" in unsafe
    assert f"unsafe: {unsafe}" in user.done("inspect", "acme/two:1.0.0")

    rules = user.home / "config" / "trust.toml"
    rules.parent.mkdir(exist_ok=True)
    rules.write_text('[owners.acme]\nunsafe-models = "warn"\n')
    assert unsafe in user.algo("verify", "acme/two:1.0.0").stderr
    rules.write_text('[owners.acme]\nunsafe-models = "refuse"\n')
    for words in (["verify"], ["run", "-d", "1"], ["pull"]):
        error = user.refused(words[0], "acme/two:1.0.0", *words[1:])
        assert error["code"] == "policy_refused"
        assert "tree.pkl" in error["message"]
