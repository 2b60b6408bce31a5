"""A package index that wants credentials: they serve, and are left in nothing that is kept."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from algo.environments.fetch import fetch
from algo.environments.indexes import indexes_of
from algo.environments.requirements import Source
from algo.images.code import code_entries
from algo.main import run
from algo.project.lock import Pin
from algo.project.project import Project

from tests.fakes.index import Index, serving
from tests.fakes.sdists import pure
from tests.fakes.wheels import wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "s3cr3t-pa55w0rd"
LOGIN = f"reader:{SECRET}"


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    wheel(tmp_path / "files", "algotesthouse", "1.0", "ANSWER = 7\n")
    with serving(Index(tmp_path / "files", LOGIN)) as found:
        yield found


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "p"
    (root / "src").mkdir(parents=True)
    (root / "algo.toml").write_text(
        '[algorithm]\nname = "acme/p"\nlanguage = "python"\nentrypoint = "src/p.py:apply"\n'
    )
    (root / "src" / "p.py").write_text("def apply(x):\n    return x\n")
    monkeypatch.chdir(root)
    monkeypatch.setenv("ALGO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    return root


def lines(index: Index, login: str = LOGIN) -> str:
    return f"--extra-index-url {index.url(login)}\nalgotesthouse\n"


def in_pyproject(index: Index, login: str = "") -> str:
    return (
        '[project]\nname = "p"\nversion = "1"\ndependencies = ["algotesthouse"]\n'
        '[tool.uv.sources]\nalgotesthouse = {index = "house"}\n'
        f'[[tool.uv.index]]\nname = "house"\nurl = "{index.url(login)}"\nexplicit = true\n'
    )


def kept(root: Path) -> str:
    """Return the text of all that was written below `root`, names of files included."""
    files = (path for path in sorted(root.rglob("*")) if path.is_file())
    return "\n".join(f"{path}\n{path.read_bytes().decode(errors='replace')}" for path in files)


@pytest.mark.parametrize(
    "way", ["line", "variable", "named variables", "pyproject", "pyproject and variables"]
)
def test_credentials_lock_and_install_and_stay_nowhere(
    way: str,
    index: Index,
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    if way == "line":
        (project / "requirements.in").write_text(lines(index))
    elif "pyproject" not in way:
        (project / "requirements.in").write_text("algotesthouse\n")
        monkeypatch.setenv("UV_INDEX", f"house={index.url(LOGIN if way == 'variable' else '')}")
    else:
        login = LOGIN if way == "pyproject" else ""
        (project / "pyproject.toml").write_text(in_pyproject(index, login))
    if "variables" in way:
        monkeypatch.setenv("UV_INDEX_HOUSE_USERNAME", "reader")
        monkeypatch.setenv("UV_INDEX_HOUSE_PASSWORD", SECRET)

    assert run(["lock"]) == 0
    lock = (project / "algo.lock").read_text()
    assert 'name = "algotesthouse"' in lock
    assert not any(word in lock for word in (SECRET, "127.0.0.1", 'house"\nurl', "reader"))
    # Nothing of what was fetched to lock is left to install from.
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv2"))
    index.asked.clear()
    assert (
        run(["exec", "--", "python", "-c", "import algotesthouse; print(algotesthouse.ANSWER)"])
        == 0
    )
    shown = capfd.readouterr()
    assert "7\n" in shown.out
    assert any(path.endswith(".whl") for path in index.asked)
    for text in (shown.out, shown.err, kept(tmp_path / "home")):
        assert SECRET not in text


def test_wrong_credentials_are_told_without_them(
    index: Index, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "requirements.in").write_text(lines(index, "reader:wr0ng-0ne"))
    assert run(["lock"]) == 4
    shown = capsys.readouterr().err

    assert f"error[index_refused]: the package index at {index.host} refused access" in shown
    assert "wr0ng" not in shown


def test_a_variable_of_an_address_that_is_not_set_is_told(
    index: Index, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "requirements.in").write_text(lines(index, "reader:${HOUSE_PASSWORD}"))
    assert run(["lock"]) == 4
    said = "hint: export HOUSE_PASSWORD=…, which requirements.in:1 asks for"
    assert said in capsys.readouterr().err


def test_a_source_archive_is_fetched_with_them_too(index: Index, project: Path) -> None:
    archive = pure(index.folder, "inner", "1.0", "")
    pin = Pin("inner", "1.0", (f"sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}",))
    (project / "requirements.in").write_text(lines(index))
    indexes = indexes_of([Source(project / "requirements.in")], {})
    (project / "got").mkdir()
    url = f"http://{index.host}/files/{archive.name}"

    assert fetch(url, project / "got", pin, indexes, {}).read_bytes() == archive.read_bytes()


def test_no_file_with_an_address_is_in_the_image(index: Index, project: Path) -> None:
    (project / "requirements.in").write_text(f"-r requirements/base.in\n{lines(index)}")
    (project / "requirements").mkdir()
    (project / "requirements" / "base.in").write_text(lines(index))
    (project / "pyproject.toml").write_text(in_pyproject(index, LOGIN))
    (project / "requirements-gpu.txt").write_text(lines(index))
    (project / "uv.toml").write_text("")
    (project / "pip.conf").write_text(f"[global]\nindex-url = {index.url(LOGIN)}\n")
    names = [entry.path for entry in code_entries(Project.open(project))]

    assert [name for name in names if "." in name] == ["opt/algo/app/src/p.py"]
