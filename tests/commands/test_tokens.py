"""`algo tokens`, a service that wants one, and `algo run` that has one."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest
from algo.main import run

from tests.commands.test_serve import error_of, hello, serving, where

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["hello", "where"]

VIRTUALENV = ["--engine", "virtualenv"]


def create(capfd: pytest.CaptureFixture[str], *words: str) -> str:
    capfd.readouterr()
    assert run(["tokens", "create", *words]) == 0
    return capfd.readouterr().out.strip()


def test_a_token_is_shown_once_and_listed_without_its_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    token = create(capfd, "ci", "--scope", "call", "--scope", "admin", "--expires", "90d")
    assert token.startswith("algo_")
    assert len(token) == 57
    assert run(["tokens", "list", "--json"]) == 0
    listed = capfd.readouterr().out
    (row,) = json.loads(listed)["tokens"]
    assert (row["name"], row["scopes"]) == ("ci", ["call", "admin"])
    assert set(row) == {"id", "name", "scopes", "created", "expires"}
    assert run(["tokens", "list"]) == 0
    assert token not in capfd.readouterr().out
    assert run(["tokens", "revoke", "ci"]) == 0
    assert run(["tokens", "revoke", "ci", "--json"]) == 2
    assert error_of_out(capfd.readouterr().out)["code"] == "token_unknown"


def error_of_out(out: str) -> dict[str, str]:
    error: dict[str, str] = json.loads(out.splitlines()[-1])["error"]
    return error


def test_a_service_that_wants_tokens(
    where: str, hello: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = create(capfd, "ci", "--file", "tokens.json")
    with serving(hello, "--engine", where, "--tokens", "tokens.json", "--access-log") as served:
        assert served.of("ready")[0]["token"] is True
        assert run(["run", "-d", '"Ada"', "--json"]) == 4
        assert error_of(capfd)["code"] == "call_refused"
        assert run(["run", "-d", '"Ada"', "--token", token]) == 0
        monkeypatch.setenv("ALGO_TOKEN", token)
        assert run(["run", served.url, "-d", '"Ada"']) == 0
        # The service sees what the command changes, in a container, too.
        other = create(capfd, "other")
        assert run(["tokens", "revoke", "ci"]) == 0
        served.wait(lambda: run(["run", "-d", '"Ada"', "--token", other]) == 0)
        assert run(["run", "-d", '"Ada"']) == 4
        served.wait(lambda: any("POST / 401" in line for line in served.story))
        assert served.of("reload") == []


def test_an_address_of_others_wants_tokens(hello: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", "--host", "0.0.0.0", "--port", "0", *VIRTUALENV, "--json"]) == 4
    assert error_of(capfd)["code"] == "token_required"
    (hello / "tokens.json").write_text('{"tokens": []}')
    words = ["serve", "--host", "0.0.0.0", "--tokens", "tokens.json", *VIRTUALENV, "--json"]
    assert run(words) == 1
    assert error_of(capfd)["code"] == "token_file_invalid"


def test_whoever_says_so_serves_others_without_tokens(hello: Path) -> None:
    words = (*VIRTUALENV, "--host", "0.0.0.0", "--port", "0", "--insecure-no-token")
    with serving(hello, *words) as served:
        assert any("may call it without a token" in line for line in served.story)
        request = urllib.request.Request(served.url, b'"Ada"', {"Origin": "https://app.example"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200


def test_a_page_of_the_internet_does_not_call_a_service_of_a_laptop(
    where: str, hello: Path
) -> None:
    with serving(hello, "--engine", where) as served:
        for header in ({"Origin": "https://evil.example"}, {"Host": "evil.example:8080"}):
            request = urllib.request.Request(served.url, b'"Ada"', header)
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(request, timeout=10)
            with refused.value as error:
                assert error.code == 403
