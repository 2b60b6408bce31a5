from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from algo.resources import data_folder
from algo.scaffold.errors import TemplateBroken, TemplateUnknown
from algo.scaffold.templates import choose_template, load_template, template_names

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("python/sklearn", "go/minimal", "python/minimal"):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "template.toml").write_text(f'description = "about {name}"\n')
        (folder / "a.txt").write_text(name)
    (tmp_path / "notes").mkdir()
    return tmp_path


def test_the_default_template_is_the_first_of_the_list(root: Path) -> None:
    assert template_names(root) == ("python/minimal", "go/minimal", "python/sklearn")


def test_a_templates_own_description_and_byte_code_are_not_among_its_files(root: Path) -> None:
    cache = root / "python" / "minimal" / "__pycache__"
    cache.mkdir()
    (cache / "a.pyc").write_bytes(b"")
    loaded = load_template(root, "python/minimal")
    assert [file.path for file in loaded.files] == ["a.txt"]
    assert loaded.description == "about python/minimal"


def test_an_unknown_template_gets_the_nearest_as_a_hint(root: Path) -> None:
    with pytest.raises(TemplateUnknown, match="there are: python/minimal") as raised:
        load_template(root, "python/sklern")
    assert raised.value.hint.endswith("--template python/sklearn")


@pytest.mark.parametrize(
    ("name", "hinted"), [("go/minimum", "go/minimal"), ("go/x", "go/minimal"), ("kotlin", "python")]
)
def test_the_nearest_template_is_one_of_the_language_that_was_named(
    root: Path, name: str, hinted: str
) -> None:
    with pytest.raises(TemplateUnknown) as raised:
        load_template(root, name)
    assert f"--template {hinted}" in raised.value.hint


def test_a_language_alone_is_its_smallest_template(root: Path) -> None:
    assert load_template(root, "go").name == "go/minimal"
    assert choose_template(root, lambda question: "go") == "go/minimal"


@pytest.mark.parametrize("name", ["../python", "notes", "python/minimal/..", "/etc/x", ""])
def test_a_name_that_leaves_the_folder_is_just_unknown(root: Path, name: str) -> None:
    with pytest.raises(TemplateUnknown):
        load_template(root, name)


@pytest.mark.parametrize("text", ["description = 3", "descr = 'x'", "description = ", ""])
def test_a_wrong_description_names_the_template(root: Path, text: str) -> None:
    (root / "python" / "minimal" / "template.toml").write_text(text)
    with pytest.raises(TemplateBroken, match="python/minimal"):
        load_template(root, "python/minimal")


@pytest.mark.parametrize(
    ("answer", "chosen"),
    [("", "python/minimal"), (" 3 ", "python/sklearn"), ("go/minimal", "go/minimal")],
)
def test_a_template_is_chosen_by_number_by_name_or_not_at_all(
    root: Path, answer: str, chosen: str
) -> None:
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return answer

    assert choose_template(root, ask) == chosen
    assert "  2  go/minimal      about go/minimal" in asked[0]


def listed(root: Path) -> list[str]:
    """Return the lines that a user is asked with."""
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return ""

    choose_template(root, ask)
    return asked[0].splitlines()


def test_the_list_fits_a_terminal_of_80_columns(root: Path) -> None:
    for number in range(8):
        folder = root / "perl" / f"t{number}"
        folder.mkdir(parents=True)
        (folder / "template.toml").write_text(f'description = "{"about it " * 12}"\n')
    lines = listed(root)
    assert max(map(len, lines)) < 80
    column = lines[1].index("about")
    assert {line.index("about") for line in lines[1:-1]} == {column}


def test_ours_take_a_line_each() -> None:
    ours = data_folder("scaffolds")
    assert len(listed(ours)) == len(template_names(ours)) + 2


@pytest.mark.parametrize("answer", ["0", "4", "x", "-1", "²"])
def test_an_answer_that_is_neither_is_refused(root: Path, answer: str) -> None:
    with pytest.raises(TemplateUnknown, match="1 to 3"):
        choose_template(root, lambda question: answer)


@pytest.mark.parametrize(
    ("answer", "meant"),
    [("pyton", "python/minimal"), ("python/skleran", "python/sklearn"), ("golang/minimal", "go/")],
)
def test_an_answer_that_is_nearly_a_template_is_told_with_it(
    root: Path, answer: str, meant: str
) -> None:
    with pytest.raises(TemplateUnknown) as caught:
        choose_template(root, lambda question: answer)
    assert f"--template {meant}" in caught.value.hint


def test_a_folder_without_template_toml_is_told_by_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "more" / "perl" / "scaffolds" / "minimal"
    folder.mkdir(parents=True)
    with pytest.raises(TemplateBroken, match=r"perl/minimal has no template\.toml") as caught:
        load_template(tmp_path / "none", "perl/minimal", [tmp_path / "more"])
    assert str(folder) in caught.value.hint
    (folder / "template.toml").write_text("next = 3\n")
    with pytest.raises(TemplateBroken) as caught:
        load_template(tmp_path / "none", "perl/minimal", [tmp_path / "more"])
    assert caught.value.hint == f"correct {folder / 'template.toml'}"
