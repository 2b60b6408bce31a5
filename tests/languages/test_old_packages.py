"""What old code's own files ask for, in languages whose registries a test does not reach."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest

from tests.fakes.web import serving
from tests.languages.language import ROOT, Language
from tests.machine.lacking import lacking
from tests.machine.places import cache_folder

if TYPE_CHECKING:
    from pathlib import Path

GEMFILE = """source 'https://rubygems.org'
ruby "~> 2.2"

gem 'algorithmia', '~>1.0.0'
gem 'fast-stemmer'
"""


def step(folder: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a program of a workshop in `folder`."""
    if not shutil.which(words[0]):
        lacking(f"{words[0]} is not installed: python3 -m tests.machine setup")
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)


def resolved(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "packages.txt").write_text(text)
    script = ROOT / "runtimes" / "r" / "workshop" / "resolve.R"
    return step(folder, "Rscript", "--vanilla", script, folder / "cache")


def test_packages_txt_is_read_without_what_the_runner_brings(tmp_path: Path) -> None:
    done = resolved(tmp_path, "# One package per line\n\nalgorithmia\n")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "pins.json").read_text()) == []


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("-g acme/words@v1", "is a repository of GitHub, which has no sum to hold it to: write"),
        ('-e devtools::install_github("acme/words")', "is code, which is not run: write the names"),
        ("-e install.packages(", "is code, which is not run"),
        ("words==1", "is no package of CRAN: write its name alone, or -t and the address"),
    ],
)
def test_a_line_that_names_no_package_of_cran_is_told_with_its_place(
    line: str, why: str, tmp_path: Path
) -> None:
    done = resolved(tmp_path, f"algorithmia\n{line}\n")
    assert done.returncode == 1
    assert f"packages.txt:2: {line} {why}" in done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "-t https://cran.r-project.org/src/contrib/algorithmia_0.0.2.tar.gz",
        "-g algorithmiaio/algorithmia-r",
        '-e install.packages("algorithmia")',
    ],
)
def test_the_client_is_known_however_it_is_asked_for(line: str, tmp_path: Path) -> None:
    done = resolved(tmp_path, f"{line}\n")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "pins.json").read_text()) == []


def package(name: str, version: str) -> bytes:
    """Return the source of a package of R, as far as resolving looks at it."""
    text = f"Package: {name}\nVersion: {version}\nLicense: MIT + file LICENSE\n".encode()
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as archive:
        member = tarfile.TarInfo(f"{name}/DESCRIPTION")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    return written.getvalue()


@pytest.mark.parametrize(
    "line",
    [
        "-t https://cran.r-project.org/src/contrib/Archive/words/words_1.0.tar.gz",
        '-e library(devtools); install_version("words", version = "1.0")',
    ],
)
def test_an_older_version_comes_from_the_archive(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as web:
        web.files["/src/contrib/PACKAGES"] = b"Package: words\nVersion: 2.0\nLicense: MIT\n"
        web.files["/src/contrib/Archive/words/words_1.0.tar.gz"] = package("words", "1.0")
        monkeypatch.setenv("RENV_CONFIG_REPOS_OVERRIDE", web.address)
        done = resolved(tmp_path, f"{line}\n")
    assert done.returncode == 0, done.stderr
    (pin,) = json.loads((tmp_path / "pins.json").read_text())
    assert (pin["name"], pin["version"], pin["license"]) == ("words", "1.0", "MIT")


@pytest.mark.slow
def test_the_handler_of_a_beta_of_rust_is_refused_with_what_to_write(tmp_path: Path) -> None:
    asked = '[package]\nname = "words"\n\n[dependencies]\n'
    asked += 'algorithmia = { version = "3.0.0-beta.2", features = ["handler"] }\n'
    (tmp_path / "Cargo.toml").write_text(asked)
    runtime = ROOT / "runtimes" / "rust"
    script, cache = runtime / "workshop" / "step.sh", cache_folder("languages/rust")
    done = step(tmp_path, "sh", script, runtime, cache, "resolve", runtime)
    assert done.returncode == 1
    assert 'Cargo.toml:5: "handler" of algorithmia 3.0, a beta, is not there' in done.stderr
    assert "as `pub fn apply` into src/lib.rs" in done.stderr


@pytest.mark.slow
def test_a_program_of_a_beta_of_rust_is_told_in_two_lines(tmp_path: Path) -> None:
    app, made = tmp_path / "app", tmp_path / "made"
    (app / "src").mkdir(parents=True)
    asked = '[package]\nname = "words"\n\n[dependencies]\nalgorithmia = "3.0.0-beta.2"\n'
    (app / "Cargo.toml").write_text(asked)
    program = "use algorithmia::handler;\n\nfn main() {\n    handler::run(apply)\n}\n"
    (app / "src" / "main.rs").write_text(program)
    rust = Language("rust", ROOT / "runtimes" / "rust", app)
    if not shutil.which("cargo"):
        lacking("cargo is not installed: python3 -m tests.machine setup")
    done = rust.try_build(app, made, "src/main.rs:apply")
    assert done.returncode == 1
    wrong, hint = done.stderr.splitlines()
    assert wrong.startswith("src/main.rs:3: this is a program; what is called is a function of a")
    assert "`handler::run`), of the betas of algorithmia 3.0, is not there" in wrong
    assert hint == (
        "hint: rename src/main.rs to src/lib.rs, write `pub fn apply` there, and no main"
    )


def test_a_gemfile_of_that_time_asks_for_no_old_ruby(tmp_path: Path) -> None:
    (tmp_path / "Gemfile").write_text(GEMFILE)
    (tmp_path / "Gemfile.lock").write_text("GEM\n  specs:\n    algorithmia (1.0.1)\n")
    asked = ROOT / "runtimes" / "ruby" / "workshop" / "asked"
    done = step(tmp_path, "ruby", "-r", asked, "-e", "without_the_brought")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "Gemfile").read_text().split() == [
        "source",
        "'https://rubygems.org'",
        "gem",
        "'fast-stemmer'",
    ]
    assert not (tmp_path / "Gemfile.lock").exists()


def test_another_gemfile_stays_as_it_is(tmp_path: Path) -> None:
    text = GEMFILE.replace("gem 'algorithmia', '~>1.0.0'\n", "")
    (tmp_path / "Gemfile").write_text(text)
    asked = ROOT / "runtimes" / "ruby" / "workshop" / "asked"
    assert step(tmp_path, "ruby", "-r", asked, "-e", "without_the_brought").returncode == 0
    assert (tmp_path / "Gemfile").read_text() == text
