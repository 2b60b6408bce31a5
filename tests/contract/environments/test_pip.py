"""The package manager on the real uv and the real index."""

from __future__ import annotations

import hashlib
import os
import subprocess
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from algo.environments.compiling import Compiling
from algo.environments.errors import (
    HashMismatch,
    IndexUnreachable,
    InstallFailed,
    RequirementInvalid,
    Unsatisfiable,
)
from algo.environments.interpreters import this_interpreter
from algo.environments.pins import parse_pins, render_pins
from algo.environments.pip import Pip, targeting
from algo.environments.pylock import select
from algo.environments.requirements import Source
from algo.environments.uv import Uv
from algo.environments.virtualenv import ensure_environment
from algo.events import Warned, silent
from algo.project.lock import Lock, Pin, Target
from algo.resources import user_folders

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from algo.events import Event

AMD64 = Target("linux/amd64", "3.13")
ARM64 = Target("linux/arm64", "3.13")
PIP = Pip(os.environ)


def resolve(
    folder: Path, text: str, target: Target = AMD64, *, packages: Pip = PIP, **prefer: str
) -> tuple[Pin, ...]:
    path = folder / "requirements.in"
    path.write_text(text)
    return packages.resolve((Source(path),), target, wheels_only=True, prefer=prefer)


def tree(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_requirements_become_pins_with_hashes(tmp_path: Path) -> None:
    (pin,) = resolve(tmp_path, "six<1.17\n")

    assert (pin.name, pin.version) == ("six", "1.16.0")
    assert all(one.startswith("sha256:") and len(one) == 71 for one in pin.hashes)
    assert parse_pins(render_pins((pin,)), "text") == (pin,)


def test_locked_versions_are_preferred(tmp_path: Path) -> None:
    (pin,) = resolve(tmp_path, "six\n", six="1.16.0")

    assert pin.version == "1.16.0"


def test_a_hash_that_the_author_names_is_kept_to(tmp_path: Path) -> None:
    one = "sha256:8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254"

    assert resolve(tmp_path, f"six==1.16.0 --hash={one}\n")[0].hashes == (one,)
    with pytest.raises(HashMismatch, match=r"requirements\.in:1: no file of six 1\.16\.0"):
        resolve(tmp_path, f"six==1.16.0 --hash=sha256:{'0' * 64}\n")


def test_a_hash_of_a_file_for_another_platform_is_told_when_it_is_locked(tmp_path: Path) -> None:
    found = {target: told_hashes(tmp_path, target) for target in (AMD64, ARM64)}
    here, there = (AMD64, ARM64) if this_interpreter().platform == "linux/amd64" else (ARM64, AMD64)
    events: list[Event] = []
    telling = Pip(os.environ, notify=events.append)
    text = f"markupsafe==3.0.2 --hash={found[here]}\n"

    assert resolve(tmp_path, text, here, packages=telling)[0].hashes == (found[here],)
    assert events == []
    resolve(tmp_path, text, there, packages=telling)
    (warned,) = events
    assert isinstance(warned, Warned)
    assert f"of a file of markupsafe 3.0.2 for {there.platform} with Python 3.13" in warned.text
    with pytest.raises(HashMismatch, match=r"requirements\.in:1: no hash that is named") as told:
        resolve(tmp_path, f"markupsafe==3.0.2 --hash={found[there]}\n", here)
    assert found[here] in told.value.details


def told_hashes(folder: Path, target: Target) -> str:
    """Return the hash of the one wheel of markupsafe for `target`, as uv tells it."""
    compiling = Compiling(
        Uv(os.environ), folder, ["asked.in", *targeting(target)], {}, (), Unsatisfiable("no")
    )
    (folder / "asked.in").write_text("markupsafe==3.0.2\n")
    pins, _ = select(compiling.pylock("--only-binary", ":all:"), "it", target)
    return pins[0].hashes[0]


def test_a_contradiction_is_told_in_the_resolvers_words(tmp_path: Path) -> None:
    with pytest.raises(Unsatisfiable, match=r"requirements\.in cannot be met on") as caught:
        resolve(tmp_path, "six==99\n")
    assert "no version of six==99" in caught.value.details
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("text", ["foo bar baz\n", "six==\n"])
def test_a_line_that_is_no_requirement_is_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(RequirementInvalid) as caught:
        resolve(tmp_path, text)
    assert text.strip() in caught.value.details


def test_an_address_cannot_be_locked() -> None:
    with pytest.raises(RequirementInvalid, match="cannot be locked"):
        parse_pins("six @ https://example.com/six.whl\n", "requirements.in")


def test_an_index_that_does_not_answer_is_unreachable(tmp_path: Path) -> None:
    env = dict(os.environ) | {
        "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple",
        "UV_CACHE_DIR": str(tmp_path / "uv"),
        "UV_HTTP_RETRIES": "0",
    }
    with pytest.raises(IndexUnreachable, match="UV_DEFAULT_INDEX names it") as caught:
        resolve(tmp_path, "six\n", packages=Pip(env))
    assert caught.value.exit_code == 3
    with pytest.raises(IndexUnreachable, match=r"requirements\.in:2 names it"):
        resolve(tmp_path, "six\n--index-url http://127.0.0.1:9/simple\n", packages=Pip(env))


def test_a_repository_that_does_not_answer_is_unreachable(tmp_path: Path) -> None:
    with pytest.raises(IndexUnreachable, match=r"git repository https://127\.0\.0\.1:9/x\.git"):
        resolve(tmp_path, 'x @ git+https://127.0.0.1:9/x.git ; python_version > "3"\n')


def test_a_name_that_no_index_has_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(
        Unsatisfiable, match=r"requirements\.in:2: no package index has six-of-"
    ) as it:
        resolve(tmp_path, f"six\nsix-of-{uuid.uuid4()}\n")
    assert "correct the name" in it.value.hint


def test_packages_are_installed_for_another_processor(tmp_path: Path) -> None:
    pins = resolve(tmp_path, "msgspec==0.20.0\n", ARM64)
    PIP.install(pins, ARM64, tmp_path / "t")

    (library,) = (tmp_path / "t" / "msgspec").glob("*.so")
    assert "aarch64" in library.name
    assert not list((tmp_path / "t").rglob("*.pyc"))


def test_trees_of_two_caches_and_umasks_are_the_same(tmp_path: Path) -> None:
    pins = resolve(tmp_path, "pygments==2.19.2\nsix==1.17.0\n")
    before = os.umask(0o077)
    try:
        Pip(dict(os.environ) | {"UV_CACHE_DIR": str(tmp_path / "uv")}).install(
            pins, AMD64, tmp_path / "1"
        )
    finally:
        os.umask(before)
    PIP.install(pins, AMD64, tmp_path / "2")

    assert tree(tmp_path / "1") == tree(tmp_path / "2")
    assert (tmp_path / "1" / "bin" / "pygmentize").read_text().startswith("#!/usr/bin/env python3")


@pytest.mark.parametrize("way", ["install", "fill"])
def test_a_package_that_is_not_the_locked_one_is_refused(tmp_path: Path, way: str) -> None:
    pins = [replace(pin, hashes=("sha256:" + "0" * 64,)) for pin in resolve(tmp_path, "six\n")]

    with pytest.raises(HashMismatch) as caught:
        if way == "install":
            PIP.install(pins, AMD64, tmp_path / "t")
        else:
            _environment(tmp_path, pins)
    assert caught.value.exit_code == 4


def test_a_package_without_a_wheel_cannot_go_into_an_image(tmp_path: Path) -> None:
    path = tmp_path / "requirements.in"
    path.write_text("docopt==0.6.2\n")
    pins = PIP.resolve((Source(path),), AMD64, wheels_only=False, prefer={})

    with pytest.raises(InstallFailed, match="linux/amd64"):
        PIP.install(pins, AMD64, tmp_path / "t")


def test_the_environment_runs_what_was_locked(tmp_path: Path) -> None:
    root = _environment(tmp_path, resolve(tmp_path, "six==1.16.0\n"))
    done = subprocess.run(
        [root / "bin" / "python", "-c", "import six; print(six.__version__)"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "1.16.0\n"


def _environment(tmp_path: Path, pins: Sequence[Pin]) -> Path:
    host = this_interpreter()
    lock = Lock("", {Target(host.platform, host.minor): tuple(pins)}, {})
    folders = user_folders(str(tmp_path / "home"))
    return ensure_environment(lock, host, PIP, folders, tests=False, notify=silent).root
