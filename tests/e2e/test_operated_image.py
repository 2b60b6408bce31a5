"""A published image as it is operated: tokens, an access log, in plain Docker."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.test_published_image import ready

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Engine
    from tests.e2e.conftest import Installed


@pytest.fixture
def container(engine: Engine) -> Iterator[str]:
    """The name of a container that is gone after the test."""
    name = f"algo-test-{uuid.uuid4().hex[:8]}"
    yield name
    engine.docker("rm", "--force", name)


def call(url: str, token: str) -> tuple[int, Any]:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    request = urllib.request.Request(url, b'"Ada"', headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def answers_in_log(container: str, count: int) -> list[tuple[int, str]]:
    """Return status and code of the calls that the log has, once there are `count`."""
    end = time.monotonic() + 20
    while True:
        said = subprocess.run(["docker", "logs", container], capture_output=True, check=True)
        lines = [json.loads(line) for line in said.stderr.splitlines()]
        told = [(line["status"], line.get("code", "")) for line in lines if line.get("path") == "/"]
        if len(told) >= count or time.monotonic() > end:
            return told
        time.sleep(0.1)


@pytest.mark.slow
def test_an_image_asks_for_tokens_and_logs_json(
    installed: Installed, engine: Engine, container: str, tmp_path: Path
) -> None:
    owner = f"test{uuid.uuid4().hex[:8]}"
    installed.run("init", f"{owner}/hello", "--template", "python/minimal", cwd=tmp_path)
    project = tmp_path / "hello"
    token = installed.run("tokens", "create", "ci", cwd=project).stdout.strip()
    built = json.loads(installed.run("build", "--json", cwd=project).stdout)
    words = ["--name", container, "-p", "127.0.0.1:0:8080"]
    words += ["-v", f"{project}/tokens.json:/tokens.json:ro", "-e", "ALGO_TOKENS=/tokens.json"]
    try:
        engine.docker("run", "--detach", *words, "-e", "ALGO_ACCESS_LOG=1", built["reference"])
        url = f"http://{engine.docker('port', container, '8080').splitlines()[0]}"
        ready(url)
        assert call(url, "algo_0_none")[0] == 401
        assert call(url, token) == (200, {"greeting": "Hello Ada!"})
        told = answers_in_log(container, 2)
        assert engine.docker("exec", container, "ls", "/opt/algo/app").find("tokens.json") < 0
    finally:
        engine.docker("rm", "--force", container)
        engine.docker("rmi", "--force", built["reference"])
    assert told == [(401, "token_invalid"), (200, "")]
