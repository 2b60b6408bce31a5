from __future__ import annotations

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from algo.access import tokens
from algo.access.errors import TokenExists, TokenFileInvalid, TokenInvalid, TokenUnknown
from algo_gateway.access.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime(2026, 11, 25, tzinfo=UTC)
SECRET = "s" * 43


def make(
    file: Path, name: str = "ci", *scopes: str, expires: str = "", secret: str = SECRET
) -> tuple[str, tokens.Token]:
    return tokens.create(file, name, scopes or ("call",), expires=expires, now=NOW, secret=secret)


def test_the_file_holds_a_hash_and_not_the_token(tmp_path: Path) -> None:
    file = tmp_path / "tokens.json"
    text, token = make(file, "ci", "call", "admin", "call", expires="90d")
    assert text == f"algo_{token.id}_{SECRET}"
    assert SECRET not in file.read_text()
    (held,) = json.loads(file.read_text())["tokens"]
    assert held["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert (held["scopes"], held["expires"]) == (["call", "admin"], "2027-02-23T00:00:00Z")
    assert tokens.known(file) == (token,)


def test_everybody_may_read_the_file_whatever_the_umask(tmp_path: Path, umask: None) -> None:
    file = tmp_path / "tokens.json"
    make(file)
    assert file.stat().st_mode & 0o777 == 0o644


@pytest.fixture
def umask() -> Iterator[None]:
    old = os.umask(0o077)
    yield
    os.umask(old)


@pytest.mark.parametrize(
    ("name", "scopes", "expires"),
    [
        ("", ("call",), ""),
        ("a b", ("call",), ""),
        ("ci", ("write",), ""),
        ("ci", ("call",), "0d"),
        ("ci", ("call",), "soon"),
    ],
)
def test_what_is_no_token_is_refused(
    tmp_path: Path, name: str, scopes: tuple[str, ...], expires: str
) -> None:
    with pytest.raises(TokenInvalid):
        make(tmp_path / "tokens.json", name, *scopes, expires=expires)
    assert not (tmp_path / "tokens.json").exists()


def test_a_name_is_given_once(tmp_path: Path) -> None:
    make(tmp_path / "t.json")
    with pytest.raises(TokenExists) as raised:
        make(tmp_path / "t.json")
    assert raised.value.hint == "algo tokens revoke ci"


@pytest.mark.parametrize("by", ["id", "name"])
def test_a_token_is_revoked_by_id_or_name(tmp_path: Path, by: str) -> None:
    file = tmp_path / "t.json"
    _, first = make(file, "a", secret="a" * 43)
    _, second = make(file, "b-is-longer", secret="b" * 43)
    inode = file.stat().st_ino
    assert tokens.revoke(file, getattr(second, by)) == second
    assert tokens.known(file) == (first,)
    # In its place: a container that has it mounted sees it.
    assert file.stat().st_ino == inode
    with pytest.raises(TokenUnknown):
        tokens.revoke(file, "b-is-longer")
    with pytest.raises(TokenUnknown):
        tokens.revoke(tmp_path / "none.json", "a")


def test_two_commands_at_once_lose_no_token(tmp_path: Path) -> None:
    file = tmp_path / "t.json"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: make(file, f"n{n}", secret=f"{n:043d}"), range(24)))
    assert len(tokens.known(file)) == 24


@pytest.mark.parametrize("content", ["{", '{"tokens": [{"id": 1}]}', "[]"])
def test_another_file_is_left_alone(tmp_path: Path, content: str) -> None:
    file = tmp_path / "t.json"
    file.write_text(content)
    with pytest.raises(TokenFileInvalid):
        make(file)
    with pytest.raises(TokenFileInvalid):
        tokens.known(file)
    assert file.read_text() == content


def test_what_the_command_writes_the_gateway_reads(tmp_path: Path) -> None:
    file = tmp_path / "t.json"
    text, token = tokens.create(
        file,
        "ci",
        ("call", "admin"),
        expires="1h",
        now=datetime.now(UTC) - timedelta(minutes=1),
        secret="-_" * 22,
    )
    assert Tokens(file, lambda said: None).check(f"Bearer {text}", "admin").id == token.id
