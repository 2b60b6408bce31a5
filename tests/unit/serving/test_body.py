from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from algo.serving.body import Body, Given, read_body
from algo.serving.errors import InputInvalid


def body(given: Given, cwd: Path = Path(), stdin: bytes = b"") -> Body:
    return read_body(given, cwd, lambda: stdin)


def test_data_is_json_as_it_was_written() -> None:
    assert body(Given(data='{"a": 1}')) == Body(b'{"a": 1}')


def test_a_key_that_comes_twice_is_a_list_as_in_a_form() -> None:
    assert body(Given(pairs=["xs=4", "a=1", "xs=five"])).content == b'{"xs":[4,"five"],"a":1}'


def test_pairs_are_json_when_they_parse_and_text_else() -> None:
    pairs = ["n=3", "name=Ada", "list=[1, 2]", "empty=", "sum=1=1", "flag=true"]
    expected = b'{"n":3,"name":"Ada","list":[1,2],"empty":"","sum":"1=1","flag":true}'
    assert body(Given(pairs=pairs)).content == expected


def test_at_reads_a_file(tmp_path: Path) -> None:
    (tmp_path / "scan.json").write_text("[1, 2]")
    (tmp_path / "note.txt").write_text("hello you")
    assert body(Given(data="@scan.json"), tmp_path).content == b"[1, 2]"
    pairs = ["scan=@scan.json", "note=@note.txt"]
    assert body(Given(pairs=pairs), tmp_path).content == b'{"scan":[1,2],"note":"hello you"}'


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.json", b"{}", "application/json"),
        ("a", b"[1]", "application/json"),
        ("a", b"plain words", "text/plain; charset=utf-8"),
        ("a.txt", b"1", "text/plain; charset=utf-8"),
        ("a", b"\xff\x00", "application/octet-stream"),
        ("a.png", b"\x89PNG", "image/png"),
    ],
)
def test_a_file_is_sent_as_what_it_is(tmp_path: Path, name: str, content: bytes, kind: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert body(Given(file=name), tmp_path) == Body(content, kind)


def test_standard_input_is_guessed_too() -> None:
    assert body(Given(stdin=True), stdin=b"41\n") == Body(b"41\n")
    assert body(Given(stdin=True), stdin=b"words").content_type.startswith("text/plain")


def test_standard_input_goes_wherever_a_file_does(tmp_path: Path) -> None:
    assert body(Given(data="@-"), stdin=b"[1, 2]") == Body(b"[1, 2]")
    assert body(Given(file="-"), stdin=b"\xff").content_type == "application/octet-stream"
    assert body(Given(pairs=["a=@-", "b=2"]), stdin=b"one").content == b'{"a":"one","b":2}'
    (tmp_path / "-").write_text("3")
    assert body(Given(data="@./-"), tmp_path, b"4").content == b"3"
    with pytest.raises(InputInvalid, match="read once"):
        body(Given(pairs=["a=@-", "b=@-"]), stdin=b"one")


def test_what_is_no_json_on_standard_input_is_told_as_from_there() -> None:
    with pytest.raises(InputInvalid, match="standard input is not JSON") as caught:
        body(Given(data="@-"), stdin=b"words")
    assert caught.value.hint == "send it as what it is: - in place of -d @-"
    with pytest.raises(InputInvalid) as caught:
        body(Given(data="-"))
    assert caught.value.hint == "for standard input: -d @-"


def test_of_a_file_that_is_not_there_the_next_command_shows_which_are(tmp_path: Path) -> None:
    for name in ("missing.json", "no/such/folder.json"):
        with pytest.raises(InputInvalid, match="cannot be read") as caught:
            body(Given(data=f"@{name}"), tmp_path)
        assert caught.value.hint == f"ls {tmp_path}"
    (tmp_path / "a").mkdir()
    with pytest.raises(InputInvalid, match="directory") as caught:
        body(Given(file="a"), tmp_path)
    assert caught.value.hint == f"ls -ld {tmp_path / 'a'}"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (Given(), "no input"),
        (Given(data="1", stdin=True), "several ways"),
        (Given(data="{oops"), "not JSON"),
        (Given(data="@missing.json"), "cannot be read"),
        (Given(file="missing.bin"), "cannot be read"),
        (Given(pairs=["oops"]), "KEY=VALUE"),
        (Given(pairs=["=1"]), "KEY=VALUE"),
    ],
)
def test_bad_input_is_named(given: Given, words: str) -> None:
    with pytest.raises(InputInvalid, match=words):
        body(given)


@pytest.mark.parametrize(
    "text", ["hello", 'hello "w"', "it's", "C:\\temp", "é", "NaN", "1e400", "two\nlines"]
)
def test_text_that_is_no_json_comes_with_what_the_shell_takes(text: str) -> None:
    with pytest.raises(InputInvalid) as caught:
        body(Given(data=text))
    option, quoted = shlex.split((caught.value.hint or "").partition(": ")[2])
    assert option == "-d"
    assert json.loads(body(Given(data=quoted)).content) == text


@pytest.mark.parametrize(
    ("text", "place"),
    [("{'a':1}", "column 2"), ('{"a": 1', "column 8"), ("[1,\n x]", "line 2, column 2")],
)
def test_json_that_breaks_is_told_where(text: str, place: str) -> None:
    with pytest.raises(InputInvalid, match=place) as caught:
        body(Given(data=text))
    assert "quote text" not in (caught.value.hint or "")


def test_a_file_of_text_is_to_be_sent_as_a_file(tmp_path: Path) -> None:
    (tmp_path / "a b.txt").write_text("hello")
    with pytest.raises(InputInvalid, match=r"a b\.txt is not JSON") as caught:
        body(Given(data="@a b.txt"), tmp_path)
    assert (caught.value.hint or "").endswith("algo run -D 'a b.txt'")


def test_binary_does_not_go_into_json(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"\xff")
    with pytest.raises(InputInvalid, match="binary"):
        body(Given(pairs=["a=@a.bin"]), tmp_path)
