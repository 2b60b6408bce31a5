"""Publishing and what consumes it, by the commands, in the embedded store and in a registry."""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from algo.main import run

from tests.machine import registries
from tests.machine.commands import output_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Engine

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def hello(
    tmp_path: Path,
    algo_home: Path,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> Path:
    """A project; the engine builds the runtime image once a session."""
    assert engine.version
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ALGO_ENGINE", "virtualenv")
    assert run(["init", "acme/hello"]) == 0
    monkeypatch.chdir(tmp_path / "hello")
    capsys.readouterr()
    return tmp_path / "hello"


@pytest.fixture
def guarded(tmp_path: Path, docker_registry: str) -> Iterator[str]:
    """A registry that lets in ada with the password lovelace, and nobody else."""
    assert docker_registry
    folder = tmp_path / "guarded"
    folder.mkdir()
    with registries.docker_registry(folder, htpasswd={"ada": "lovelace"}) as address:
        yield address


def told(capsys: Captured, *words: str, code: int = 0) -> Any:
    """Run a command with --json and return its document."""
    capsys.readouterr()
    ended = run([*words, "--json"])
    shown = capsys.readouterr()
    assert ended == code, f"{words}: {ended}: {shown.out} {shown.err}"
    return json.loads(shown.out)


def change(hello: Path, old: str, new: str) -> None:
    source = hello / "src" / "hello.py"
    text = source.read_text()
    assert old in text
    source.write_text(text.replace(old, new))


def test_the_first_version_is_1_0_0_and_says_all_that_scripts_need(
    hello: Path, capsys: Captured
) -> None:
    said = told(capsys, "publish", "--yes")
    assert (said["name"], said["version"]) == ("acme/hello", "1.0.0")
    assert said["reference"] == "acme/hello:1.0.0"
    assert said["digest"].startswith("sha256:")
    assert list(said["images"]) == ["linux/amd64"]
    assert {"digest", "size", "kind", "status"} <= set(said["layers"][0])
    assert {layer["status"] for layer in said["layers"]} <= {"reused", "mounted", "sent"}
    assert said["bytes_sent"] > 0
    assert 'version = "1.0.0"' in (hello / "algo.toml").read_text()
    assert told(capsys, "build", "--into", "store")["digest"] == said["images"]["linux/amd64"]


def test_an_existing_version_is_refused_and_stays(hello: Path, capsys: Captured) -> None:
    first = told(capsys, "publish", "--yes")
    change(hello, "Hello", "Good day")
    refused = told(capsys, "publish", "--version", "1.0.0", "--yes", code=5)
    assert refused["error"]["code"] == "version_exists"
    assert told(capsys, "verify", "acme/hello:1.0.0")["digest"] == first["digest"]


def test_the_next_version_follows_the_contract_and_bump_asks_for_more(
    hello: Path, capsys: Captured
) -> None:
    told(capsys, "publish", "--yes")
    (hello / "src" / "notes.py").write_text("")
    assert told(capsys, "publish", "--yes")["version"] == "1.0.1"
    (hello / "src" / "notes.py").write_text("# more\n")
    assert told(capsys, "publish", "--bump", "minor", "--yes")["version"] == "1.1.0"
    (hello / "src" / "notes.py").write_text("# still more\n")
    low = told(capsys, "publish", "--version", "1.0.2-rc.1", "--dry-run")
    assert low["version"] == "1.0.2-rc.1"
    assert told(capsys, "publish", "--version", "three", "--yes", code=2)["error"]["code"] == (
        "bad_version"
    )
    listed = told(capsys, "versions", "acme/hello")
    assert [one["version"] for one in listed["versions"]] == ["1.1.0", "1.0.1", "1.0.0"]


def test_a_dry_run_changes_nothing(hello: Path, capsys: Captured, algo_home: Path) -> None:
    before = sources(hello)
    plan = told(capsys, "publish", "--dry-run")
    assert (plan["version"], plan["reason"]) == ("1.0.0", "the first version")
    # The store gives what the cache holds a second name, which is not to send.
    assert {layer["status"] for layer in plan["layers"]} == {"mounted"}
    assert plan["bytes_to_send"] < 60_000
    assert sources(hello) == before
    assert not (algo_home / "data").exists()


def test_a_dry_run_knows_what_a_publish_will_send(
    hello: Path, capsys: Captured, docker_registry: str, algo_home: Path
) -> None:
    manifest = hello / "algo.toml"
    manifest.write_text(manifest.read_text().replace("acme/hello", "acme/foreseen"))
    target = f"{docker_registry}/acme/foreseen"
    told(capsys, "keys", "create")
    # What other tests sent to this registry under other names would be mounted, not new.
    shutil.rmtree(algo_home / "cache" / "mounts", ignore_errors=True)
    for status in ("new", "reused"):
        plan = told(capsys, "publish", "--to", target, "--dry-run")
        done = told(capsys, "publish", "--to", target, "--yes")
        assert plan["bytes_to_send"] == done["bytes_sent"]
        assert plan["layers"][0]["status"] == status
        assert (plan["digest"], plan["statements"]) == (done["digest"], done["statements"])
        (hello / "src" / "notes.py").write_text("# more\n")
    assert plan["layers"][-1]["status"] == "new"
    assert plan["bytes_to_send"] < 64_000


def sources(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_in_no_commit_is_refused_unless_it_is_allowed(
    hello: Path, capsys: Captured
) -> None:
    told(capsys, "lock")
    commit(hello)
    (hello / "src" / "notes.py").write_text("")
    assert told(capsys, "publish", "--dry-run")["uncommitted"] == ["src/notes.py"]
    refused = told(capsys, "publish", "--yes", code=5)["error"]
    assert (refused["code"], refused["details"]) == ("not_committed", "src/notes.py")
    assert "git add src/notes.py && git commit" in refused["hint"]
    assert told(capsys, "versions", "acme/hello", code=1)["error"]["code"] == "not_found"

    told(capsys, "publish", "--allow-dirty", "--yes")
    first = told(capsys, "inspect", "acme/hello:1.0.0")["provenance"]
    assert source_of(first)["annotations"] == {"dirty": True, "changedFiles": 1}
    commit(hello)
    told(capsys, "publish", "--bump", "minor", "--yes")
    second = told(capsys, "inspect", "acme/hello:1.1.0")["provenance"]
    assert source_of(second)["annotations"] == {"dirty": False}
    assert source_of(second)["digest"]["gitCommit"] == git(hello, "rev-parse", "HEAD")
    assert second["build_definition"]["external_parameters"]["bump"] == "minor"


def test_the_lock_of_a_version_can_be_compared_with_the_committed_one(
    hello: Path, capsys: Captured
) -> None:
    commit(hello)
    refused = told(capsys, "publish", "--yes", code=5)["error"]
    assert (refused["code"], refused["details"]) == ("not_committed", "algo.lock")
    assert told(capsys, "publish", "--dry-run")["uncommitted"] == ["algo.lock"]

    commit(hello)
    committed = (hello / "algo.lock").read_bytes()
    told(capsys, "publish", "--yes")
    used = (hello / "algo.lock").read_bytes()
    provenance = told(capsys, "inspect", "acme/hello:1.0.0")["provenance"]
    source, lock = provenance["build_definition"]["resolved_dependencies"][:2]
    assert source["annotations"] == {"dirty": False}
    assert lock["digest"]["sha256"] == hashlib.sha256(used).hexdigest()
    digest = hashlib.sha256(committed).hexdigest()
    assert digest == hashlib.sha256(git_show(hello, "algo.lock")).hexdigest()
    assert lock["annotations"] == {"committed": digest, "written": "runtime"}
    assert run(["inspect", "acme/hello:1.0.0"]) == 0
    said = f"(committed: {digest[:12]}, to which algo added runtime)"
    assert said in capsys.readouterr().out

    # Once that is committed, too, both are the same.
    commit(hello)
    told(capsys, "publish", "--yes", "--bump", "minor")
    provenance = told(capsys, "inspect", "acme/hello:1.1.0")["provenance"]
    lock = provenance["build_definition"]["resolved_dependencies"][1]
    assert lock["annotations"] == {"committed": lock["digest"]["sha256"]}


def test_trust_toml_refuses_what_was_published_from_elsewhere(
    hello: Path, capsys: Captured, algo_home: Path
) -> None:
    told(capsys, "publish", "--yes")
    rules = algo_home / "config" / "trust.toml"
    rules.parent.mkdir()
    rules.write_text('[owners.acme]\nrepository = "git.example.com/acme/*"\n')
    for words in (("verify",), ("pull",), ("run", "-d", '"Ada"')):
        refused = told(capsys, *words, "acme/hello:1.0.0", code=4)["error"]
        assert refused["code"] == "policy_refused"
        assert "not published from a commit" in refused["message"]
    assert "git" in told(capsys, "inspect", "acme/hello:1.0.0")["objection"]
    git(hello, "init", "--quiet", "--initial-branch", "main")
    git(hello, "remote", "add", "origin", "git@git.example.com:acme/hello.git")
    commit(hello)
    told(capsys, "publish", "--yes", "--bump", "minor")
    assert told(capsys, "verify", "acme/hello:1.1.0")["provenance"]["run_details"]
    assert told(capsys, "run", "-d", '"Ada"', "acme/hello:1.1.0") == {"greeting": "Hello Ada!"}


def source_of(provenance: Any) -> Any:
    (source, *_) = provenance["build_definition"]["resolved_dependencies"]
    return source


def commit(folder: Path) -> None:
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "all there is")


def git_show(folder: Path, name: str) -> bytes:
    return f"{git(folder, 'show', f'HEAD:{name}')}\n".encode()


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    return output_of(["git", "-C", folder, *who, *words])


def test_without_a_terminal_publish_wants_yes(hello: Path, capsys: Captured) -> None:
    assert told(capsys, "publish", code=2)["error"]["code"] == "confirmation_needed"
    assert told(capsys, "versions", "acme/hello", code=1)["error"]["code"] == "not_found"


def test_a_failed_test_publishes_nothing(hello: Path, capsys: Captured) -> None:
    change(hello, "Hello", "Good day")
    refused = told(capsys, "publish", "--yes", code=1)["error"]
    assert refused["code"] == "tests_failed"
    assert "Good day" in refused["details"]
    assert told(capsys, "versions", "acme/hello", code=1)["error"]["code"] == "not_found"


def test_a_pulled_version_runs_without_its_registry(
    hello: Path, capsys: Captured, docker_registry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = f"{docker_registry}/acme/pulled"
    manifest = hello / "algo.toml"
    manifest.write_text(manifest.read_text().replace("acme/hello", "acme/pulled"))
    published = told(capsys, "publish", "--to", target, "--yes")
    pulled = told(capsys, "pull", f"{target}:1.0.0")
    assert pulled["digest"] == published["digest"]
    monkeypatch.chdir(hello.parent)
    assert told(capsys, "run", "acme/pulled:1.0.0", "-d", '"Ada"') == {"greeting": "Hello Ada!"}
    assert told(capsys, "inspect", "acme/pulled:1.0.0")["digest"] == published["digest"]


def test_a_pulled_version_verifies_without_those_before_it(
    hello: Path, capsys: Captured, docker_registry: str
) -> None:
    target = f"{docker_registry}/acme/chain"
    told(capsys, "publish", "--to", target, "--yes")
    for number in (1, 2):
        (hello / "src" / "notes.py").write_text(f"# {number}\n")
        told(capsys, "publish", "--to", target, "--yes")
    assert told(capsys, "verify", f"{target}:1.0.2")["history"] == 3
    told(capsys, "pull", f"{target}:1.0.2")
    verified = told(capsys, "verify", "acme/chain:1.0.2")
    assert (verified["history"], verified["history_continues"]) == (1, target)
    told(capsys, "pull", f"{target}:1.0.1")
    assert told(capsys, "verify", "acme/chain:1.0.2")["history"] == 2


def test_what_a_verified_version_was_unpacked_to_is_not_trusted(
    hello: Path, capsys: Captured, algo_home: Path
) -> None:
    manifest = hello / "algo.toml"
    manifest.write_text(manifest.read_text().replace("acme/hello", "acme/sealed"))
    image = told(capsys, "publish", "--yes")["images"]
    call = ("run", "acme/sealed:1.0.0", "-d", '"Ada"')
    assert told(capsys, *call) == {"greeting": "Hello Ada!"}
    ((_, digest),) = image.items()
    unpacked = algo_home / "cache" / "versions" / digest.removeprefix("sha256:")
    source = unpacked / "src" / "hello.py"
    source.write_text(source.read_text().replace("Hello", "Hullo"))
    assert told(capsys, *call) == {"greeting": "Hello Ada!"}
    (unpacked / "src" / "json.py").write_text("raise SystemExit\n")
    assert told(capsys, *call) == {"greeting": "Hello Ada!"}
    assert not (unpacked / "src" / "json.py").exists()


def test_a_guarded_registry_says_to_log_in_and_then_lets_in(
    hello: Path,
    capsys: Captured,
    guarded: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    target = f"{guarded}/acme/hello"
    refused = told(capsys, "publish", "--to", target, "--yes", code=4)["error"]
    assert refused["code"] == "unauthorized"
    assert f"algo login {guarded}" in refused["hint"]
    import io

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"wrong\n")))
    wrong = told(capsys, "login", guarded, "-u", "ada", "--password-stdin", code=4)
    assert wrong["error"]["code"] == "unauthorized"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"lovelace\n")))
    there = told(capsys, "login", f"http://{guarded}/v2/", "-u", "ada", "--password-stdin")
    assert there["host"] == guarded
    kept = json.loads((tmp_path / "docker" / "config.json").read_text())
    assert list(kept["auths"]) == [guarded]
    assert told(capsys, "publish", "--to", target, "--yes")["version"] == "1.0.0"
    assert told(capsys, "verify", f"{target}:1.0.0")["verified"] is True


def test_keys_are_made_shown_trusted_and_revoked(
    algo_home: Path, tmp_path: Path, capsys: Captured
) -> None:
    made = told(capsys, "keys", "create")
    capsys.readouterr()
    assert run(["keys", "export"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("-----BEGIN PUBLIC KEY-----\n")
    assert shown.out.endswith("-----END PUBLIC KEY-----\n")
    assert told(capsys, "keys", "create", code=1)["error"]["code"] == "key_exists"
    (tmp_path / "a.pub").write_text(shown.out)
    assert told(capsys, "keys", "list")["keys"][0]["id"] == made["id"]
    told(capsys, "keys", "revoke", made["id"], "--reason", "lost")
    kinds = {key["kind"] for key in told(capsys, "keys", "list")["keys"]}
    assert "revoked" in kinds
    (tmp_path / "not.pub").write_text("nothing")
    assert told(capsys, "keys", "trust", str(tmp_path / "not.pub"), code=2)["error"]["code"] == (
        "key_invalid"
    )
    assert (algo_home / "data" / "keys").stat().st_mode & 0o077 == 0


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_version_for_both_processors_has_both_images(
    hello: Path, capsys: Captured, docker_registry: str, cosign3: Path, skopeo: Path
) -> None:
    manifest = hello / "algo.toml"
    manifest.write_text(manifest.read_text().replace("acme/hello", "acme/both"))
    target = f"{docker_registry}/acme/both"
    done = told(capsys, "publish", "--to", target, "--platform", "all", "--yes")
    assert list(done["images"]) == ["linux/amd64", "linux/arm64"]
    assert told(capsys, "verify", f"{target}:1.0.0")["images"] == done["images"]
    assert told(capsys, "run", f"{target}:1.0.0", "-d", '"Ada"') == {"greeting": "Hello Ada!"}
    key = hello.parent / "algo.pub"
    capsys.readouterr()
    assert run(["keys", "export"]) == 0
    key.write_text(capsys.readouterr().out)
    for platform, digest in done["images"].items():
        words = ("--key", str(key), "--insecure-ignore-tlog", f"{target}@{digest}")
        output_of([cosign3, "verify", *words])
        output_of([cosign3, "verify-attestation", "--type", "cyclonedx", *words])
        architecture = platform.partition("/")[2]
        asked = ("--tls-verify=false", "--override-arch", architecture, f"docker://{target}:1.0.0")
        seen = json.loads(output_of([skopeo, "inspect", *asked]))
        assert seen["Architecture"] == architecture
