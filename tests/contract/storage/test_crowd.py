"""Processes that publish and processes that remove, all at once, and nothing is lost."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from algo.publish.repository import RegistryRepository
from algo.registry.layout import LayoutStore
from algo.resources import user_folders
from algo.storage.held import Held
from algo.trust.keys import SigningKey
from algo.trust.verify import check_blobs

from tests.unit.trust.publishing import NAME, check, trusting

if TYPE_CHECKING:
    from pathlib import Path

KEY = SigningKey.generate()
PRUNERS = 2


def environment(home: Path) -> dict[str, str]:
    # No engine: images that others loaded into it are not for this test to remove.
    return {**os.environ, "ALGO_HOME": str(home), "DOCKER_HOST": f"unix://{home}/absent.sock"}


def publisher(home: Path, key: Path, number: int, count: int) -> subprocess.Popen[bytes]:
    words = [str(home), str(key), str(number), str(count)]
    command = [sys.executable, "-m", "tests.contract.storage.publisher", *words]
    return subprocess.Popen(command, env=environment(home), stderr=subprocess.PIPE)


def prune(home: Path, *words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "algo", "cache", "prune", *words, "--json"]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment(home), stdout=pipe, stderr=pipe)


def finished(process: subprocess.Popen[bytes]) -> bytes:
    """Return what the process printed; it must have done well."""
    out, err = process.communicate()
    assert process.returncode == 0, err.decode()
    return out


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key.pem"
    path.write_text(KEY.pem())
    return path


def verified(home: Path) -> set[str]:
    """Read every version whole; return which there are."""
    store = LayoutStore(user_folders(str(home)).store, held=Held())
    for tag in store.tags(NAME):
        there = store.resolve(NAME, tag)
        assert there is not None
        found = check(store, there.digest, trusting(KEY.public), version=tag)
        check_blobs(RegistryRepository(store, NAME), found)
    return set(store.tags(NAME))


@pytest.mark.parametrize("count", [4, pytest.param(60, marks=pytest.mark.slow)])
def test_eight_processes_that_publish_and_prune_lose_nothing(
    tmp_path: Path, key: Path, count: int
) -> None:
    home = tmp_path / "home"
    publishers = [publisher(home, key, number, count) for number in range(8 - PRUNERS)]
    removed = 0
    while any(one.poll() is None for one in publishers):
        for one in [prune(home, "--all") for _ in range(PRUNERS)]:
            removed += len(json.loads(finished(one))["removed"])
    for one in publishers:
        finished(one)
    wanted = {
        f"{number}.{version}.0" for number in range(len(publishers)) for version in range(count)
    }
    assert verified(home) == wanted
    removed += len(json.loads(finished(prune(home, "--all")))["removed"])
    # The layer of each version's code at least, which nobody uses in the cache any more.
    assert removed >= len(wanted)
    assert verified(home) == wanted
    left = json.loads(finished(prune(home, "--all", "--dry-run")))
    assert left["removed"] == left["stayed"] == []


@pytest.mark.parametrize("kills", [4, pytest.param(60, marks=pytest.mark.slow)])
def test_processes_that_are_killed_at_any_moment_leave_a_sound_store(
    tmp_path: Path, key: Path, kills: int
) -> None:
    home = tmp_path / "home"
    dice = random.Random(4)
    started = time.monotonic()
    finished(publisher(home, key, 0, 3))
    whole = time.monotonic() - started
    published = {"0.0.0", "0.1.0", "0.2.0"}
    for number in range(1, kills + 1):
        killed = publisher(home, key, number, 1000)
        cleaner = prune(home, "--all")
        with pytest.raises(subprocess.TimeoutExpired):
            killed.wait(dice.uniform(whole / 4, whole))
        for one in (killed, cleaner):
            one.kill()
            one.communicate()
        found = verified(home)
        assert published <= found
        published = found
    finished(publisher(home, key, kills + 1, 1))
    finished(prune(home, "--all"))
    assert verified(home) == published | {f"{kills + 1}.0.0"}
