"""`schema.json`, read and refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from algo.project.declaration import FILE, read_declaration
from algo.project.errors import SchemaInvalid

if TYPE_CHECKING:
    from pathlib import Path


def test_a_project_without_the_file_declares_nothing(tmp_path: Path) -> None:
    assert read_declaration(tmp_path) == {}


def test_each_side_has_the_definitions_of_both(tmp_path: Path) -> None:
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": {"Point": {"type": "array", "items": {"type": "number"}}},
        "input": {"$ref": "#/$defs/Point"},
        "output": {"type": "string"},
    }
    (tmp_path / FILE).write_text(json.dumps(document))
    assert read_declaration(tmp_path) == {
        "input": {"$ref": "#/$defs/Point", "$defs": document["$defs"]},
        "output": {"type": "string", "$defs": document["$defs"]},
    }


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            '{"input": {\n"type" 1}}',
            "schema.json:2:8 is not JSON: expecting ':' delimiter",
            "place",
        ),
        ("[]", "schema.json holds no object", '{"input"'),
        ('{"input": {"maximum": NaN}}', "schema.json holds NaN, which JSON does not have", "place"),
        (
            '{"input": {"type": "null", "type": "string"}}',
            "schema.json: the key 'type' stands twice in one object",
            "place",
        ),
        ('{"input": {"$defs": {"a/b": {}}}}', "schema.json: $defs has the name 'a/b'", "letters"),
        ('{"inptu": {}}', "schema.json has no key 'inptu'", "did you mean input?"),
        ('{"type": "object"}', "schema.json has no key 'type'", '{"input"'),
        ('{"input": "string"}', "schema.json: input holds no object", '{"input"'),
        (
            '{"input": {"properties": {"a": {"type": "int"}}}}',
            'schema.json: input.properties.a.type is "int", which is no type',
            "did you mean integer?",
        ),
        (
            '{"input": {"minimum": []}}',
            "schema.json: input.minimum is [], which is no number",
            "",
        ),
        (
            '{"input": {"items": {"pattern": "[a"}}}',
            "schema.json: input has the pattern '[a', which cannot be read: missing ]: [a",
            "RE2",
        ),
        (
            '{"output": {"patternProperties": {"(?=a)": {}}}}',
            "schema.json: output has the pattern '(?=a)', which cannot be read: "
            "invalid perl operator: (?=",
            "RE2",
        ),
        (
            '{"input": {"items": {"requried": ["a"]}}}',
            "schema.json: input has no keyword 'requried'",
            "did you mean required?",
        ),
        (
            '{"input": {"unevaluatedProperties": false}}',
            "schema.json: input has unevaluatedProperties, which is not known here",
            "additionalProperties",
        ),
        (
            '{"input": {"$ref": "#/$defs/A"}}',
            "schema.json: input refers to '#/$defs/A', which is not there",
            "refer to #/$defs/NAME",
        ),
        (
            '{"input": {"$ref": "https://example.com/a.json"}, "$defs": {"B": {}}}',
            "schema.json: input refers to 'https://example.com/a.json', which is not there",
            "refer to #/$defs/B",
        ),
    ],
)
def test_what_is_no_schema_is_told_with_its_place(
    tmp_path: Path, text: str, message: str, hint: str
) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(SchemaInvalid) as caught:
        read_declaration(tmp_path)
    assert caught.value.message == message
    assert hint in caught.value.hint


def test_what_only_looks_like_a_keyword_is_none(tmp_path: Path) -> None:
    properties = {"$ref": {"type": "string"}, "pattern": {"enum": ["[a"]}, "type": True}
    document = {"input": {"properties": properties, "default": {"$ref": "x", "pattern": "[a"}}}
    (tmp_path / FILE).write_text(json.dumps(document))
    assert read_declaration(tmp_path) == document


def test_a_link_to_nowhere_and_a_folder_are_no_file(tmp_path: Path) -> None:
    (tmp_path / FILE).symlink_to(tmp_path / "gone")
    with pytest.raises(SchemaInvalid, match="no such file"):
        read_declaration(tmp_path)
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).mkdir()
    with pytest.raises(SchemaInvalid, match="is a directory"):
        read_declaration(tmp_path)


def test_keywords_that_nobody_knows_are_left_to_others(tmp_path: Path) -> None:
    document = {"input": {"x-unit": "kg", "readOnly": True}}
    (tmp_path / FILE).write_text(json.dumps(document))
    assert read_declaration(tmp_path) == document
