"""Bad input, each with its code, its exit code, and what it says: the table users rely on."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, ClassVar

import pytest

from tests.fakes import servers
from tests.machine.lacking import lacking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Engine

MANIFEST = """[algorithm]
name = "acme/plain"
language = "python"
entrypoint = "src/plain.py:apply"
"""
ECHO = "def apply(input):\n    return input\n"


@dataclass(frozen=True)
class Row:
    """One kind of bad input: how the project is, what is typed, and what comes of it."""

    name: str
    command: tuple[str, ...]
    code: str
    exit_code: int
    says: str
    manifest: str | None = MANIFEST
    source: str | None = ECHO
    requirements: str = ""
    body: bytes = b""
    env: tuple[tuple[str, str], ...] = ()


RUN = ("run", "--engine", "virtualenv", "-d", "1")
LIMITS = MANIFEST + '[serving]\ntimeout = "300ms"\nmax-body = "1KB"\n'
TABLE = (
    Row("no algo.toml", RUN, "project_not_found", 2, "no algo.toml", manifest=None),
    Row(
        "an unknown key", RUN, "manifest_invalid", 2, "has no key 'entrpoint'",
        manifest=MANIFEST.replace("entrypoint", "entrpoint"),
    ),
    Row("a bad name", ("init", "Digits"), "bad_name", 2, "'Digits' is not a name"),
    Row(
        "a bad version", ("publish", "--yes", "--version", "one"), "bad_version", 2,
        "'one' is not a semantic version",
    ),
    Row("a missing entrypoint", RUN, "entrypoint_missing", 1, "src/plain.py", source=None),
    Row(
        "a missing model", RUN, "model_missing", 1, "models/w.bin",
        manifest=MANIFEST + '[models]\nw = "models/w.bin"\n',
    ),
    Row(
        "an import error", RUN, "load_failed", 1, "No module named 'absent_package'",
        source="import absent_package\n" + ECHO,
    ),
    Row(
        "a package that is not required", RUN, "load_failed", 1,
        "hint: add scikit-learn to requirements.in (requirements.txt if that is there), then:",
        source="from sklearn.svm import SVC\n" + ECHO,
    ),
    Row(
        "an annotation of a package that is not required", RUN, "load_failed", 1,
        "hint: add absent to requirements.in (requirements.txt if that is there), then:",
        source="import absent\ndef apply(x: absent.Thing) -> int:\n    return 1\n",
    ),
    Row(
        "a syntax error", RUN, "load_failed", 1, "src/plain.py:1",
        source="def apply(:\n",
    ),
    Row(
        "a requirement that nothing satisfies", ("lock",), "requirements_unsatisfiable", 1, "six",
        requirements="six>=1.16\nsix<1.10\n",
    ),
    Row(
        "an engine that does not answer", ("run", "--engine", "docker", "-d", "1"),
        "engine_unavailable", 3, "no container engine answers",
        env=(("DOCKER_HOST", "unix:///nonexistent.sock"),),
    ),
    Row("an engine that is none", ("run", "--engine", "vm", "-d", "1"), "unknown_engine", 2, "vm"),
    Row(
        "a body that is no JSON", ("run", "--engine", "virtualenv", "-d", '{"a"'),
        "input_invalid", 2, "not JSON",
    ),
    Row(
        "a body over the limit", ("run", "--engine", "virtualenv", "-D", "body"),
        "algorithm_failed", 1, "body_too_large",
        manifest=LIMITS, body=b'"' + b"x" * 2000 + b'"',
    ),
    Row(
        "a body that is not UTF-8", ("run", "--engine", "virtualenv", "-D", "body.json"),
        "algorithm_failed", 1, "not UTF-8 at byte 1", body=b'"\xff"',
    ),
    Row(
        "an input of the wrong type", RUN, "algorithm_failed", 1, "exception: TypeError",
        source="def apply(input):\n    return input['digit']\n",
    ),
    Row(
        "an exception", RUN, "algorithm_failed", 1, "src/plain.py",
        source="def apply(input):\n    raise RuntimeError('no luck')\n",
    ),
    Row(
        "no answer in time", RUN, "algorithm_failed", 1, "no answer within 0.3 s",
        manifest=LIMITS, source="import time\ndef apply(input):\n    time.sleep(30)\n",
    ),
    Row(
        "a result that is no JSON", RUN, "algorithm_failed", 1, "result_not_serialisable",
        source="def apply(input):\n    return object()\n",
    ),
    Row(
        "NaN in the result", RUN, "algorithm_failed", 1, "NaN",
        source="def apply(input):\n    return [float('nan')]\n",
    ),
    Row(
        "a registry that is down", ("versions", "127.0.0.1:1/acme/plain"),
        "registry_unreachable", 3, "127.0.0.1:1",
    ),
    Row("a reference that is none", ("verify", "Acme"), "bad_reference", 2, "Acme"),
    Row("a version that is not there", ("verify", "acme/none:1.0.0"), "not_found", 1, "acme/none"),
    Row(
        "an answer into a folder that is not there", (*RUN, "-o", "no/where.json"),
        "output_invalid", 2, "no folder no", source="def apply(input):\n    return 1\n",
    ),
    Row(
        "an input that is not UTF-8", ("run", "--engine", "virtualenv", "-d", '"\udcff"'),
        "input_invalid", 2, "-d is not UTF-8 at character 2",
    ),
    Row(
        "an image into a folder", ("build", "-o", "src"), "output_invalid", 2, "src is a folder",
        source="def apply(input):\n    return 1\n",
    ),
    Row(
        "an image that would be in the next one", ("build", "-o", "image.tar"), "output_invalid", 2,
        "image.tar would be a part of the next image",
    ),
    Row(
        "an image into two places", ("build", "-o", "../image.tar", "--into", "store"), "usage", 2,
        "--into and -o name two places",
    ),
    Row(
        "a home that cannot be written", RUN, "file_problem", 1, "/proc/none",
        source="def apply(input):\n    return 1\n", env=(("ALGO_HOME", "/proc/none"),),
    ),
    Row("a digest that is none", ("pull", "acme/a@sha256:12"), "bad_reference", 2, "not a digest"),
)  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "plain"
    (folder / "src").mkdir(parents=True)
    return folder


def prepare(folder: Path, row: Row) -> None:
    if row.manifest is not None:
        (folder / "algo.toml").write_text(row.manifest)
    if row.source is not None:
        (folder / "src" / "plain.py").write_text(row.source)
    if row.requirements:
        (folder / "requirements.in").write_text(row.requirements)
    for name in ("body", "body.json"):
        (folder / name).write_bytes(row.body)


def algo(
    folder: Path, *arguments: str, env: tuple[tuple[str, str], ...] = (), timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "algo", *arguments],
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1", **dict(env)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )


def refused(done: subprocess.CompletedProcess[str], code: str, exit_code: int, says: str) -> None:
    assert done.returncode == exit_code, (done.stdout, done.stderr)
    assert f"error[{code}]" in done.stderr, done.stderr
    assert says in done.stderr
    assert "\nhint: " in done.stderr
    assert 'Traceback (most recent call last):\n  File "/' not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("row", TABLE, ids=[row.name for row in TABLE])
def test_bad_input_is_told_with_its_code(row: Row, project: Path, algo_home: Path) -> None:
    prepare(project, row)
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    refused(algo(project, *row.command, env=row.env), row.code, row.exit_code, row.says)
    after = {path: path.read_bytes() for path in before}
    assert after == before


def test_the_same_error_is_one_document_with_json(project: Path, algo_home: Path) -> None:
    done = algo(project, "run", "--json", "-d", "1")
    assert done.returncode == 2
    document = json.loads(done.stdout)["error"]
    assert document["code"] == "project_not_found"
    assert document["hint"] == "algo init OWNER/NAME"


@pytest.mark.parametrize("words", [("publish",), ("run",), ("serve", "--host", "0.0.0.0")])
def test_a_project_that_is_not_there_is_told_before_what_else_is_missing(
    words: tuple[str, ...], project: Path, algo_home: Path
) -> None:
    refused(algo(project, *words), "project_not_found", 2, "no algo.toml")


def test_a_port_that_is_taken_is_told_before_anything_starts(
    project: Path, algo_home: Path
) -> None:
    prepare(project, TABLE[2])
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        done = algo(project, "serve", "--engine", "virtualenv", "--port", port)
    refused(done, "port_taken", 1, port)
    assert "--port" in done.stderr


@contextmanager
def answering(status: int) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="test"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET: ClassVar[Callable[..., None]] = answer
        do_HEAD: ClassVar[Callable[..., None]] = answer
        do_POST: ClassVar[Callable[..., None]] = answer

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with servers.serving(Handler) as server:
        yield f"127.0.0.1:{server.server_port}"


@pytest.mark.parametrize(
    ("status", "code", "hint"), [(401, "unauthorized", "algo login"), (403, "forbidden", "")]
)
def test_a_registry_that_refuses_is_told_with_the_way_in(
    status: int, code: str, hint: str, project: Path, algo_home: Path, tmp_path: Path
) -> None:
    with answering(status) as address:
        env = (("DOCKER_CONFIG", str(tmp_path)),)
        done = algo(project, "versions", f"{address}/acme/plain", env=env)
    refused(done, code, 4, address)
    assert hint in done.stderr


def _mount(kind: str, options: str, folder: Path) -> None:
    folder.mkdir()
    mount = ["mount", "-t", kind, "-o", options, kind, str(folder)]
    made = subprocess.run(mount, capture_output=True, text=True, check=False)
    if made.returncode:
        lacking(f"no small file system can be mounted: {made.stderr}")


@pytest.fixture
def built(project: Path, engine: Engine, algo_home: Path) -> Path:
    """A project with a package, whose image is in the session's cache."""
    assert engine.version
    prepare(project, Row("", (), "", 0, "", requirements="six==1.17.0\n"))
    # The first of a session to need the runtime image waits until it is built.
    done = algo(project, "build", "--into", "store", timeout=280)
    assert done.returncode == 0, done.stderr
    return project


@pytest.fixture
def small_disk(built: Path, tmp_path: Path, session_cache: Path) -> Iterator[Path]:
    """A home on a file system of 1 MiB; its cache has all of the session's, which stays as it is.

    So the disk is full while the project's own layers are written, and no image is made for it.
    """
    folder = tmp_path / "small"
    with ExitStack() as mounted:
        _mount("tmpfs", "size=1m", folder)
        mounted.callback(subprocess.run, ["umount", "--lazy", str(folder)], check=True)
        places = {"upperdir": folder / "written", "workdir": folder / "work"}
        for place in places.values():
            place.mkdir()
        options = [f"lowerdir={session_cache}", *(f"{key}={path}" for key, path in places.items())]
        _mount("overlay", ",".join(options), folder / "cache")
        mounted.callback(subprocess.run, ["umount", "--lazy", f"{folder}/cache"], check=True)
        yield folder


def test_a_full_disk_is_told_and_leaves_nothing(built: Path, small_disk: Path) -> None:
    (built / "src" / "large.txt").write_text("large" * 400_000)
    done = algo(built, "build", "-o", "../image.tar", env=(("ALGO_HOME", str(small_disk)),))
    refused(done, "disk_full", 1, "full")
    assert "Building the runtime image" not in done.stderr
    assert not (built.parent / "image.tar").exists()


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB for projects."""
    folder = tmp_path / "projects"
    _mount("tmpfs", "size=1m", folder)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_project_on_a_full_disk_gets_no_half_of_a_file(full_disk: Path) -> None:
    done = algo(full_disk, "init", "acme/one")
    assert done.returncode == 0
    one = full_disk / "one"
    (one / "filler").write_bytes(b"x" * (free(full_disk) // 4096 * 4096))
    before = {path: path.read_bytes() for path in one.rglob("*") if path.is_file()}
    done = algo(one, "lock")
    refused(done, "disk_full", 1, f"df -h {one}")
    assert {path: path.read_bytes() for path in one.rglob("*") if path.is_file()} == before
    done = algo(full_disk, "init", "acme/two")
    refused(done, "disk_full", 1, "--dir")
    assert [path.name for path in full_disk.iterdir()] == ["one"]


def free(folder: Path) -> int:
    """Return how many bytes are free there."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
