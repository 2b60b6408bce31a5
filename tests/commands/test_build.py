from __future__ import annotations

import gzip
import json
import tarfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from algo.errors import UsageError
from algo.images.recipe import host_platform
from algo.main import run

from tests.conftest import part_from_the_cache
from tests.machine import tools

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Engine

MANIFEST = """
[algorithm]
name = "{name}"
version = "1.2.0"
language = "python"
entrypoint = "src/p.py:apply"
[models]
small = "models/small.bin"
"""


@pytest.fixture
def name(engine: Engine) -> Iterator[str]:
    owner = f"test{uuid.uuid4().hex[:8]}"
    yield f"{owner}/p"
    for line in engine.docker("images", "--format", "{{.Repository}}:{{.Tag}}").splitlines():
        if f"/{owner}/" in line:
            engine.docker("rmi", "--force", line)


@pytest.fixture
def project(tmp_path: Path, name: str, algo_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "p"
    (root / "src").mkdir(parents=True)
    (root / "models").mkdir()
    (root / "algo.toml").write_text(MANIFEST.format(name=name))
    (root / "requirements.in").write_text("six==1.17.0\n")
    (root / "src" / "p.py").write_text("def apply(x):\n    return x + 1\n")
    (root / "models" / "small.bin").write_bytes(bytes(100))
    monkeypatch.chdir(root)
    return root


def built(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, object]:
    assert run(["build", "--json", *options]) == 0
    document: dict[str, object] = json.loads(capsys.readouterr().out)
    return document


@pytest.mark.usefixtures("project")
def test_the_digest_alone_is_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    digest = built(capsys)["digest"]

    assert run(["build"]) == 0
    assert capsys.readouterr().out == f"{digest}\n"


def test_the_document_tells_what_was_sent(
    project: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    built(capsys)
    (project / "src" / "p.py").write_text("def apply(x):\n    return x + 2\n")
    document = built(capsys)
    layers = document["layers"]
    assert isinstance(layers, list)

    assert (document["name"], document["version"]) == (name, "1.2.0")
    assert str(document["reference"]).startswith(f"algo.local/{name}:")
    assert [one["kind"] for one in layers if one["status"] == "sent"] == ["code"]
    assert document["bytes_sent"] == layers[-1]["size"]
    assert {"digest", "size", "kind", "status"} <= set(layers[0])
    assert all(one["unpacked"] >= 512 for one in layers)
    assert [one["kind"] for one in layers if one["made"]] == ["code"]
    sized = built(capsys, "--sizes")
    packages = sized["packages"]
    assert isinstance(packages, list)
    assert [(one["name"], one["version"]) for one in packages] == [("six", "1.17.0")]


def test_every_destination_gets_the_same_image(
    project: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    docker = built(capsys, "--into", "docker")
    store = built(capsys, "--into", "store")
    file = built(capsys, "-o", "../image.tar")

    assert docker["digest"] == store["digest"] == file["digest"]
    assert store["reference"] == f"{name}@{store['digest']}"
    with tarfile.open(project.parent / "image.tar") as archive:
        assert "oci-layout" in archive.getnames()


def test_plain_docker_serves_the_image(
    project: Path, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    reference = str(built(capsys)["reference"])
    container = engine.docker("run", "--detach", "--read-only", "--tmpfs", "/tmp", reference)
    call = (
        "import time, urllib.request as r\n"
        "for _ in range(100):\n"
        "    try: r.urlopen('http://127.0.0.1:8080/readyz'); break\n"
        "    except OSError: time.sleep(0.05)\n"
        "print(r.urlopen('http://127.0.0.1:8080/', b'41').read().decode())"
    )
    try:
        assert engine.docker("exec", container, "python3", "-c", call) == "42"
    finally:
        engine.docker("rm", "--force", container)


def test_a_missing_model_is_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "models" / "small.bin").unlink()

    assert run(["build"]) == 1
    assert "error[model_missing]: the model small is not at" in capsys.readouterr().err


@pytest.mark.usefixtures("project")
def test_an_engine_that_is_asked_for_and_absent_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")

    assert run(["build", "--into", "docker"]) == 3
    assert "hint: algo build --into store" in capsys.readouterr().err


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("platform", ["linux", "windows/amd64"])
def test_an_unknown_platform_is_refused(platform: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["build", "--platform", platform]) == 2
    assert "error[" in capsys.readouterr().err


def test_the_bill_of_materials_goes_to_stdout_or_a_file_and_the_image_nowhere(
    project: Path, name: str, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["build", "--sbom"]) == 0
    shown = capsys.readouterr().out
    assert run(["build", "--sbom", "-o", "../sbom.json"]) == 0
    assert capsys.readouterr().out == "../sbom.json\n"

    assert (project.parent / "sbom.json").read_text() == shown
    parts = {one["bom-ref"]: one for one in json.loads(shown)["components"]}
    locked = parts["packages/six@1.17.0"]["externalReferences"]
    assert [len(one["hashes"]) for one in locked if one["type"] == "distribution"] == [2]
    assert any(ref.startswith("gateway/msgspec@") for ref in parts)
    assert name not in engine.docker("images", "--format", "{{.Repository}}")
    assert run(["build", "--sbom", "--into", "store"]) == 2


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_image_is_the_same_when_it_is_built_as_on_another_machine(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "src" / "link.py").symlink_to("p.py")
    (project / "data").mkdir()
    (project / "data" / "up.txt").symlink_to("../data/../run.sh")
    (project / "run.sh").write_text("#!/bin/sh\n")
    (project / "run.sh").chmod(0o755)
    ordinary = built(capsys)["digest"]
    assert run(["build", "--check", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)

    assert report["images"] == [{"platform": str(host_platform()), "digest": ordinary}]
    assert {"umask", "clock", "locale", "time zone", "directory order"} <= set(report["varied"])
    assert run(["build", "--check", "--into", "store"]) == 2


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_image_and_a_version_get_todays_runtime_image_and_keep_their_layers(
    project: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "cases").mkdir()
    (project / "cases" / "one.json").write_text('[{"name": "one", "input": 1, "expected": 2}]')
    before = built(capsys)
    assert run(["publish", "--yes", "--version", "1.3.0"]) == 0
    capsys.readouterr()
    project_rebased = built(capsys, "--rebase")
    version_rebased = built(capsys, "--rebase", f"{name}:1.3.0", "--into", "store")

    def own(document: dict[str, object]) -> list[str]:
        layers = document["layers"]
        assert isinstance(layers, list)
        return [one["digest"] for one in layers if one["kind"] != "runtime"]

    assert own(before) == own(project_rebased) == own(version_rebased)
    assert version_rebased["version"] == "1.3.0"
    assert run(["build", f"{name}:1.3.0"]) == 2


def test_source_date_epoch_is_the_time_of_the_image_and_must_be_one(
    project: Path,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    reference = str(built(capsys)["reference"])
    created = engine.docker("image", "inspect", "--format", "{{.Created}}", reference)
    assert created == "1970-01-02T00:00:00Z"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    assert run(["build"]) == 2
    assert "hint: export SOURCE_DATE_EPOCH=" in capsys.readouterr().err
    assert (project / "algo.lock").is_file()


def test_the_locked_runtime_image_comes_from_a_published_version_without_an_engine(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, docker_registry: str
) -> None:
    (project / "cases").mkdir()
    (project / "cases" / "one.json").write_text('[{"name": "one", "input": 1, "expected": 2}]')
    text = (project / "algo.toml").read_text()
    (project / "algo.toml").write_text(f'{text}[registry]\nurl = "{docker_registry}"\n')
    # Published by a machine of its own; another one has nothing but the project and the registry.
    assert run(["publish", "--yes", "--version", "1.3.0", "--engine", "docker"]) == 0
    monkeypatch.setenv("ALGO_HOME", str(tmp_path / "another home"))
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    assert run(["build", "--into", "store"]) == 0


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_dockerfile_comes_first_and_nothing_of_this_machine_stays(
    project: Path,
    engine: Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plugins = tmp_path / "docker" / "cli-plugins"
    plugins.mkdir(parents=True)
    (plugins / "docker-buildx").symlink_to(tools.fetch("buildx"))
    bundle = tmp_path / "bundle.crt"
    bundle.write_text(Path("/etc/ssl/certs/ca-certificates.crt").read_text() + "# secret-marker\n")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    monkeypatch.setenv("NO_PROXY", "secret-host,127.0.0.1")
    text = (project / "algo.toml").read_text()
    changed = text.replace("[models]", '[environment]\ndockerfile = "Dockerfile"\n[models]')
    (project / "algo.toml").write_text(changed)
    (project / "tool.sh").write_text("#!/bin/sh\necho tool\n")
    (project / "Dockerfile").write_text(
        "FROM debian:trixie-slim\n"
        "COPY --chmod=755 tool.sh /usr/local/bin/tool\n"
        'RUN grep -q marker "$SSL_CERT_FILE" && test -n "$NO_PROXY" && tool > /made\n'
        "ENV FROM_PRELUDE=1\n"
        "USER 1000\n"
    )
    first = built(capsys)
    again = built(capsys)
    assert run(["build", "-o", str(tmp_path / "image.tar")]) == 0

    assert first["digest"] == again["digest"]
    assert "debian:trixie-slim" in (project / "algo.lock").read_text()
    script = "cat /made; tool; echo $FROM_PRELUDE $SSL_CERT_FILE; id -u; python3 --version"
    said = engine.docker("run", "--rm", str(first["reference"]), "sh", "-c", script).split()
    assert said[:-1] == ["tool", "tool", "1", "65532", "Python"]
    with tarfile.open(tmp_path / "image.tar") as archive:
        for member in archive:
            content = _content(archive, member)
            whole = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
            assert b"secret-marker" not in whole
            assert b"secret-host" not in whole
            assert b"run/algo-build/" not in whole


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    found = archive.extractfile(member)
    assert found is not None
    return found.read()


@pytest.mark.parametrize(
    "options", [("--check", "--sbom"), ("--sbom", "--rebase"), ("--check", "--sizes")]
)
def test_options_that_ask_for_different_results_are_refused(
    options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["build", *options]) == 2
    assert f"{' and '.join(options)} ask for different results" in capsys.readouterr().err


@pytest.mark.parametrize("into", ["docker", "store"])
def test_a_build_that_has_nothing_to_do_begins_none(
    project: Path,
    name: str,
    into: str,
    engine: Engine,
    algo_home: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = built(capsys, "--into", into)
    if into == "store":
        folder = algo_home / "data" / "store" / name / "blobs" / "sha256"
        blob = max(folder.iterdir(), key=lambda path: path.stat().st_size)
        part_from_the_cache(blob)
    time.sleep(2.1)  # what was written shortly before a look says nothing
    idle = built(capsys, "--into", into)
    assert idle["digest"] == first["digest"]

    def begin(*_: object, **__: object) -> None:
        raise UsageError("begun")

    monkeypatch.setattr("algo.commands.shared.building.build", begin)
    assert built(capsys, "--into", into) == idle

    def begins(*options: str) -> None:
        assert run(["build", "--json", *options]) == 2
        assert "begun" in capsys.readouterr().out

    begins("--into", into, "--platform", str(host_platform()))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    begins("--into", into)
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    if into == "docker":
        engine.docker("rmi", str(idle["reference"]))
        begins("--into", into)
    else:
        kept = blob.read_bytes()
        blob.chmod(0o644)
        blob.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
        begins("--into", into)
