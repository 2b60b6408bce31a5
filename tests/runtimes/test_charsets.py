"""Text and JSON in another charset than UTF-8: the gateway makes one of it, for every runner."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from algo_gateway.calls.call import Failure
from algo_gateway.files.charsets import recoded

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtimes.conftest import GatewayProcess

    Start = Callable[..., GatewayProcess]

ECHO = "def apply(value):\n    return {'got': value}\n"


@pytest.mark.parametrize(
    ("kind", "body", "left"),
    [
        ("text/plain; charset=latin1", "é".encode("latin-1"), "text/plain"),
        ('text/plain; Charset="Windows-1252"', "€".encode("cp1252"), "text/plain"),
        (
            "TEXT/csv;charset=Shift_JIS;header=present",
            "日".encode("sjis"),
            "TEXT/csv; header=present",
        ),
        ("text/plain; format=flowed; charset=koi8-r", "ж".encode("koi8-r"), None),
        ("application/json; charset=utf-16", '"é"'.encode("utf-16"), "application/json"),
        ("application/vnd.it+json;charset=UTF-16BE", b"\0[\0]", "application/vnd.it+json"),
        ("application/json; charset=UTF8", '"é"'.encode(), "application/json"),
    ],
)
def test_text_is_utf8_and_its_type_says_nothing_else(
    kind: str, body: bytes, left: str | None
) -> None:
    named = kind.lower().partition("charset=")[2].partition(";")[0].strip('"')
    expected = body.decode(named).encode()
    assert recoded(kind, body) == (left or "text/plain; format=flowed", expected)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain", b"\xff"),
        ("text/plain; charset", b"\xff"),
        ('text/plain; note="charset=latin1"', b"\xff"),
        ("text/plain; charset=utf-8", b"\xff"),  # the runner tells where
        ("application/octet-stream; charset=latin1", b"\xff"),
        ("application/xml; charset=latin1", b"\xff"),
    ],
)
def test_what_is_no_text_or_utf8_is_left_as_it_is(kind: str, body: bytes) -> None:
    assert recoded(kind, body)[1] == body


@pytest.mark.parametrize(
    "name",
    # Codecs of Python that are no charset, and what is no name.
    [
        *("klingon", "base64", "rot13", "hex", "zlib", "punycode", "idna", "undefined", "utf-7"),
        *("unicode_escape", "Raw-Unicode-Escape", "../latin1", "latin1\0", "x" * 200, "é"),
    ],
)
def test_a_charset_that_is_not_known_is_told_with_what_to_send(name: str) -> None:
    with pytest.raises(Failure) as caught:
        recoded(f'text/plain; charset="{name}"', b"YWJj")
    assert (caught.value.status, caught.value.code) == (415, "unknown_charset")
    assert repr(name[:100]) in caught.value.message
    assert "UTF-8" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "body", "told"),
    [
        ("us-ascii", b"ab\xff", "at byte 2"),
        ("utf-16", b"\0", "at byte 0"),
        ("utf-32", b"abcdefgh", "at byte 0"),
        ("shift_jis", b"a\x80", "at byte 1"),
    ],
)
def test_a_body_that_is_in_another_charset_has_its_place(name: str, body: bytes, told: str) -> None:
    with pytest.raises(Failure) as caught:
        recoded(f"text/plain; charset={name}", body)
    assert (caught.value.status, caught.value.code) == (400, "not_in_charset")
    assert name in caught.value.message
    assert caught.value.message.endswith(told)


def test_each_way_to_call_takes_another_charset(gateway: Start) -> None:
    served = gateway(ECHO)
    kind = {"Content-Type": "text/plain; charset=windows-1252"}
    for path in ("/", "/invoke", "/v1/algo/acme/it/1.0.0"):
        answer = served.ask("POST", path, "50 €".encode("cp1252"), kind)
        got = answer.json.get("result") or answer.json
        assert got == {"got": "50 €"}
    wrong = served.ask("POST", "/", b"a", {"Content-Type": "text/plain; charset=klingon"})
    assert (wrong.status, wrong.code) == (415, "unknown_charset")
    assert wrong.json["error"]["hint"]
    answer = served.ask(
        "POST",
        "/",
        json.dumps({"a": "é"}).encode("utf-16"),
        {"Content-Type": "application/json; charset=utf-16"},
    )
    assert answer.json == {"got": {"a": "é"}}


def test_large_text_does_too(gateway: Start) -> None:
    served = gateway("def apply(value):\n    return [len(value), value[-1]]\n")
    body = ("x" * 3_000_000 + "é").encode("latin-1")
    answer = served.ask("POST", "/", body, {"Content-Type": "text/plain; charset=iso-8859-15"})
    assert answer.json == [3_000_001, "é"]


def test_a_field_of_a_form_has_a_charset_of_its_own(gateway: Start) -> None:
    served = gateway(ECHO)
    form = (
        b'--b\r\nContent-Disposition: form-data; name="t"\r\n'
        b"Content-Type: text/plain; charset=%b\r\n\r\n\xe9\r\n--b--\r\n"
    )
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    assert served.ask("POST", "/", form % b"latin1", kind).json == {"got": {"t": "é"}}
    wrong = served.ask("POST", "/", form % b"us-ascii", kind)
    assert (wrong.status, wrong.code) == (400, "not_in_charset")
    assert "the field 't'" in wrong.json["error"]["message"]
