"""Docker's config.json and its helpers."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING

import pytest
from algo.registry.credentials import Credentials, DockerConfig
from algo.registry.errors import BadCredentials

if TYPE_CHECKING:
    from pathlib import Path

HOST = "registry.example.com:5000"
ADA = Credentials("ada", "pass:word")
HELPER = """#!/usr/bin/env python3
import json, pathlib, sys
kept = pathlib.Path(__file__).with_suffix(".json")
known = json.loads(kept.read_text()) if kept.exists() else {}
asked = sys.stdin.read()
if sys.argv[1] == "store":
    entry = json.loads(asked)
    known[entry["ServerURL"]] = entry
    kept.write_text(json.dumps(known))
elif asked.strip() in known:
    print(json.dumps(known[asked.strip()]))
elif asked.strip() == "broken.example.com":
    sys.exit("the keychain is locked")
else:
    print("credentials not found in native keychain")
    sys.exit(1)
"""


def config(tmp_path: Path, text: str = "", **env: str) -> DockerConfig:
    if text:
        (tmp_path / ".docker").mkdir(exist_ok=True)
        (tmp_path / ".docker" / "config.json").write_text(text, encoding="utf-8")
    return DockerConfig(env, tmp_path)


@pytest.fixture
def helper_path(tmp_path: Path) -> str:
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "docker-credential-test"
    program.write_text(HELPER, encoding="utf-8")
    program.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def test_without_a_file_nobody_is_known(tmp_path: Path) -> None:
    assert config(tmp_path).find(HOST) is None


def test_an_empty_file_is_one_without_settings(tmp_path: Path) -> None:
    known = config(tmp_path, "\n")
    assert known.find(HOST) is None
    known.store(HOST, ADA)
    assert known.find(HOST) == ADA


def test_a_login_is_found_again(tmp_path: Path) -> None:
    known = config(tmp_path)
    assert known.store(HOST, ADA) == str(tmp_path / ".docker" / "config.json")
    assert known.find(HOST) == ADA
    assert known.find("other.example.com") is None


def test_the_file_is_the_users_alone_and_keeps_what_it_had(tmp_path: Path) -> None:
    text = '{"auths": {"ghcr.io": {"auth": "YTpi"}}, "proxies": {"default": {"x": 1}}}'
    known = config(tmp_path, text)
    known.store(HOST, ADA)
    known.store("docker.io", ADA)
    assert stat.S_IMODE(known.path.stat().st_mode) == 0o600
    kept = json.loads(known.path.read_text(encoding="utf-8"))
    assert kept["proxies"] == {"default": {"x": 1}}
    assert list(kept["auths"]) == ["ghcr.io", HOST, "https://index.docker.io/v1/"]
    assert known.find("ghcr.io") == Credentials("a", "b")
    assert known.find("docker.io") == ADA
    assert [path.name for path in known.path.parent.iterdir()] == ["config.json"]


def test_a_linked_file_stays_linked(tmp_path: Path) -> None:
    known = config(tmp_path, "{}")
    real = tmp_path / "dotfiles.json"
    known.path.rename(real)
    known.path.symlink_to(real)
    known.store(HOST, ADA)
    assert known.path.is_symlink()
    assert known.find(HOST) == ADA


def test_docker_config_names_the_folder(tmp_path: Path) -> None:
    known = DockerConfig({"DOCKER_CONFIG": str(tmp_path / "elsewhere")}, tmp_path)
    known.store(HOST, ADA)
    assert (tmp_path / "elsewhere" / "config.json").is_file()


@pytest.mark.parametrize("key", [HOST, f"https://{HOST}", f"https://{HOST}/v1/", f"http://{HOST}"])
def test_every_form_of_a_host_is_found(tmp_path: Path, key: str) -> None:
    assert config(tmp_path, json.dumps({"auths": {key: {"auth": "YTpi"}}})).find(
        HOST
    ) == Credentials("a", "b")


def test_identity_tokens_are_kept_as_docker_keeps_them(tmp_path: Path) -> None:
    known = config(tmp_path)
    known.store(HOST, Credentials("", "token"))
    assert known.find(HOST) == Credentials("", "token")
    text = json.dumps({"auths": {HOST: {"auth": "YTpi", "identitytoken": "token"}}})
    assert config(tmp_path, text).find(HOST) == Credentials("", "token")


@pytest.mark.parametrize("key", ["credsStore", "credHelpers"])
def test_a_helper_keeps_and_gives_credentials(tmp_path: Path, helper_path: str, key: str) -> None:
    text = json.dumps({key: "test" if key == "credsStore" else {HOST: "test"}})
    known = config(tmp_path, text, PATH=helper_path)
    assert known.find(HOST) is None
    assert known.store(HOST, ADA) == "docker-credential-test"
    assert known.find(HOST) == ADA
    assert "ada" not in known.path.read_text(encoding="utf-8")
    known.store(HOST, Credentials("", "token"))
    assert known.find(HOST) == Credentials("", "token")


def test_a_helper_that_fails_says_why(tmp_path: Path, helper_path: str) -> None:
    known = config(tmp_path, '{"credsStore": "test"}', PATH=helper_path)
    with pytest.raises(BadCredentials) as caught:
        known.find("broken.example.com")
    assert "the keychain is locked" in caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"auths": []}',
        '{"credsStore": "absent"}',
        '{"credsStore": "../../evil"}',
        '{"auths": {"registry.example.com:5000": {"auth": "%%%"}}}',
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadCredentials) as caught:
        config(tmp_path, text, PATH=os.environ["PATH"]).find(HOST)
    assert "config.json" in caught.value.message
    assert caught.value.hint
