"""Requirements that name a place are refused before the place is asked for anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from algo.environments.direct import refuse_direct
from algo.environments.errors import RequirementInvalid
from algo.environments.requirements import Source

if TYPE_CHECKING:
    from pathlib import Path


def refused(root: Path, text: str) -> RequirementInvalid:
    (root / "requirements.in").write_text(f"# mine\nsix\n{text}\n")
    with pytest.raises(RequirementInvalid) as raised:
        refuse_direct([Source(root / "requirements.in")])
    return raised.value


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("git+https://git.example.com/x.git", "git+https://git.example.com/x.git"),
        ("x[a] @ git+ssh://git@example.com/x@v1", "git+ssh://example.com/x@v1"),
        (
            "x @ https://example.com/x-1-py3-none-any.whl",
            "https://example.com/x-1-py3-none-any.whl",
        ),
        ("-e ./pkg", "./pkg"),
        ("--editable=./pkg[a]", "'./pkg[a]'"),
        ("./pkg  # a comment", "./pkg"),
        ("pkg/", "pkg/"),
        ("x-1.tar.gz", "x-1.tar.gz"),
    ],
)
def test_an_address_or_a_folder_is_told_with_its_line_and_what_to_do(
    tmp_path: Path, text: str, asked: str
) -> None:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "x-1.tar.gz").touch()
    error = refused(tmp_path, text)
    assert error.message.startswith("requirements.in:3: ")
    assert error.message.endswith("cannot be locked")
    assert error.hint.startswith(f"python3 -m pip wheel --no-deps -w wheels {asked}, and in")


def test_credentials_in_an_address_are_not_told(tmp_path: Path) -> None:
    error = refused(tmp_path, "git+https://ada:secret@git.example.com/x.git")
    assert "secret" not in error.message + error.hint + error.details


@pytest.mark.parametrize("text", ["./lost", "x @ file:///lost/x-1-py3-none-any.whl", "lost.whl"])
def test_a_path_that_is_not_there_is_told_as_such(tmp_path: Path, text: str) -> None:
    assert "requirements.in:3: there is no " in refused(tmp_path, text).message


@pytest.mark.parametrize("text", ["-e .", ".", "-e ./", "-e .[test]"])
def test_the_project_itself_need_not_be_required(tmp_path: Path, text: str) -> None:
    error = refused(tmp_path, text)
    assert error.hint.startswith(f"take {text!r} out, as what is in src/ can be imported as it is")


def test_names_options_and_what_is_for_some_machines_alone_pass(tmp_path: Path) -> None:
    text = """six
numpy[extra]>=2,<3 ; python_version < "3.14"
--find-links ./wheels
-f https://example.com/wheels
--extra-index-url=https://example.com/simple
-c constraints.txt
x @ https://example.com/x-1-py3-none-any.whl ; sys_platform == "win32"
torch==2.5 --hash=sha256:aa
"""
    (tmp_path / "constraints.txt").write_text("six<2\n")
    (tmp_path / "requirements.in").write_text(text)
    refuse_direct([Source(tmp_path / "requirements.in")])
