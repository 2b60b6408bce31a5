"""The same no-op in every language, built into an image each, and its running containers."""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.gateway.load import Target
from benchmarks.serving.project import ALGO

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

APPS = Path(__file__).resolve().parent / "apps"
# The first is what the others are held against.
INTERPRETED = ("python", "javascript", "typescript", "ruby", "r")
COMPILED = ("java", "scala", "go", "rust")
LANGUAGES = (*INTERPRETED, *COMPILED)
PORT = 8080
BODY = {"x": 41}
ANSWER = b"42"


@dataclass(frozen=True, slots=True)
class Image:
    """An image in Docker, and the bytes that each kind of layer takes there."""

    reference: str
    layers: Mapping[str, int]

    @property
    def size(self) -> int:
        """Bytes of all layers, unpacked."""
        return sum(self.layers.values())


@contextlib.contextmanager
def built(languages: Sequence[str]) -> Iterator[dict[str, Image]]:
    """Give an image of each language's no-op, and take them out of Docker after."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # steps run as somebody else
        images = {language: _build(language, folder / language) for language in languages}
    try:
        yield images
    finally:
        _docker("rmi", "--force", *(image.reference for image in images.values()))


def _build(language: str, project: Path) -> Image:
    shutil.copytree(APPS / language, project)
    command = [ALGO, "build", "--into", "docker", "--json"]
    done = subprocess.run(command, cwd=project, check=True, stdout=subprocess.PIPE)
    made = json.loads(done.stdout)
    layers: dict[str, int] = {}
    for layer in made["layers"]:
        kind = layer["kind"]
        layers[kind] = layers.get(kind, 0) + layer["unpacked"]
    return Image(made["reference"], layers)


@contextlib.contextmanager
def running(image: Image, *options: str) -> Iterator[Target]:
    """Run an image as `docker run` does; give its address when it has answered correctly.

    Callers reach the container itself: a published port would have a proxy of Docker's between.
    """
    command = ["docker", "run", "--detach", "--rm", *options, image.reference]
    started = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    container = started.stdout.strip()
    try:
        found = json.loads(_docker("inspect", container))[0]
        host = next(iter(found["NetworkSettings"]["Networks"].values()))["IPAddress"]
        wait(host)
        yield Target(f"http://{host}:{PORT}/", BODY, found["State"]["Pid"])
    finally:
        _docker("kill", container)


def wait(host: str, timeout: float = 60) -> None:
    """Call until the answer is right.

    Raises:
        RuntimeError: It was not in time.
    """
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if _answer(host) == ANSWER:
                return
        time.sleep(0.002)
    raise RuntimeError(f"nothing at {host} answered in {timeout:g} s")


def _answer(host: str) -> bytes:
    with contextlib.closing(http.client.HTTPConnection(host, PORT, timeout=10)) as connection:
        headers = {"Content-Type": "application/json"}
        connection.request("POST", "/", json.dumps(BODY), headers)
        return connection.getresponse().read()


def _docker(*words: str) -> str:
    done = subprocess.run(["docker", *words], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout
