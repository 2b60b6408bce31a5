"""A version published by the command itself, in each kind of registry."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.machine import registries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Engine

ALGO = str(Path(sys.executable).with_name("algo"))
NAME = "acme/hello"


@dataclass(frozen=True, slots=True)
class User:
    """Somebody with folders of their own; only the cache is shared."""

    home: Path

    @classmethod
    def at(cls, home: Path, cache: Path) -> User:
        home.mkdir()
        (home / "cache").symlink_to(cache, target_is_directory=True)
        return cls(home)

    def algo(
        self, *words: str, cwd: Path | None = None, within: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run a command, below another one when it is given."""
        env = {**os.environ, "ALGO_HOME": str(self.home), "ALGO_ENGINE": "virtualenv"}
        command = [*within, ALGO, *words]
        return subprocess.run(
            command,
            cwd=cwd or self.home,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def done(self, *words: str, cwd: Path | None = None, within: tuple[str, ...] = ()) -> str:
        ran = self.algo(*words, cwd=cwd, within=within)
        assert ran.returncode == 0, f"{words}: {ran.stderr}"
        return ran.stdout

    def refused(self, *words: str) -> dict[str, Any]:
        """Run what must end with exit code 4 and return its error."""
        ran = self.algo(*words, "--json")
        assert ran.returncode == 4, f"{words}: {ran.returncode}: {ran.stdout} {ran.stderr}"
        error: dict[str, Any] = json.loads(ran.stdout)["error"]
        return error


@dataclass(frozen=True, slots=True)
class RealRegistry:
    """A registry of a kind, and the file in which it keeps a blob."""

    kind: str
    address: str
    folder: Path

    def blob(self, digest: str) -> Path:
        hexadecimal = digest.removeprefix("sha256:")
        if self.kind == "referrers":
            return self.folder / "blobs" / "sha256" / hexadecimal
        blobs = self.folder / "storage" / "docker" / "registry" / "v2" / "blobs" / "sha256"
        return blobs / hexadecimal[:2] / hexadecimal / "data"


@dataclass(frozen=True, slots=True)
class Publication:
    """What `algo publish --json` said, who published it, and the project."""

    author: User
    key: Path
    project: Path
    document: dict[str, Any]

    @property
    def reference(self) -> str:
        return str(self.document["reference"])

    @property
    def pinned(self) -> str:
        return f"{self.reference.rpartition(':')[0]}@{self.document['digest']}"


@pytest.fixture(scope="session", params=["docker", "referrers"])
def real_registry(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealRegistry]:
    # The session's fixtures bring the programs, or say why there are none.
    request.getfixturevalue(f"{request.param}_registry")
    folder = tmp_path_factory.mktemp(request.param)
    serve = {
        "docker": registries.docker_registry,
        "referrers": registries.referrers_registry,
    }[request.param]
    with serve(folder) as address:
        yield RealRegistry(request.param, address, folder)


@pytest.fixture(scope="session")
def author(
    engine: Engine, session_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[User, Path]:
    """Somebody with a key and a project; the engine builds the runtime image."""
    folder = tmp_path_factory.mktemp("author")
    user = User.at(folder / "home", session_cache)
    user.done("init", NAME, cwd=folder)
    user.done("keys", "create")
    return user, folder / "hello"


@pytest.fixture(scope="session")
def published(author: tuple[User, Path], real_registry: RealRegistry) -> Publication:
    """`acme/hello:1.0.0` in the registry; tests that change it publish a name of their own."""
    return publish(author, real_registry, NAME)


def publish(author: tuple[User, Path], registry: RealRegistry, name: str) -> Publication:
    """Publish the author's project as `name`, without a trace of earlier publishing."""
    user, project = author
    manifest = project / "algo.toml"
    before = manifest.read_text()
    manifest.write_text(before.replace(f'name = "{NAME}"', f'name = "{name}"'))
    told = user.done(
        "publish", "--to", f"{registry.address}/{name}", "--yes", "--json", cwd=project
    )
    manifest.write_text(before)
    key = user.home / "algo.pub"
    key.write_text(user.done("keys", "export"))
    return Publication(user, key, project, json.loads(told))


@pytest.fixture
def stranger(tmp_path: Path, session_cache: Path) -> User:
    """Somebody on another machine who has never seen the key."""
    return User.at(tmp_path / "stranger", session_cache)


@pytest.fixture
def friend(stranger: User, published: Publication) -> User:
    """Somebody on another machine who trusts the author's key."""
    stranger.done("keys", "trust", str(published.key))
    return stranger
