from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from algo.environments.errors import Unsatisfiable
from algo.environments.explain import explained
from algo.environments.requirements import Source

if TYPE_CHECKING:
    from pathlib import Path

# As uv 0.8 and uv 0.13 word it.
OLD = """
  \N{MULTIPLICATION SIGN} No solution found when resolving dependencies:
  ╰─▶ Because flask==3.0.0 depends on jinja2>=3.1.2 and you require
      flask==3.0, we can conclude that you require jinja2>=3.1.2.
      And because you require jinja2<3, we can conclude that your
      requirements are unsatisfiable.
"""
NEW = """
error: No solution found when resolving dependencies
  cause: Because flask==3.0.0 depends on jinja2>=3.1.2 and you require flask==3.0, we can conclude \
that you require jinja2>=3.1.2.
         And because you require jinja2<3, we can conclude that your requirements are unsatisfiable.

hint: something else, of jinja2
"""
NO_VERSION = """
error: No solution found when resolving dependencies
  cause: Because there is no version of six==99 and you require six==99, we can conclude that your \
requirements are unsatisfiable.
"""


def explain(root: Path, text: str, said: str) -> Unsatisfiable:
    (root / "requirements.in").write_text(text)
    error = Unsatisfiable("requirements.in cannot be met on linux/amd64", details=said.strip())
    return explained(error, [Source(root / "requirements.in")])


@pytest.mark.parametrize("said", [OLD, NEW], ids=["0.8", "0.13"])
def test_a_contradiction_names_the_files_and_lines(tmp_path: Path, said: str) -> None:
    (tmp_path / "base.in").write_text("# old templates\njinja2<3\n")
    found = explain(tmp_path, "# web\nFlask==3.0\nsix\n-r base.in\n", said)

    assert found.message == (
        "requirements.in cannot be met on linux/amd64: requirements.in:2 and base.in:2 "
        "contradict each other"
    )
    assert found.details.splitlines() == [
        "requirements.in:2 wants Flask==3.0, which needs jinja2>=3.1.2",
        "base.in:2 wants jinja2<3",
    ]
    assert found.hint == "loosen base.in:2, then: algo lock"


def test_what_the_lines_do_not_say_is_left_in_the_resolvers_words(tmp_path: Path) -> None:
    found = explain(tmp_path, "six==99\n", NO_VERSION)

    assert found.details.splitlines() == [
        "requirements.in:1 wants six==99",
        "Because there is no version of six==99 and you require six==99, we can conclude that "
        "your requirements are unsatisfiable.",
    ]
    assert found.hint == "loosen requirements.in:1, then: algo lock"


@pytest.mark.parametrize("where", ["package registry", "provided package locations"])
def test_a_package_that_no_index_has_is_not_to_be_loosened(tmp_path: Path, where: str) -> None:
    said = (
        f"cause: Because numppy was not found in the {where} and you require numppy, we can "
        "conclude that your requirements are unsatisfiable."
    )
    found = explain(tmp_path, "six\nnumppy>1\n", said)

    assert found.message == "requirements.in:2: no package index has numppy"
    assert found.hint.startswith("correct the name in requirements.in:2, or name the index")


def test_a_package_that_another_one_needs_and_no_index_has_is_told_with_that_one(
    tmp_path: Path,
) -> None:
    said = (
        "cause: Because tool was not found in the package registry and web==1 depends on tool, we "
        "can conclude that web==1 cannot be used.\nAnd because you require web==1, we can conclude "
        "that your requirements are unsatisfiable."
    )
    found = explain(tmp_path, "web==1\n", said)

    assert found.message == "no package index has tool"
    assert found.details.startswith("requirements.in:1 wants web==1\n")
    assert found.hint == "name the index that has it (--extra-index-url URL), then: algo lock"


def test_a_dependency_between_is_not_lost(tmp_path: Path) -> None:
    said = (
        "cause: Because web==1 depends on tool>=2 and tool==2 depends on six<1, we can conclude "
        "that web==1 depends on six<1.\nAnd because you require web==1 and six>1, we can conclude "
        "that your requirements are unsatisfiable."
    )
    found = explain(tmp_path, "web==1\nsix>1\n", said)

    assert found.details.splitlines()[0] == "requirements.in:1 wants web==1, which needs tool>=2"
    assert "tool==2 depends on six<1" in found.details.splitlines()[2]


def test_words_that_name_no_line_stay_as_they_are(tmp_path: Path) -> None:
    found = explain(tmp_path, "six\n", "error: something else entirely")

    assert found.details == "error: something else entirely"
    assert found.hint == Unsatisfiable.hint


def test_a_pyproject_has_lines_too(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text('[project]\nname = "p"\ndependencies = [\n  "six==99",\n]\n')
    error = Unsatisfiable("pyproject.toml cannot be met", details=NO_VERSION.strip())

    assert explained(error, [Source(path)]).details.startswith("pyproject.toml:4 wants six==99\n")
