from __future__ import annotations

import pytest
from algo.project.errors import BadName
from algo.scaffold.errors import TemplateBroken
from algo.scaffold.names import Variables, module_name, variables
from algo.scaffold.plan import PlannedFile, plan, render
from algo.scaffold.templates import SourceFile

WORDS = Variables("acme", "hand-digits", "hand_digits")


def test_a_template_file_is_rendered_and_loses_its_suffix() -> None:
    source = SourceFile("algo.toml.tmpl", b'name = "{{ owner }}/{{name}}"')
    assert plan([source], WORDS) == (PlannedFile("algo.toml", b'name = "acme/hand-digits"'),)


def test_any_other_file_is_taken_as_it_is() -> None:
    source = SourceFile("ci.yml", b"key: ${{ secrets.KEY }} \xff", executable=True)
    assert plan([source], WORDS) == (PlannedFile("ci.yml", source.content, executable=True),)


def test_a_leading_dot_is_spelled_out_in_each_part_of_a_path() -> None:
    files = [SourceFile("dot_github/workflows/a.yml", b""), SourceFile("dot_gitignore", b"")]
    assert [file.path for file in plan(files, WORDS)] == [".github/workflows/a.yml", ".gitignore"]


def test_a_path_may_name_a_variable() -> None:
    assert plan([SourceFile("src/{{module}}.py", b"")], WORDS)[0].path == "src/hand_digits.py"


def test_an_unknown_variable_is_an_error_with_its_line() -> None:
    with pytest.raises(TemplateBroken, match=r"README\.md\.tmpl:2 .*'versoin'"):
        plan([SourceFile("README.md.tmpl", b"{{ name }}\n{{ versoin }}")], WORDS)


@pytest.mark.parametrize("path", ["../a", "a/../../b", "/etc/passwd", "a//b", "./a"])
def test_a_path_outside_the_project_is_refused(path: str) -> None:
    with pytest.raises(TemplateBroken, match="outside"):
        plan([SourceFile(path, b"")], WORDS)


def test_two_files_of_one_path_are_refused() -> None:
    with pytest.raises(TemplateBroken, match="two files"):
        plan([SourceFile("a", b""), SourceFile("a.tmpl", b"")], WORDS)


def test_a_value_is_not_rendered_again() -> None:
    words = Variables("{{ name }}", "x", "x")
    assert render("{{ owner }}", words, "t") == "{{ name }}"


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("digits", "digits"),
        ("hand-digits", "hand_digits"),
        ("a--b.c__d", "a_b_c__d"),
        ("json", "algo_json"),
        ("3d-scan", "algo_3d_scan"),
        ("class", "algo_class"),
        ("sklearn", "algo_sklearn"),
        ("py", "algo_py"),
    ],
)
def test_the_module_of_a_name_can_be_imported_and_hides_nothing(name: str, module: str) -> None:
    assert module_name(name, reserved=("sklearn",)) == module


def test_a_module_does_not_end_in_what_its_language_reads_as_more() -> None:
    endings = ("_test", "_windows")
    assert module_name("ab-test", endings=endings) == "ab_test_algo"
    assert module_name("test", ("test",), endings) == "algo_test_algo"
    assert module_name("my-tests", endings=endings) == "my_tests"


@pytest.mark.parametrize("name", ["digits", "Acme/digits", "a/b/c", "a/-b", "a/", "a/b c", ""])
def test_a_name_that_no_registry_takes_is_refused(name: str) -> None:
    with pytest.raises(BadName):
        variables(name)
