from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from algo.project import manifest, units
from algo.project.description import describe
from algo.project.errors import (
    BadName,
    EntrypointMissing,
    ManifestInvalid,
    ModelMissing,
    ProjectNotFound,
)
from algo.project.project import Project

if TYPE_CHECKING:
    from pathlib import Path

MINIMAL = """
[algorithm]
name = "acme/digits"
language = "python"
entrypoint = "src/digits.py:apply"
"""


def test_a_minimal_manifest_has_the_documented_defaults() -> None:
    parsed = manifest.parse(MINIMAL)
    assert parsed.algorithm.name == "acme/digits"
    assert parsed.environment.python == ">=3.11"
    assert parsed.serving.timeout_seconds == 60.0
    assert parsed.serving.max_body_bytes == 10_000_000
    assert parsed.models == {}


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[algorithm", "not valid TOML", "correct algo.toml"),
        (MINIMAL + "entrpoint = 1", "has no key 'entrpoint'", "did you mean entrypoint?"),
        (MINIMAL + "[servin]", "has no key 'servin'", "did you mean serving?"),
        (MINIMAL + "[serving]\nmax_body = '1MB'", "no key 'max_body'", "did you mean max-body?"),
        (MINIMAL + "[serving]\nworkers = 'two'", "serving.workers: expected `int`", "correct"),
        (MINIMAL + "[serving]\nworkers = 0", "workers is 0", "from 1 to 256"),
        (MINIMAL + "[serving]\nworkers = 100000", "workers is 100000", "from 1 to 256"),
        (MINIMAL + "[serving]\nbatch = {max-size = 0}", "batch max-size is 0", "from 1"),
        (
            MINIMAL + "[environment]\nsystem-packages = ['--allow-unauthenticated']",
            "'--allow-unauthenticated' in system-packages is no name of a Debian package",
            "libsndfile1",
        ),
        (
            MINIMAL + "[serving]\nbatch = {max-wait = 'x'}",
            "[serving] batch.max-wait: 'x' is not a duration",
            "250ms",
        ),
        (
            MINIMAL + "[serving]\nbatch = {max-sise = 3}",
            "[serving] batch has no key 'max-sise'",
            "did you mean max-size?",
        ),
        (MINIMAL + "[serving]\njobs = {foo = 1}", "[serving] jobs has no key 'foo'", "keep-count"),
        (
            MINIMAL + "[serving.jobs.webhooks]\nalow = []",
            "[serving] jobs.webhooks has no key 'alow'",
            "did you mean allow?",
        ),
        (
            MINIMAL + "[serving]\nfetch = {hots = ['a']}",
            "[serving] fetch has no key 'hots'",
            "did you mean hosts?",
        ),
        (MINIMAL + "[serving]\nworker-memory = '1MB'", "'1MB', less than any", "10MB"),
        (MINIMAL + "[serving]\nfetch = {hosts = []}", "fetch has no hosts", "example.com"),
        (MINIMAL + "[serving]\nfetch = {hosts = ['http://a']}", "is no host", "*.example.com"),
        (MINIMAL + "[serving]\nfetch = {hosts = ['a'], networks = ['x']}", "'x'", "10.1.0.0/16"),
        (MINIMAL + "[serving]\nfetch = {hosts = ['a'], max-size = '0'}", "nothing", "above 0"),
        (MINIMAL + "[serving.tensors.inputs]\nx = 'FLOAT[2]'", "x is 'FLOAT[2]'", "FP32[-1,64]"),
        (MINIMAL + "[serving.tensors]\noutputs = {x = 'FP32[-2]'}", "'FP32[-2]'", "FP32[-1,64]"),
        (MINIMAL + "[serving]\ntimeout = '0s'", "timeout is 0", "more"),
        (MINIMAL + "[serving]\nmax-body = '0'", "max-body is 0", "more"),
        (MINIMAL + "[models]\na = '.'", "model a at '.' is the project itself", "below"),
        (MINIMAL + "[serving]\ntimeout = '60'", "[serving] timeout: '60' is not a duration", "60s"),
        (
            MINIMAL + "[serving]\nmax-body = 'big'",
            "[serving] max-body: 'big' is not a size",
            "10MB",
        ),
        (MINIMAL + "[models]\nm = '../secret'", "outside the project", "below"),
        (MINIMAL.replace(":apply", ""), "not FILE:FUNCTION", '"src/digits.py:apply"'),
        (MINIMAL.replace("src/", "/src/"), "not FILE:FUNCTION", "src/name.py:apply"),
        ("[algorithm]\nname = 'a/b'", "missing required field `language`", "correct"),
        ("algorithm = 3", "expected `object`", "correct"),
    ],
)
def test_a_bad_manifest_is_refused_with_the_place_and_a_hint(
    text: str, message: str, hint: str
) -> None:
    with pytest.raises(ManifestInvalid) as caught:
        manifest.parse(text)
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "name", ["digits", "Acme/digits", "a/b/c", "acme/", "acme/di gits", "a/-b"]
)
def test_a_name_that_a_registry_would_refuse_is_refused(name: str) -> None:
    with pytest.raises(BadName):
        manifest.check_name(name)


def test_a_bad_name_gets_the_nearest_good_one() -> None:
    with pytest.raises(BadName) as caught:
        manifest.check_name("Acme/My Digits")
    assert caught.value.hint == "use acme/my-digits"


@pytest.mark.parametrize(
    ("text", "value"), [("250ms", 0.25), ("60s", 60), ("2m", 120), ("1h", 3600)]
)
def test_durations_are_read_in_seconds(text: str, value: float) -> None:
    assert units.seconds(text) == value


@pytest.mark.parametrize(("text", "value"), [("4096", 4096), ("10MB", 10**7), ("1GiB", 1 << 30)])
def test_sizes_are_read_in_bytes(text: str, value: int) -> None:
    assert units.size(text) == value


def test_a_project_is_found_from_a_folder_below_it(tmp_path: Path) -> None:
    (tmp_path / "algo.toml").write_text(MINIMAL)
    below = tmp_path / "src" / "deep"
    below.mkdir(parents=True)
    assert Project.find(below).root == tmp_path.resolve()


def test_no_project_names_the_folder_and_the_command(tmp_path: Path) -> None:
    with pytest.raises(ProjectNotFound) as caught:
        Project.find(tmp_path)
    assert str(tmp_path) in caught.value.message
    assert caught.value.hint == "algo init OWNER/NAME"


def test_a_manifest_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "algo.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ManifestInvalid, match="not UTF-8 at byte 0"):
        Project.open(tmp_path)
    (tmp_path / "algo.toml").write_text(MINIMAL, encoding="utf-8-sig")
    with pytest.raises(ManifestInvalid, match="begins with a byte order mark") as caught:
        Project.open(tmp_path)
    assert caught.value.hint == "save it as UTF-8 without BOM"


def test_missing_files_are_named_with_the_way_to_make_them(tmp_path: Path) -> None:
    (tmp_path / "algo.toml").write_text(MINIMAL + "[models]\nclassifier = 'models/c.pkl'\n")
    project = Project.open(tmp_path)
    with pytest.raises(EntrypointMissing, match=r"src/digits\.py"):
        project.check_files()
    (tmp_path / "src").mkdir()
    for name in ("digit.py", "other.py", "digits.txt"):
        (tmp_path / "src" / name).touch()
    with pytest.raises(EntrypointMissing) as meant:
        project.check_files((".py",))
    assert meant.value.hint == 'set entrypoint = "src/digit.py:apply" in algo.toml'
    with pytest.raises(EntrypointMissing) as meant:
        project.check_files()
    assert meant.value.hint == 'set entrypoint = "src/digit.py:apply" in algo.toml'
    manifest_text = (tmp_path / "algo.toml").read_text()
    (tmp_path / "algo.toml").write_text(manifest_text.replace("src/", "scr/"))
    with pytest.raises(EntrypointMissing) as meant:
        Project.open(tmp_path).check_files()
    assert meant.value.hint == 'set entrypoint = "src/digit.py:apply" in algo.toml'
    (tmp_path / "src" / "digits.py").write_text("def apply(input): return input\n")
    (tmp_path / "train.py").write_text("")
    with pytest.raises(ModelMissing, match=r"models/c\.pkl") as caught:
        project.check_files()
    assert caught.value.hint == "algo exec -- python train.py"


def test_an_empty_folder_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "algo.toml").write_text(MINIMAL + "[models]\nnet = 'models/net'\n")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "digits.py").write_text("def apply(input): return input\n")
    (tmp_path / "models" / "net" / "variables").mkdir(parents=True)
    project = Project.open(tmp_path)
    with pytest.raises(ModelMissing, match="net at models/net is an empty folder") as caught:
        project.check_files()
    assert caught.value.hint == "put files in models/net"
    (tmp_path / "models" / "net" / "variables" / "data").write_text("weights")
    project.check_files()


def test_the_description_holds_no_version_so_that_one_content_has_one_digest() -> None:
    plain = describe(manifest.parse(MINIMAL))
    assert plain == describe(manifest.parse(MINIMAL + 'version = "1.2.0"\n'))
    document = msgspec.json.decode(plain)
    assert "version" not in document
    assert document["serving"]["timeout"] == 60.0


@pytest.mark.parametrize(
    ("text", "told"), [("", "auto"), ("preload = true", "always"), ("preload = false", "never")]
)
def test_the_gateway_is_told_whether_workers_share(text: str, told: str) -> None:
    described = msgspec.json.decode(describe(manifest.parse(f"{MINIMAL}\n[serving]\n{text}\n")))
    assert described["serving"]["preload"] == told


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("jobs = { attempts = 0 }", "jobs.attempts is 0"),
        ("jobs = { keep = '0s' }", "jobs.keep is 0"),
        ("jobs = { keep-size = 'much' }", "'much' is not a size"),
        ("jobs = { timeout = '30d' }", "'30d' is not a duration"),
        ("jobs = { retries = 3 }", "retries"),
        ("jobs.webhooks = { allow = ['https://a.example/path'] }", "no host"),
        ("jobs.webhooks = { allow = ['*'] }", "no host"),
    ],
)
def test_limits_of_jobs_that_are_none_are_refused(text: str, message: str) -> None:
    with pytest.raises(ManifestInvalid) as caught:
        manifest.parse(f"{MINIMAL}\n[serving]\n{text}\n")
    assert message in caught.value.message


def test_the_gateway_is_told_of_jobs_in_seconds_and_bytes() -> None:
    text = "jobs = { keep = '2h', keep-size = '1GB', webhooks = { allow = ['*.example.com'] } }"
    described = msgspec.json.decode(describe(manifest.parse(f"{MINIMAL}\n[serving]\n{text}\n")))
    jobs = described["serving"]["jobs"]
    assert (jobs["keep"], jobs["keep_size"], jobs["timeout"]) == (7200, 10**9, 0)
    assert jobs["webhooks"] == {
        "allow": ["*.example.com"],
        "private": False,
        "attempts": 10,
        "backoff": 2,
    }


def test_preload_is_a_truth_or_auto() -> None:
    with pytest.raises(ManifestInvalid, match=r"serving\.preload"):
        manifest.parse(f'{MINIMAL}\n[serving]\npreload = "sometimes"\n')


def test_the_limits_of_a_worker_are_told_in_seconds_and_bytes() -> None:
    text = '[serving]\ncancel-grace = "500ms"\nworker-memory = "2GB"\n'
    serving = msgspec.json.decode(describe(manifest.parse(f"{MINIMAL}\n{text}")))["serving"]
    assert (serving["cancel_grace"], serving["worker_memory"]) == (0.5, 2_000_000_000)


def test_hosts_of_files_are_in_the_description_where_there_are_any() -> None:
    fetch = "[serving]\nfetch = {hosts = ['*.example.com:8443'], max-size = '1MB'}\n"
    document = msgspec.json.decode(describe(manifest.parse(MINIMAL + fetch)))
    assert document["serving"]["fetch"] == {
        "hosts": ["*.example.com:8443"],
        "networks": [],
        "http": False,
        "max_size": 1_000_000,
        "timeout": 10.0,
    }
    assert "fetch" not in msgspec.json.decode(describe(manifest.parse(MINIMAL)))["serving"]


def test_declared_tensors_are_in_the_description() -> None:
    tensors = "[serving.tensors]\ninputs = {image = 'FP32[-1, 64]', n = 'INT8'}\n"
    document = msgspec.json.decode(describe(manifest.parse(MINIMAL + tensors)))
    assert document["serving"]["tensors"] == {"inputs": {"image": "FP32[-1, 64]", "n": "INT8"}}


@pytest.mark.parametrize("origin", ["https://app.example.com", "http://localhost:3000", "*"])
def test_origins_are_told_to_the_gateway(origin: str) -> None:
    parsed = manifest.parse(MINIMAL + f'[serving]\ncors = ["{origin}"]\n')
    assert msgspec.json.decode(describe(parsed))["serving"]["cors"] == [origin]


@pytest.mark.parametrize("origin", ["app.example.com", "https://app.example.com/", "https://*.a.b"])
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(ManifestInvalid, match="which is no origin"):
        manifest.parse(MINIMAL + f'[serving]\ncors = ["{origin}"]\n')
