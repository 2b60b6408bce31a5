from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from algo.environments.conda.lockfile import locked, parse
from algo.environments.conda.names import build_of, channel_of
from algo.project.errors import LockInvalid

if TYPE_CHECKING:
    from pathlib import Path

HASH = "a" * 64
TEXT = f"""\
version: 1
metadata:
  content_hash: {{linux-64: x}}
  channels: [{{url: conda-forge, used_env_vars: []}}]
  platforms: [linux-64]
  sources: [environment.yml]
package:
- name: numpy
  version: '1.26'
  manager: conda
  platform: linux-64
  dependencies: {{python: '>=3.11'}}
  url: https://conda.anaconda.org/conda-forge/linux-64/numpy-1.26-py311_0.conda
  hash: {{md5: {"b" * 32}, sha256: {HASH}}}
  category: main
  optional: false
"""


def test_a_package_becomes_a_pin_without_an_address(tmp_path: Path) -> None:
    (package,) = parse(TEXT).of("linux-64")
    pin = package.pin(tmp_path)

    assert (pin.name, pin.version, pin.build) == ("numpy", "1.26", "py311_0")
    assert (pin.kind, pin.source, pin.hashes) == ("conda", "conda-forge", (f"sha256:{HASH}",))


def test_names_of_channels_hold_neither_address_nor_secret() -> None:
    url = "https://user:pass@host/t/secret/get/private/linux-64/x-y-1.0-h1_0.tar.bz2"

    assert channel_of(url) == "private"
    assert build_of(url) == "h1_0"


def test_another_package_than_the_locked_one_is_refused(tmp_path: Path) -> None:
    (package,) = parse(TEXT).of("linux-64")
    pin = package.pin(tmp_path)
    (tmp_path / "conda-lock.yml").write_text(TEXT.replace(HASH, "c" * 64))

    with pytest.raises(LockInvalid, match="another numpy for linux-64"):
        locked([pin], "linux-64")


def test_a_lock_without_its_file_is_told(tmp_path: Path) -> None:
    (package,) = parse(TEXT).of("linux-64")

    for origin in (None, tmp_path):
        with pytest.raises(LockInvalid, match=r"there is no conda-lock\.yml"):
            locked([replace(package.pin(), origin=origin)], "linux-64")


@pytest.mark.parametrize(
    "text", ["", "version: 2\nmetadata: {}\n", "version: [", TEXT.replace("version: '1.26'", "")]
)
def test_what_is_no_conda_lock_is_told(text: str) -> None:
    with pytest.raises(LockInvalid, match=r"conda-lock\.yml"):
        parse(text)


def test_a_package_without_a_sha256_is_not_locked() -> None:
    (package,) = parse(TEXT.replace(f", sha256: {HASH}", "")).of("linux-64")

    with pytest.raises(LockInvalid, match="no SHA-256 of numpy"):
        package.pin()
