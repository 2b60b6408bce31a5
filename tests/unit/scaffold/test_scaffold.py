from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from algo.resources import data_folder
from algo.scaffold.scaffold import scaffold

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "template", "file"),
    [
        ("ab-test", "go/minimal", "src/ab_test_algo.go"),
        ("my-windows", "go/minimal", "src/my_windows_algo.go"),
        ("on-arm64", "go/knn", "src/on_arm64_algo.go"),
        ("test", "go/minimal", "src/algo_test_algo.go"),
        ("func", "go/minimal", "src/algo_func.go"),
        ("internal", "go/minimal", "src/algo_internal.go"),
        ("windows", "go/minimal", "src/windows.go"),
        ("fn", "rust/minimal", "src/algo_fn.rs"),
        ("crate", "rust/tree", "src/algo_crate.rs"),
        ("float", "java/minimal", "src/main/java/algo_float/Greeting.java"),
        ("given", "scala/minimal", "src/main/scala/algo_given/Greeting.scala"),
        ("ab-test", "javascript/minimal", "src/ab_test.js"),
    ],
)
def test_a_module_has_a_name_that_its_language_can_have(
    name: str, template: str, file: str, tmp_path: Path
) -> None:
    assert file in scaffold(f"acme/{name}", template, tmp_path, data_folder("scaffolds")).files


def test_a_module_of_go_is_not_one_that_nobody_else_may_import(tmp_path: Path) -> None:
    made = scaffold("acme/internal", "go/minimal", tmp_path, data_folder("scaffolds"))
    assert "module example.com/acme/algo_internal\n" in (made.folder / "go.mod").read_text()


def test_a_folder_of_languages_may_have_templates_alone(tmp_path: Path) -> None:
    folder = tmp_path / "more" / "cobol" / "scaffolds" / "minimal"
    folder.mkdir(parents=True)
    (folder / "template.toml").write_text('description = "greets"\n')
    (folder / "{{module}}.cob").write_text("")
    more = (tmp_path / "more",)
    made = scaffold("acme/hello", "cobol/minimal", tmp_path, data_folder("scaffolds"), more=more)
    assert made.files == ("hello.cob",)
