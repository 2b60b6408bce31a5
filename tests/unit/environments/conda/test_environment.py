from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from algo.environments.conda.environment import CondaEnvironment
from algo.environments.conda.yaml import load
from algo.environments.errors import RequirementInvalid

if TYPE_CHECKING:
    from pathlib import Path

WITH_PIP = """\
name: p
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python=3.12  # the newest that all of us have
  - mkl  # [linux64]
  - pip:
      - six
      - -r more.txt
      - winregistry  # [win]
  - numpy
"""


def read(folder: Path, text: str) -> CondaEnvironment:
    path = folder / "environment.yml"
    path.write_text(text)
    return CondaEnvironment.read(path)


def test_conda_gets_the_file_without_its_pip_section(tmp_path: Path) -> None:
    text = read(tmp_path, WITH_PIP).for_conda(["conda-forge"])

    assert "  - mkl  # [linux64]\n" in text
    assert load(text, "")["dependencies"] == ["python=3.12", "mkl", "pip", "numpy"]


@pytest.mark.parametrize(
    ("dependencies", "wanted"),
    [
        ("[python, {pip: [six]}, numpy]", ["python", "pip", "numpy"]),
        ("\n- pip=24\n- pip:\n  - six", ["pip=24"]),
        ("\n- pip-tools\n- pip:\n  - six\n- pip:\n  - attrs", ["pip-tools", "pip"]),
        ("\n- pip:\n  - six  # the last line has no end", ["pip"]),
    ],
)
def test_pip_itself_is_asked_for_once(tmp_path: Path, dependencies: str, wanted: list[str]) -> None:
    text = read(tmp_path, f"channels: [x]\ndependencies: {dependencies}").for_conda(["x"])

    assert load(text, "")["dependencies"] == wanted


def test_pip_gets_the_lines_of_its_platform(tmp_path: Path) -> None:
    environment = read(tmp_path, WITH_PIP)

    assert environment.for_pip("linux-64", tmp_path) == ("six", f"-r {tmp_path}/more.txt")
    assert environment.channels == ("conda-forge",)


def test_channels_of_the_user_stand_in_where_the_file_names_none(tmp_path: Path) -> None:
    text = read(tmp_path, "dependencies:\n- numpy\nchannels:\n").for_conda(["mine", "conda-forge"])

    assert load(text, "") == {"dependencies": ["numpy"], "channels": ["mine", "conda-forge"]}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("dependencies: {", "is no YAML"),
        ("- numpy", "has no list of dependencies"),
        ("name: p\n", "has no list of dependencies"),
        ("dependencies:\n- npm: [left-pad]\n", "is no requirement"),
        ("dependencies:\n- pip:\n  - -e .\n", "cannot be locked"),
        ("dependencies:\n- pip:\n  - ./lost\n", r"\(pip\): there is no \./lost"),
        ("dependencies:\n- pip:\n  - git+https://x.example/y\n", "cannot be locked"),
    ],
)
def test_what_is_no_environment_is_told(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(RequirementInvalid, match=reason) as caught:
        read(tmp_path, text)
    assert caught.value.exit_code == 2
