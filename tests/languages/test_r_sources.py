"""How sources of R's packages are fetched."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.fakes.web import Web, serving

REPOSITORY = Path("runtimes/r/workshop/repository.R").resolve()
CODE = 'source("{script}"); cat(source_of("four", "2.1", "{cache}"))'

pytestmark = pytest.mark.program("Rscript")


def fetch(web: Web, cache: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["Rscript", "--vanilla", "-e", CODE.format(script=REPOSITORY, cache=cache)],
        env={**os.environ, "RENV_CONFIG_REPOS_OVERRIDE": web.address.replace("//", "//me:word@")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_connection_that_breaks_is_tried_again(tmp_path: Path) -> None:
    with serving() as web:
        web.files["/src/contrib/four_2.1.tar.gz"] = b"x" * 1000
        web.cuts = [10]
        done = fetch(web, tmp_path)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout).read_bytes() == b"x" * 1000
    assert len(web.asked) == 2


def test_what_cannot_be_had_is_told_with_the_reason_and_no_password(tmp_path: Path) -> None:
    with serving() as web:
        done = fetch(web, tmp_path)
    assert done.returncode == 1
    assert "four 2.1 could not be fetched\ncannot open URL 'http://127.0.0.1" in done.stderr
    assert "404 Not Found" in done.stderr
    assert "word" not in done.stderr
    assert len(web.asked) == 2, "what is not there is not asked for again"


def test_a_repository_that_does_not_answer_is_no_missing_package(tmp_path: Path) -> None:
    (tmp_path / "DESCRIPTION").write_text("Package: it\nVersion: 1.0\nImports: four\n")
    done = subprocess.run(
        ["Rscript", "--vanilla", REPOSITORY.with_name("resolve.R"), tmp_path / "cache"],
        env={**os.environ, "RENV_CONFIG_REPOS_OVERRIDE": "http://me:word@127.0.0.1:9"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "cannot be reached: unable to access index for repository http://127" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("hint: try again")
    assert "there is no package" not in done.stderr
    assert not (tmp_path / "renv.lock").exists()
