"""Bundler and R's packages through the steps of their languages, from servers of the tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from algo.project.lock import Target, read

from tests.fakes import cran, gems
from tests.fakes.cran import RPackage
from tests.fakes.gems import Gem
from tests.fakes.static import serving

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from algo.project.lock import Lock

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("engine", "algo_home")]

NATIVE_GEM = Gem(
    "quick",
    "0.2.0",
    {
        "lib/quick.rb": 'require "quick/native"\n',
        "ext/quick/extconf.rb": 'require "mkmf"\ncreate_makefile("quick/native")\n',
        "ext/quick/native.c": "#include <ruby.h>\n"
        "static VALUE two(VALUE self) { return INT2FIX(2); }\n"
        "void Init_native(void) {\n"
        '  rb_define_singleton_method(rb_define_module("Quick"), "two", two, 0);\n}\n',
    },
    extensions=("ext/quick/extconf.rb",),
)
STEMS = Gem(
    "stems",
    "1.0.0",
    {"lib/stems.rb": 'require "quick"\nmodule Stems; def self.of(n) = n * Quick.two; end\n'},
    needs=("quick",),
)
CHECKS = Gem("checks", "3.0.0", {"lib/checks.rb": "CHECKED = true\n"})
TWICE = RPackage(
    "twice",
    "1.0.0",
    {
        "NAMESPACE": "export(twice)\nuseDynLib(twice, c_twice)\n",
        "R/twice.R": "twice <- function(x) .Call(c_twice, as.numeric(x))\n",
        "src/twice.c": "#include <Rinternals.h>\n"
        "SEXP c_twice(SEXP x) { return ScalarReal(2 * asReal(x)); }\n",
    },
    {"NeedsCompilation": "yes"},
)
FOUR = RPackage(
    "four",
    "2.1",
    {
        "NAMESPACE": "export(four)\nimport(twice)\n",
        "R/four.R": "four <- function(x) twice(twice(x))\n",
    },
    {"Imports": "twice (>= 0.9)", "Depends": "R (>= 4.0)", "NeedsCompilation": "no"},
)


@dataclass(frozen=True, slots=True)
class Made:
    """A project, and the address of the server that its packages come from."""

    folder: Path
    variable: str

    def algo(
        self, *words: str, server: str, fails: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run `algo`, with the server in the place of the public one."""
        env = {**os.environ, "NO_COLOR": "1", self.variable: server}
        done = subprocess.run(
            [sys.executable, "-m", "algo", *words],
            cwd=self.folder,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode != 0) is fails, done.stdout + done.stderr
        return done

    def lock(self) -> Lock:
        found = read(self.folder / "algo.lock")
        assert found is not None
        return found


def project(folder: Path, language: str, files: Mapping[str, str], variable: str) -> Made:
    suffix = {"ruby": "rb", "r": "R"}[language]
    manifest = (
        f'[algorithm]\nname = "acme/sums"\nlanguage = "{language}"\n'
        f'entrypoint = "src/sums.{suffix}:apply"\n'
    )
    for name, text in {"algo.toml": manifest, **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return Made(folder, variable)


def hashes(found: Lock, kind: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    pins = found.pins(Target("linux/amd64", kind))
    return {pin.name: (pin.version, pin.hashes) for pin in pins}


@pytest.fixture
def ruby(tmp_path: Path) -> Made:
    files = {
        "Gemfile": 'source "https://rubygems.org"\ngem "stems"\ngroup(:test) { gem "checks" }\n',
        "src/sums.rb": 'require "stems"\ndef apply(input) = Stems.of(input)\n',
    }
    return project(tmp_path / "sums", "ruby", files, "BUNDLE_MIRROR__HTTPS://RUBYGEMS__ORG/")


@pytest.fixture
def r(tmp_path: Path) -> Made:
    files = {
        "DESCRIPTION": "Package: sums\nVersion: 0.0.0\nImports: four (>= 2.0), stats\n",
        "src/sums.R": "apply <- function(input) four::four(input)\n",
    }
    return project(tmp_path / "sums", "r", files, "RENV_CONFIG_REPOS_OVERRIDE")


def test_gems_are_pinned_compiled_and_required(ruby: Made) -> None:
    with serving(gems.pages([STEMS, NATIVE_GEM, CHECKS])) as server:
        ruby.algo("lock", server=server)
        pinned = hashes(ruby.lock(), "bundler")
        assert pinned == {
            one.name: (one.version, (f"sha256:{sha256(one.packed()).hexdigest()}",))
            for one in (STEMS, NATIVE_GEM)
        }, "those of the group test are not in the image"
        texts = [(ruby.folder / name).read_text() for name in ("algo.lock", "Gemfile.lock")]
        assert not any(server in text for text in texts)
        newer = replace(STEMS, version="1.1.0")
    with serving(gems.pages([newer, STEMS, NATIVE_GEM, CHECKS])) as server:
        ruby.algo("lock", server=server)
        assert hashes(ruby.lock(), "bundler") == pinned, "a lock is kept to"
        ruby.algo("build", "--check", server=server)
        assert json.loads(ruby.algo("run", "-d", "21", server=server).stdout) == 42
        ruby.algo("lock", "--upgrade", server=server)
        assert hashes(ruby.lock(), "bundler")["stems"][0] == "1.1.0"


def test_a_gem_that_there_is_not_is_told(ruby: Made) -> None:
    (ruby.folder / "Gemfile").write_text('source "https://rubygems.org"\ngem "gone"\n')
    with serving(gems.pages([STEMS, NATIVE_GEM, CHECKS])) as server:
        said = ruby.algo("lock", server=server, fails=True).stderr
    assert "Could not find gem 'gone'" in said


def test_a_gem_that_was_changed_is_refused(ruby: Made) -> None:
    # Of a version that no other test builds: packages of the same lock would be in the cache.
    stems = replace(STEMS, version="1.0.1")
    served = gems.pages([stems, NATIVE_GEM, CHECKS])
    with serving(served) as server:
        ruby.algo("lock", server=server)
    other = replace(stems, files={"lib/stems.rb": "module Stems; end\n"})
    with serving(served | {"/gems/stems-1.0.1.gem": other.packed()}) as server:
        said = ruby.algo("build", server=server, fails=True).stderr
    assert "checksum" in said.lower()


def test_packages_of_r_are_pinned_compiled_and_loaded(r: Made) -> None:
    with serving(cran.pages([FOUR, TWICE])) as server:
        r.algo("lock", server=server)
        pinned = hashes(r.lock(), "cran")
        assert pinned == {
            one.name: (one.version, (f"sha256:{sha256(one.packed()).hexdigest()}",))
            for one in (FOUR, TWICE)
        }
        texts = [(r.folder / name).read_text() for name in ("algo.lock", "renv.lock")]
        assert not any(server in text for text in texts)
    newer = [replace(FOUR, version="2.2"), replace(FOUR, archived=True), TWICE]
    with serving(cran.pages(newer)) as server:
        r.algo("lock", server=server)
        assert hashes(r.lock(), "cran") == pinned, "a lock is kept to"
        r.algo("build", "--check", server=server)
        assert json.loads(r.algo("run", "-d", "3", server=server).stdout) == 12
        r.algo("lock", "--upgrade", server=server)
        assert hashes(r.lock(), "cran")["four"][0] == "2.2"


def test_a_version_of_a_package_that_there_is_not_is_told(r: Made) -> None:
    with serving(cran.pages([replace(FOUR, version="1.9"), TWICE])) as server:
        said = r.algo("lock", server=server, fails=True).stderr
    assert "four (>= 2.0) is asked for, and the newest is 1.9" in said


def test_a_package_of_r_that_was_changed_is_refused(r: Made) -> None:
    served = cran.pages([FOUR, replace(TWICE, version="1.0.1")])
    with serving(served) as server:
        r.algo("lock", server=server)
        lock = (r.folder / "renv.lock").read_text()
    other = replace(TWICE, version="1.0.1", fields={"NeedsCompilation": "yes", "Note": "x"})
    pinned = sha256(served["/src/contrib/twice_1.0.1.tar.gz"]).hexdigest()
    wrong = sha256(other.packed()).hexdigest()
    assert pinned in lock
    (r.folder / "renv.lock").write_text(lock.replace(pinned, wrong))
    with serving(served) as server:
        r.algo("lock", server=server)
        said = r.algo("build", server=server, fails=True).stderr
    assert "is not what renv.lock pins" in said
