"""What a name of a template stands for."""

from __future__ import annotations

import pytest
from algo.resources import data_folder
from algo.scaffold.errors import TemplateUnknown
from algo.scaffold.templates import load_template, template_names
from algo.scaffold.wishes import meant, nearest

OURS = data_folder("scaffolds")
KNOWN = template_names(OURS)


@pytest.mark.parametrize(
    ("name", "template"),
    [
        ("sklearn", "python/sklearn"),
        ("knn", "go/knn"),
        ("ruby", "ruby/minimal"),
        ("go/knn", "go/knn"),
    ],
)
def test_a_name_that_is_clear_is_taken(name: str, template: str) -> None:
    assert meant(name, KNOWN) == (template,)
    assert load_template(OURS, name).name == template


def test_a_name_that_several_languages_have_is_told_with_all_of_them() -> None:
    with pytest.raises(TemplateUnknown, match="several languages: javascript/onnx, python/onnx"):
        load_template(OURS, "onnx")
    with pytest.raises(TemplateUnknown) as caught:
        load_template(OURS, "minimal", command="algo init acme/x")
    assert caught.value.hint == "algo init acme/x --template python/minimal"


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("sklaern", "python/sklearn"),
        ("python/sklern", "python/sklearn"),
        ("pytho/minimal", "python/minimal"),
        ("py/sklern", "python/sklearn"),
        ("js/minimal", "javascript/minimal"),
        ("js", "javascript/minimal"),
        ("ts/text", "typescript/text"),
        ("rs/tree", "rust/tree"),
        ("rb", "ruby/minimal"),
        ("golang", "go/minimal"),
        ("golang/knn", "go/knn"),
        ("kotlin/sklearn", "python/sklearn"),
        ("Python/SKLearn", "python/sklearn"),
        ("go/x", "go/minimal"),
        ("simliarity", "ruby/similarity"),
        ("r/text", "r/minimal"),
        ("kotlin", ""),
        ("", ""),
        ("/", ""),
        ("x", ""),
    ],
)
def test_the_nearest_is_of_the_language_that_seems_to_be_named(name: str, near: str) -> None:
    assert not meant(name, KNOWN)
    assert nearest(name, KNOWN) == near
