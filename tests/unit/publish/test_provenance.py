from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from algo.oci.digest import Digest
from algo.oci.errors import BadDocument
from algo.publish.ci import Run, run_of
from algo.publish.provenance import Facts, Making, provenance_of
from algo.publish.source import Checkout, Source
from algo.trust.provenance import encode_provenance, read_provenance
from algo.trust.statements import PROVENANCE, read_statement
from msgspec.structs import replace

from tests.fakes.built import built_image
from tests.unit.trust.publishing import WHEN, contents

if TYPE_CHECKING:
    from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CHECKOUT = Checkout(COMMIT, "refs/heads/main", "https://git.example.com/acme/mono.git", "digits")
GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "acme/mono",
    "GITHUB_RUN_ID": "17",
    "GITHUB_RUN_ATTEMPT": "2",
    "GITHUB_SHA": COMMIT,
    "GITHUB_REF": "refs/tags/v1.2.0",
    "GITHUB_TOKEN": "ghs_secret",
    "GITHUB_WORKSPACE": "/home/runner/work",
    "ALGO_SIGNING_KEY": "-----BEGIN",
}


def facts(folder: Path) -> Facts:
    image = replace(built_image(folder), runtime=Digest.of(b"runtime"))
    return Facts("acme/digits", "1.2.0", str(Digest.of(b"lock")), (image,), WHEN)


def test_it_names_all_that_a_version_was_made_from(tmp_path: Path) -> None:
    source = Source(CHECKOUT, (), {"data/labels.txt": "ab" * 32})
    found = provenance_of(Making(source, Run(), "minor"), facts(tmp_path))
    parameters = found.build_definition.external_parameters
    assert (parameters.name, parameters.version, parameters.bump) == (
        "acme/digits",
        "1.2.0",
        "minor",
    )
    assert (found.commit, found.dirty) == (COMMIT, False)
    materials = {item.name: item for item in found.build_definition.resolved_dependencies}
    assert materials["source"].uri == ("git+https://git.example.com/acme/mono.git@refs/heads/main")
    assert list(materials) == [
        "source",
        "algo.lock",
        "runtime linux/amd64",
        "model classifier",
        "data/labels.txt",
    ]
    assert found.run_details.metadata.finished_on == WHEN
    encoded = encode_provenance(found)
    assert read_provenance(encoded) == found
    assert encode_provenance(read_provenance(encoded)) == encoded


def test_uncommitted_changes_are_recorded(tmp_path: Path) -> None:
    making = Making(Source(CHECKOUT, ("src/a.py", "src/b.py")), Run(), allow_dirty=True)
    found = provenance_of(making, facts(tmp_path))
    assert found.dirty
    (source, *_) = found.build_definition.resolved_dependencies
    assert source.annotations == {"dirty": True, "changedFiles": 2}


def test_the_lock_is_named_beside_the_committed_one(tmp_path: Path) -> None:
    source = Source(replace(CHECKOUT, lock=b"as committed"), lock_written=("runtime", "base"))
    found = provenance_of(Making(source, Run()), facts(tmp_path))
    (_, lock, *_) = found.build_definition.resolved_dependencies
    assert lock.digest == {"sha256": Digest.of(b"lock").hex}
    committed = Digest.of(b"as committed").hex
    assert lock.annotations == {"committed": committed, "written": "runtime,base"}


def test_a_run_of_github_names_itself_and_no_secret(tmp_path: Path) -> None:
    detached = replace(CHECKOUT, ref="")
    found = provenance_of(Making(Source(detached), run_of(GITHUB)), facts(tmp_path))
    assert found.run_details.builder.id == "https://algo.dev/builders/github-actions"
    assert found.run_details.metadata.invocation_id == (
        "https://github.com/acme/mono/actions/runs/17/attempts/2"
    )
    assert found.source is not None and found.source.ref == "refs/tags/v1.2.0"
    text = encode_provenance(found).decode()
    assert "GITHUB_RUN_ID" in text
    assert not any(secret in text for secret in ("ghs_secret", "BEGIN", "/home/runner"))


def test_a_run_of_another_commit_does_not_name_the_ref(tmp_path: Path) -> None:
    run = run_of({**GITHUB, "GITHUB_SHA": "f" * 40})
    found = provenance_of(Making(Source(CHECKOUT), run), facts(tmp_path))
    assert found.source is not None and found.source.ref == "refs/heads/main"


def test_a_run_of_gitlab_names_itself() -> None:
    run = run_of({
        "GITLAB_CI": "true",
        "CI_JOB_URL": "https://gitlab.example.com/acme/mono/-/jobs/9",
        "CI_COMMIT_SHA": COMMIT,
        "CI_COMMIT_BRANCH": "main",
        "CI_PROJECT_URL": "https://gitlab.example.com/acme/mono",
        "CI_JOB_ID": "9",
        "CI_JOB_TOKEN": "secret",
    })  # fmt: skip
    assert (run.system, run.ref, run.commit) == ("gitlab-ci", "refs/heads/main", COMMIT)
    assert run.variables == {"CI_COMMIT_SHA": COMMIT, "CI_JOB_ID": "9"}


def test_without_a_repository_it_says_nothing_of_a_source(tmp_path: Path) -> None:
    found = provenance_of(Making(Source(None), Run()), facts(tmp_path))
    assert (found.source, found.commit, found.dirty) == (None, "", False)
    names = [item.name for item in found.build_definition.resolved_dependencies]
    assert "source" not in names


def test_the_release_names_the_provenance_of_index_and_images(tmp_path: Path) -> None:
    what = replace(contents(tmp_path), making=Making(Source(CHECKOUT), Run()))
    (claim,) = what.claims(WHEN)
    release = what.release(WHEN)
    assert release.statements == {PROVENANCE: (str(Digest.of(claim.statement)),)}
    statement = read_statement(claim.statement)
    assert statement.speaks_of(Digest.of(what.index()))
    assert all(statement.speaks_of(image.digest) for image in what.images)


@pytest.mark.parametrize("predicate", [b"{}", b"[", b'{"buildDefinition":{"buildType":"x"}}'])
def test_a_predicate_of_another_kind_is_refused(predicate: bytes) -> None:
    with pytest.raises(BadDocument):
        read_provenance(predicate)


def test_another_build_type_is_refused(tmp_path: Path) -> None:
    found = provenance_of(Making(Source(None), Run()), facts(tmp_path))
    document = msgspec.json.decode(encode_provenance(found))
    document["buildDefinition"]["buildType"] = "https://example.com/make"
    with pytest.raises(BadDocument, match=r"example\.com"):
        read_provenance(msgspec.json.encode(document))
