"""`algo serve` as its users run it: a child process, signals, events on standard output."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from algo.main import run
from algo.resources import user_folders

from tests.e2e.served import Served

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Engine

ALGO = [sys.executable, "-c", "from algo.main import main; main()"]


@pytest.fixture
def hello(tmp_path: Path, algo_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    assert run(["init", "acme/hello", "--json"]) == 0
    monkeypatch.chdir(tmp_path / "hello")
    return tmp_path / "hello"


@pytest.fixture(params=["virtualenv", pytest.param("docker", marks=pytest.mark.engine)])
def where(request: pytest.FixtureRequest) -> str:
    """Each engine in turn, the container engine running."""
    if request.param == "docker":
        request.getfixturevalue("engine")
    return str(request.param)


def serving(folder: Path, *options: str) -> Served:
    return Served.start([*ALGO, "serve", *options], folder)


def post(url: str, value: object) -> Any:
    request = urllib.request.Request(url, json.dumps(value).encode())
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.loads(response.read())


def error_of(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    error: dict[str, str] = json.loads(capsys.readouterr().out.splitlines()[-1])["error"]
    return error


def sessions(capsys: pytest.CaptureFixture[str], key: str) -> list[dict[str, str]]:
    """Return the sessions among the leftovers that doctor lists, or removed."""
    found: list[dict[str, str]] = json.loads(capsys.readouterr().out)[key]
    return [one for one in found if one["kind"] == "session"]


def edit(file: Path, old: str, new: str) -> None:
    file.write_text(file.read_text().replace(old, new))


def test_an_edit_is_served_and_a_bad_one_is_not(where: str, hello: Path) -> None:
    entry = hello / "src" / "hello.py"
    with serving(hello, "--engine", where) as served:
        assert served.of("ready")[0]["engine"] == where
        assert json.loads(served.of("ready")[0]["sample"]) == {"name": "Ada"}
        assert post(served.url, "Ada") == {"greeting": "Hello Ada!"}
        edit(entry, "Hello", "Good day")
        served.wait_for_reloads(1)
        assert post(served.url, "Ada") == {"greeting": "Good day Ada!"}
        edit(entry, "def apply(", "def apply((")
        served.wait(lambda: served.of("error"))
        (error,) = served.of("error")
        assert error["file"] == "src/hello.py"
        assert error["line"] == 12
        assert post(served.url, "Ada") == {"greeting": "Good day Ada!"}
        assert served.stop() == 0
    assert served.stop_seconds < 5
    assert served.events[-1] == {"event": "stopped", "reason": "interrupted"}


TYPED = """
from dataclasses import dataclass

@dataclass
class Ask:
    name: str
    times: int

def apply(ask: Ask) -> str:
    return ask.name * ask.times
"""


@pytest.mark.parametrize("declared", [False, True])
def test_the_curl_that_is_shown_is_answered_without_any_case(hello: Path, declared: bool) -> None:
    shutil.rmtree(hello / "cases")
    if declared:
        name = {"name": {"type": "string", "minLength": 2}}
        schema = {"type": "object", "required": ["name"], "properties": name}
        (hello / "schema.json").write_text(json.dumps({"input": schema}))
    else:
        (hello / "src" / "hello.py").write_text(TYPED)
    with serving(hello, "--engine", "virtualenv") as served:
        sample = served.of("ready")[0]["sample"]
        assert sample == ('{"name":"text"}' if declared else '{"name":"text","times":1}')
        expected = {"greeting": "Hello text!"} if declared else "text"
        with urllib.request.urlopen(served.url, sample.encode(), timeout=10) as response:
            answer = response.read().decode()
        assert (json.loads(answer) if declared else answer) == expected


def test_a_save_overtakes_an_edit_that_hangs(where: str, hello: Path) -> None:
    entry = hello / "src" / "hello.py"
    good = entry.read_text()
    with serving(hello, "--engine", where) as served:
        entry.write_text(good + "\n\ndef load():\n    while True:\n        pass\n")
        time.sleep(0.5)
        assert post(served.url, "Ada") == {"greeting": "Hello Ada!"}
        entry.write_text(good.replace("Hello", "Good day"))
        served.wait_for_reloads(1)
        assert post(served.url, "Ada") == {"greeting": "Good day Ada!"}
        entry.write_text(good + "\n\ndef load():\n    while True:\n        pass\n")
        time.sleep(0.3)
        assert served.stop() == 0
    assert served.stop_seconds < 5
    assert served.of("error") == []
    assert not any("Traceback" in line for line in served.story)


@pytest.mark.slow
def test_a_save_takes_the_place_of_a_first_load_that_hangs(where: str, hello: Path) -> None:
    entry = hello / "src" / "hello.py"
    good = entry.read_text()
    entry.write_text(good + "\nprint('loading')\nwhile True:\n    pass\n")
    with Served.begin([*ALGO, "serve", "--engine", where], hello) as served:
        served.wait(lambda: "loading" in served.story, 300)
        entry.write_text(good.replace("def apply(", "def apply(("))
        served.wait_for("error", 1)
        assert (served.of("error")[0]["line"], served.of("error")[0]["serves"]) == (12, False)
        entry.write_text(good.replace("Hello", "Good day"))
        served.wait_until_ready(15)
        assert post(served.url, "Ada") == {"greeting": "Good day Ada!"}
        edit(entry, "Good day", "Good night")
        served.wait(lambda: post(served.url, "Ada") == {"greeting": "Good night Ada!"})
        assert post(served.url, "Ada") == {"greeting": "Good night Ada!"}
        assert served.stop() == 0


def test_the_first_lines_are_the_url_and_a_curl_that_works(hello: Path) -> None:
    words = [*ALGO, "serve", "--engine", "virtualenv", "--port", "0"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    curl = process.stdout.readline()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
    done = subprocess.run(curl, shell=True, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"greeting": "Hello Ada!"}
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0
    process.stdout.close()


def test_ignored_files_reload_nothing_and_others_do(hello: Path) -> None:
    with serving(hello, "--engine", "virtualenv") as served:
        (hello / "README.md").write_text("new")
        (hello / "src" / "hello.py.swp").write_text("new")
        time.sleep(0.3)
        assert served.of("reload") == []
        (hello / "labels.txt").write_text("new")
        served.wait_for_reloads(1)


def test_a_file_whose_name_is_no_utf8_ends_nothing(hello: Path) -> None:
    with serving(hello, "--engine", "virtualenv") as served:
        (hello / "src" / os.fsdecode(b"b\xff.txt")).write_text("new")
        served.wait_for_reloads(1)
        assert post(served.url, "Ada") == {"greeting": "Hello Ada!"}
        assert served.stop() == 0
    built = subprocess.run([*ALGO, "build", "--into", "store"], capture_output=True, text=True)
    assert built.stderr.splitlines()[-2:] == [
        "error[unreadable_file]: the name of 'src/b\\udcff.txt' is not UTF-8",
        "hint: rename it, or name it in .algoignore",
    ]


def test_without_reload_an_edit_changes_nothing(hello: Path) -> None:
    with serving(hello, "--engine", "virtualenv", "--no-reload") as served:
        edit(hello / "src" / "hello.py", "Hello", "Good day")
        time.sleep(0.3)
        assert served.of("reload") == []
        assert post(served.url, "Ada") == {"greeting": "Hello Ada!"}


def test_a_load_error_at_the_start_is_one_error_with_file_and_line(
    hello: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    edit(hello / "src" / "hello.py", "class AlgorithmError", "import nowhere_to_be_found\nclass X")
    assert run(["serve", "--engine", "virtualenv", "--port", "0", "--json"]) == 1
    error = json.loads(capfd.readouterr().out.splitlines()[-1])["error"]
    assert error["code"] == "load_failed"
    assert "nowhere_to_be_found" in error["message"]
    assert "src/hello.py:4" in error["message"]


def test_the_help_says_that_json_is_an_event_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "--json Print a JSON event a line on stdout." in told


def test_a_taken_port_names_a_free_one(hello: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = str(listener.getsockname()[1])
        assert run(["serve", "--engine", "virtualenv", "--port", port, "--json"]) == 1
    error = error_of(capsys)
    assert error["code"] == "port_taken"
    assert "--port" in error["hint"]


ELSEWHERE = ["--engine", "virtualenv", "--host", "192.0.2.1"]


@pytest.mark.parametrize(
    ("options", "code", "exit_code"),
    [
        (["--engine", "kubernetes"], "unknown_engine", 2),
        (["--engine", "virtualenv", "--exact"], "exact_needs_image", 2),
        ([*ELSEWHERE, "--insecure-no-token"], "address_invalid", 2),
        (ELSEWHERE, "token_required", 4),
        (["--engine", "docker"], "engine_unavailable", 3),
        (["no-such-thing"], "target_unknown", 2),
        (["./missing"], "target_unknown", 2),
        (["http://127.0.0.1:1"], "target_unknown", 2),
    ],
)
def test_what_cannot_be_served_is_named(
    hello: Path,
    options: list[str],
    code: str,
    exit_code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{hello}/absent.sock")
    assert run(["serve", *options, "--json"]) == exit_code
    assert error_of(capsys)["code"] == code


def test_without_docker_the_virtualenv_engine_serves_and_says_so(
    hello: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{hello}/absent.sock")
    with serving(hello) as served:
        assert served.of("ready")[0]["engine"] == "virtualenv"
        assert sum("virtualenv engine" in line for line in served.story) == 1


@pytest.mark.program("ps")
def test_a_killed_serve_takes_its_processes_with_it_and_doctor_cleans_up(
    hello: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    served = serving(hello, "--engine", "virtualenv")
    served.process.kill()
    served.stop()
    deadline = time.monotonic() + 5
    while str(hello) in _commands() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert str(hello) not in _commands()
    capsys.readouterr()
    run(["doctor", "--json"])
    # Whatever else lies in an engine that others use, too.
    (left,) = sessions(capsys, "leftovers")
    run(["doctor", "--fix", "--json"])
    assert sessions(capsys, "removed") == [left]
    run(["doctor", "--json"])
    assert sessions(capsys, "leftovers") == []


def test_a_killed_gateway_ends_serve_with_an_error(
    where: str, hello: Path, request: pytest.FixtureRequest, algo_home: Path
) -> None:
    docker = request.getfixturevalue("engine") if where == "docker" else None
    served = serving(hello, "--engine", where)
    (record,) = (algo_home / "state" / "sessions").glob("*/session.json")
    session = json.loads(record.read_text())
    if docker is not None:
        docker.docker("kill", session["container"])
    else:
        os.kill(session["processes"][0]["pid"], signal.SIGKILL)
    assert served.process.wait(5) == 1
    served.stop()
    assert served.events[-1]["error"]["code"] == "service_ended"
    assert not record.exists()


@pytest.mark.engine
def test_the_container_of_a_killed_serve_is_listed_and_removed(
    hello: Path, engine: Any, capsys: pytest.CaptureFixture[str], algo_home: Path
) -> None:
    served = serving(hello, "--engine", "docker")
    (record,) = (algo_home / "state" / "sessions").glob("*/session.json")
    container = json.loads(record.read_text())["container"]
    served.process.kill()
    served.stop()
    capsys.readouterr()
    run(["doctor", "--json"])
    left = json.loads(capsys.readouterr().out)["leftovers"]
    assert container in [item["name"] for item in left]
    # Where no job was taken, nothing of it is kept.
    jobs = user_folders(str(algo_home)).jobs("acme/hello", str(hello.resolve()))
    volumes = ("volume", "ls", "--quiet", "--filter", f"name={jobs.name}")
    assert engine.docker(*volumes) == f"algo-jobs-{jobs.name}"
    run(["doctor", "--fix", "--json"])
    assert container[:12] not in engine.docker("ps", "--all", "--quiet")
    assert engine.docker(*volumes) == ""


@pytest.mark.engine
def test_the_container_is_locked_up(hello: Path, engine: Any, algo_home: Path) -> None:
    with serving(hello, "--engine", "docker"):
        (record,) = (algo_home / "state" / "sessions").glob("*/session.json")
        container = json.loads(record.read_text())["container"]
        (found,) = json.loads(engine.docker("inspect", container))
    host = found["HostConfig"]
    assert host["CapDrop"] == ["ALL"]
    assert host["ReadonlyRootfs"] is True
    assert "no-new-privileges" in host["SecurityOpt"]
    assert host["PidsLimit"] == 512
    assert found["Config"]["User"].split(":")[0] not in ("", "0", "root")
    of_this_machine = [bind for bind in host["Binds"] if bind.startswith("/")]
    assert {bind.split(":")[-1] for bind in of_this_machine} == {"ro"}
    ports = found["NetworkSettings"]["Ports"].values()
    assert {one["HostIp"] for found in ports for one in found or []} == {"127.0.0.1"}


@pytest.mark.engine
def test_exact_runs_the_image_alone_and_tells_its_digest(hello: Path, engine: Any) -> None:
    with serving(hello, "--exact") as served:
        ready = served.of("ready")[0]
        assert re.fullmatch(r"sha256:[0-9a-f]{64}", ready["digest"])
        edit(hello / "src" / "hello.py", "Hello", "Good day")
        time.sleep(0.3)
        assert post(served.url, "Ada") == {"greeting": "Hello Ada!"}


def _commands() -> str:
    return subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True).stdout


def ask(url: str, method: str = "GET", **headers: str) -> Any:
    request = urllib.request.Request(url, method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.loads(response.read())


def test_a_job_outlives_the_service(
    hello: Path, algo_home: Path, where: str, request: pytest.FixtureRequest
) -> None:
    slow = "import time\n\ndef apply(input):\n    time.sleep(input)\n    return 'late'\n"
    (hello / "src" / "hello.py").write_text(slow)
    with serving(hello, "--engine", where) as served:
        for name, seconds in (("first", 30), ("second", 0)):
            order = urllib.request.Request(
                f"{served.url}/jobs/{name}", str(seconds).encode(), method="PUT"
            )
            with urllib.request.urlopen(order, timeout=10) as response:
                assert response.status == 202
        while ask(f"{served.url}/jobs/first")["state"] != "running":
            time.sleep(0.05)
    (hello / "src" / "hello.py").write_text(slow.replace("sleep(input)", "sleep(0)"))
    with serving(hello, "--engine", where) as served:
        for name, attempt in (("first", 2), ("second", 1)):
            job = ask(f"{served.url}/jobs/{name}", Prefer="wait=30")
            assert (job["state"], job["attempt"]) == ("succeeded", attempt)
    if where == "docker":
        folder = user_folders(str(algo_home)).jobs("acme/hello", str(hello.resolve()))
        engine: Engine = request.getfixturevalue("engine")
        engine.docker("volume", "rm", f"algo-jobs-{folder.name}")


@pytest.mark.parametrize("words", [["serve"], ["run", "-d", "{}"], ["test"]])
def test_a_gpu_that_is_not_there_is_refused_before_anything_is_locked(
    hello: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    # Also on a machine that has some.
    options = ["--gpu", "id:99", "--engine", "virtualenv", "--json"]
    assert run([*words, *options]) == 3
    assert error_of(capsys)["code"] == "gpu_unavailable"
    assert not (hello / "algo.lock").exists()


def test_an_algorithm_for_a_gpu_never_runs_without_one(
    hello: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    manifest = hello / "algo.toml"
    text = manifest.read_text()
    assert "[environment]\n" in text
    manifest.write_text(text.replace("[environment]\n", "[environment]\ngpu = true\n"))
    assert run(["run", "-d", "{}", "--engine", "virtualenv", "--json"]) == 3
    error = error_of(capsys)
    assert error["code"] == "gpu_unavailable"
    assert error["hint"]
    assert run(["serve", "--gpu", "0", "--engine", "virtualenv", "--json"]) == 2
    assert error_of(capsys)["code"] == "gpu_invalid"
