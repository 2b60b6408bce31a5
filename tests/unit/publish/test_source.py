"""What git says of a project, by the real git, and what is refused for it."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from algo.project.lock import TEST, Pin, Target, parse, render
from algo.project.project import Project
from algo.project.version import write_version
from algo.publish.errors import GitFailed, NotCommitted
from algo.publish.git import GitSources, public_address
from algo.publish.source import Checkout, Source, require_committed, source_of
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MANIFEST = """[algorithm]
name = "acme/digits"  # a comment that stays
language = "python"
entrypoint = "src/digits.py:apply"

[models]
classifier = "models/weights.bin"
"""
LOCK = 'version = 1\ninputs = "sha256:1"\ntargets = ["linux/amd64 python3.13 runtime"]\n'
IMAGE = Target("linux/amd64", "3.13")
SHIPPED = (IMAGE, Target("linux/arm64", "3.13"))
ENV = {
    **os.environ,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    **{f"GIT_{who}_{what}": "ada@example.com" for who in ("AUTHOR", "COMMITTER")
       for what in ("NAME", "EMAIL")},
}  # fmt: skip


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, env=ENV, check=True, capture_output=True)
    return done.stdout.decode().strip()


def write(root: Path, **files: str) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project in a folder of a repository, committed, with a model that git ignores."""
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    root = tmp_path / "services" / "digits"
    files = {"algo.toml": MANIFEST, "algo.lock": LOCK, "src/digits.py": "def apply(x): ...\n"}
    files |= {".gitignore": "/models/*.bin\n/data/\n", "models/weights.bin": "weights"}
    files |= {"data/labels.txt": "a\nb\n", ".algoignore": "/notes/\n"}
    write(root, **files)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    git(tmp_path, "remote", "add", "origin", "https://ada:secret@git.example.com/acme/mono.git")
    return root


def asked(root: Path, **more: str) -> Source:
    project = Project.open(root)
    return source_of(project, GitSources({**ENV, **more}).checkout(project), SHIPPED)


def test_a_clean_checkout_is_told_without_credentials(root: Path) -> None:
    source = asked(root)
    assert source.uncommitted == ()
    assert source.checkout == Checkout(
        commit=git(root, "rev-parse", "HEAD"),
        ref="refs/heads/main",
        repository="https://git.example.com/acme/mono.git",
        folder="services/digits",
        ignored=("data/", "models/weights.bin"),
        lock=LOCK.encode(),
    )
    # Shipped although git ignores it; the model is a layer of its own.
    assert list(source.extra) == ["data/labels.txt"]
    require_committed(source)


def test_a_tag_is_the_ref_where_no_branch_is(root: Path) -> None:
    git(root, "tag", "v1.0.0")
    git(root, "checkout", "--quiet", "--detach")
    checkout = asked(root).checkout
    assert checkout is not None and checkout.ref == "refs/tags/v1.0.0"


def test_what_a_hook_of_git_sets_does_not_lead_elsewhere(root: Path, tmp_path: Path) -> None:
    assert asked(root, GIT_DIR=str(tmp_path / "no"), GIT_INDEX_FILE="x").uncommitted == ()


def test_files_that_matter_and_are_not_committed_are_named(root: Path) -> None:
    write(root, **{"src/digits.py": "changed\n", "src/new file.py": "", "cases/a.json": "{}"})
    # None of these is in the image or promises anything; the last is elsewhere in the repository.
    write(root, **{"notes/idea.md": "", "algo.pub~": ""})
    write(root.parent, other="x")
    source = asked(root)
    assert source.uncommitted == ("cases/a.json", "src/digits.py", "src/new file.py")
    with pytest.raises(NotCommitted) as caught:
        require_committed(source)
    assert caught.value.details.splitlines() == list(source.uncommitted)
    assert "'src/new file.py'" in caught.value.hint
    assert "algo publish --allow-dirty" in caught.value.hint


def test_only_the_first_five_are_named() -> None:
    source = Source(Checkout(), tuple(f"f{number}" for number in range(8)))
    with pytest.raises(NotCommitted) as caught:
        require_committed(source)
    assert caught.value.details.splitlines() == ["f0", "f1", "f2", "f3", "f4", "and 3 more"]
    assert caught.value.hint.startswith("git add . && git commit")


def test_what_publish_itself_writes_is_no_change(root: Path) -> None:
    write_version(root, "1.0.0")
    assert asked(root).uncommitted == ()
    (root / "algo.toml").write_text((root / "algo.toml").read_text() + "[serving]\nworkers = 2\n")
    assert asked(root).uncommitted == ("algo.toml",)


def test_a_version_in_an_algorithmia_conf_is_no_change_either(root: Path) -> None:
    conf = '{\n  "username": "acme",\n  "algoname": "digits",\n  "language": "python3"\n}\n'
    git(root, "rm", "--quiet", "algo.toml")
    write(root, **{"algorithmia.conf": conf})
    git(root, "add", "algorithmia.conf")
    git(root, "commit", "--quiet", "--message", "as it was")
    write_version(root, "1.0.0")
    assert asked(root).uncommitted == ()
    write(root, **{"algorithmia.conf": conf.replace("python3", "python2")})
    assert asked(root).uncommitted == ("algorithmia.conf",)


def test_what_a_build_adds_to_the_lock_is_named_and_no_change(root: Path) -> None:
    locked = parse(LOCK).with_runtime("linux/amd64", f"sha256:{'0' * 64}")
    (root / "algo.lock").write_text(render(locked))
    source = asked(root)
    assert (source.uncommitted, source.lock_written) == ((), ("runtime",))
    based = replace(locked, bases={"linux/amd64 debian:trixie": f"sha256:{'1' * 64}"})
    found = source.with_lock(render(based).encode(), SHIPPED)
    assert (found.uncommitted, found.lock_written) == ((), ("runtime", "base"))


def test_a_runtime_image_for_other_system_packages_is_no_change(root: Path) -> None:
    locked = parse(LOCK).with_runtime("linux/amd64", f"sha256:{'0' * 64}")
    (root / "algo.lock").write_text(render(locked))
    git(root, "commit", "--quiet", "--all", "--message", "with the runtime image")
    other = locked.with_runtime("linux/amd64", f"sha256:{'1' * 64}")
    source = asked(root)
    assert source.with_lock(render(other).encode(), SHIPPED).uncommitted == ("algo.lock",)
    wanted = replace(other, asked={"linux/amd64": "jq"})
    found = source.with_lock(render(wanted).encode(), SHIPPED)
    assert (found.uncommitted, found.lock_written) == ((), ("runtime", "asked"))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("sha256:1", "sha256:2"),
        lambda text: text.replace(f"sha256:{'0' * 64}", f"sha256:{'1' * 64}"),
        lambda text: text + "# a remark\n",
        lambda text: "no lock",
    ],
)
def test_any_other_change_of_the_lock_is_one(root: Path, change: Callable[[str], str]) -> None:
    locked = render(parse(LOCK).with_runtime("linux/amd64", f"sha256:{'0' * 64}"))
    (root / "algo.lock").write_text(locked)
    git(root, "commit", "--quiet", "--all", "--message", "with the runtime image")
    assert asked(root).uncommitted == ()
    (root / "algo.lock").write_text(change(locked))
    source = asked(root)
    assert (source.uncommitted, source.lock_written) == (("algo.lock",), ())


def test_a_lock_that_no_commit_has_is_a_change_when_it_is_used(root: Path) -> None:
    git(root, "rm", "--quiet", "algo.lock")
    git(root, "commit", "--quiet", "--message", "no lock")
    source = asked(root)
    assert source.uncommitted == ()
    assert source.with_lock(LOCK.encode(), SHIPPED).uncommitted == ("algo.lock",)


def test_what_is_added_for_a_machine_is_no_change_and_what_is_shipped_is_one(root: Path) -> None:
    six, other = (Pin("six", version, (f"sha256:{version}",)) for version in ("1.0", "2.0"))
    locked = replace(parse(LOCK), targets={IMAGE: (six,)})
    source = Source(Checkout(lock=render(locked).encode()))
    for target, pins, changed in (
        (Target("linux/amd64", "3.11"), (other,), ()),
        (Target("linux/amd64", "3.11", TEST), (other,), ()),
        (IMAGE, (other,), ("algo.lock",)),
        (Target("linux/arm64", "3.13"), (six,), ("algo.lock",)),
    ):
        found = source.with_lock(render(locked.with_targets({target: pins})).encode(), SHIPPED)
        assert found.uncommitted == changed
        assert found.lock_written == (() if changed else ("targets",))


def test_other_ends_of_lines_are_no_change_of_the_lock(root: Path) -> None:
    assert asked(root).with_lock(LOCK.replace("\n", "\r\n").encode(), SHIPPED).uncommitted == ()


def test_a_model_that_git_should_follow_counts(root: Path) -> None:
    write(root, **{".gitignore": "/data/\n"})
    git(root, "commit", "--quiet", "--all", "--message", "follow models")
    assert asked(root).uncommitted == ("models/weights.bin",)


def test_without_a_repository_there_is_nothing_to_refuse(tmp_path: Path) -> None:
    write(tmp_path, **{"algo.toml": MANIFEST, "src/digits.py": ""})
    source = asked(tmp_path)
    assert (source.checkout, source.line) == (None, "no git repository")
    require_committed(source)


def test_a_repository_without_a_commit_is_told(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    write(tmp_path, **{"algo.toml": MANIFEST, "src/digits.py": ""})
    source = asked(tmp_path)
    assert source.checkout is not None and source.checkout.commit == ""
    assert source.uncommitted == ("algo.toml", "src/digits.py")


def test_a_repository_that_git_cannot_read_is_an_error(root: Path) -> None:
    (root.parent.parent / ".git" / "HEAD").write_text("nothing\n")
    with pytest.raises(GitFailed) as caught:
        asked(root)
    assert "--allow-dirty" in caught.value.hint


def test_without_the_program_it_is_said_how_to_go_on(root: Path) -> None:
    with pytest.raises(GitFailed, match="git cannot be asked"):
        asked(root, PATH="/nowhere")


@pytest.mark.parametrize(
    ("remote", "public"),
    [
        ("https://ada:tok@git.example.com:8443/a/b.git?private_token=x#y",
         "https://git.example.com:8443/a/b.git"),
        ("git@github.com:acme/digits.git", "ssh://github.com/acme/digits.git"),
        ("ssh://git@github.com/acme/digits", "ssh://github.com/acme/digits"),
        ("https://oauth2:glpat@[::1]/a", "https://[::1]/a"),
        ("/home/ada/repo.git", ""),
        ("file:///home/ada/repo.git", ""),
        ("../other", ""),
        ("C:\\Users\\ada\\repo", ""),
        ("https://[broken/a", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_an_address_is_told_without_what_is_only_ours(remote: str, public: str) -> None:
    assert public_address(remote) == public
