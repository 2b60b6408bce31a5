"""The wheel holds the command line, the runtimes and the scaffolds, and nothing more."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    from uv import find_uv_bin

    folder = tmp_path_factory.mktemp("wheel")
    command = [find_uv_bin(), "build", "--wheel", "--quiet", "--out-dir", str(folder)]
    subprocess.run([*command, "--python", sys.executable, str(ROOT)], check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def tracked(*folders: str) -> set[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *folders]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return {line for line in listed.stdout.splitlines() if (ROOT / line).is_file()}


def test_the_shipped_data_is_what_git_tracks(wheel_names: set[str]) -> None:
    data = {name.removeprefix("algo/_data/") for name in wheel_names if "/_data/" in name}
    assert data == tracked("runtimes", "scaffolds")


def test_the_wheel_holds_the_package_with_its_types_and_no_tests(wheel_names: set[str]) -> None:
    package = {name for name in wheel_names if name.startswith("algo/") and "/_data/" not in name}
    assert package == {name.removeprefix("cli/") for name in tracked("cli")}
    assert "algo/py.typed" in package
    rest = {name.split("/")[0] for name in wheel_names} - {"algo"}
    assert all(name.endswith(".dist-info") for name in rest)
