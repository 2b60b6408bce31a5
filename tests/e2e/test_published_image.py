"""The published image in plain Docker: the same bytes and answers as what was built and served."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.served import Served
from tests.runtimes import guide

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Engine
    from tests.e2e.conftest import Installed

PLATFORM = "linux/amd64"
GRPC = "8082"
SCAN = [[0, 0, 5, 13, 9, 1, 0, 0]] * 8


def call(url: str, body: bytes) -> Any:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def ready(url: str, timeout: float = 30) -> None:
    end = time.monotonic() + timeout
    while True:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


@pytest.fixture
def made(engine: Engine) -> Iterator[list[str]]:
    """Names of containers and images that the test makes; they are gone after it."""
    names: list[str] = []
    yield names
    for name in names:
        engine.docker("rm" if "/" not in name else "rmi", "--force", name)


def test_plain_docker_runs_from_the_registry_what_was_built_and_served(
    installed: Installed,
    engine: Engine,
    docker_registry: str,
    client_python: Callable[[str], Path],
    made: list[str],
    tmp_path: Path,
) -> None:
    owner = f"test{uuid.uuid4().hex[:8]}"
    installed.run("init", f"{owner}/digits", "--template", "python/sklearn", cwd=tmp_path)
    project = tmp_path / "digits"
    installed.run("exec", "--", "python", "train.py", cwd=project)
    case = json.loads((project / "cases" / "digits.json").read_text())[0]
    body = json.dumps(case["input"]).encode()

    built = json.loads(installed.run("build", "--json", cwd=project).stdout)
    made.append(built["reference"])
    exact = [installed.algo, "serve", "--exact", "--engine", "docker"]
    with Served.start(exact, project, env=installed.env) as served:
        told = served.of("ready")[0]["digest"]
        answer = call(served.url, body)
    target = f"{docker_registry}/{owner}/digits"
    arguments = ("publish", "--to", target, "--yes", "--json")
    published = json.loads(installed.run(*arguments, cwd=project).stdout)

    image = published["images"][PLATFORM]
    assert built["digest"] == told == image != published["digest"]
    index = f"http://{docker_registry}/v2/{owner}/digits/manifests/1.0.0"
    accept = {"Accept": "application/vnd.oci.image.index.v1+json"}
    with urllib.request.urlopen(urllib.request.Request(index, headers=accept)) as found:
        assert found.headers["Docker-Content-Digest"] == published["digest"]
        assert [one["digest"] for one in json.load(found)["manifests"]] == [image]

    for reference in (f"{target}:1.0.0", f"{target}@{image}"):
        engine.docker("pull", "--quiet", reference)
        name = f"algo-test-{uuid.uuid4().hex[:8]}"
        made[:0] = [name]
        made.append(reference)
        ports = [word for port in ("8080", GRPC) for word in ("-p", f"127.0.0.1:0:{port}")]
        asked = ["--env", f"ALGO_GRPC_PORT={GRPC}", "--name", name]
        engine.docker("run", "--detach", *asked, *ports, reference)
        http, grpc = (engine.docker("port", name, port).splitlines()[0] for port in ("8080", GRPC))
        ready(f"http://{http}")
        assert call(f"http://{http}", body) == answer
        # The clients of the guide, on the answer to their own scan.
        digit = str(call(f"http://{http}", json.dumps({"image": SCAN}).encode())["digit"])
        places = {"127.0.0.1:8080": http, "127.0.0.1:8081": grpc, "acme/": f"{owner}/"}
        for client, code in guide.programs():
            assert guide.run(client_python(client), code, places).split()[0] == digit
        engine.docker("stop", "--time", "5", name)
        exited = engine.docker("inspect", "--format", "{{.State.ExitCode}}", name)
        assert exited.strip() == "0"
    assert (case["name"], answer["digit"]) == ("a zero", 0)
