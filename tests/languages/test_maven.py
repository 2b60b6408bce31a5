"""What `algo lock` makes of a pom.xml, and what is installed of it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import zipfile
from typing import TYPE_CHECKING

import pytest
from algo.languages.runtimes import Runtimes
from algo.languages.spec import filled

from tests.languages.language import ROOT
from tests.machine.lacking import lacking
from tests.machine.places import cache_folder

if TYPE_CHECKING:
    from pathlib import Path
    from subprocess import CompletedProcess

POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>{group}</groupId>
  <artifactId>{name}</artifactId>
  <version>{version}</version>
  {more}
</project>
"""
LICENSE = "<licenses><license><name>Apache License, Version 2.0</name></license></licenses>"
NEEDS = """<dependency><groupId>acme.parts</groupId><artifactId>{name}</artifactId>
  <version>{version}</version><scope>{scope}</scope></dependency>"""
TOOLS = ("java", "mvn")


def step(
    name: str, folder: Path, cache: Path, packages: Path, **variables: str
) -> CompletedProcess[str]:
    """Run a step of packages, as the command line does."""
    runtimes = Runtimes(ROOT / "runtimes")
    tools = runtimes.spec("java").tools
    assert tools is not None
    for place in (cache, packages):
        place.mkdir(exist_ok=True)
    values = {"runtime": runtimes.folder("java"), "cache": cache, "packages": packages}
    words = filled(getattr(tools, name), values)
    env = {**os.environ, **variables}
    return subprocess.run(
        words, cwd=folder, text=True, stderr=subprocess.PIPE, check=False, env=env
    )


def needs(name: str, scope: str = "compile", version: str = "1.0") -> str:
    return NEEDS.format(name=name, version=version, scope=scope)


def publish(repository: Path, name: str, content: str, more: str = "", version: str = "1.0") -> str:
    """Put a jar in a repository; return its digest."""
    folder = repository / "acme" / "parts" / name / version
    folder.mkdir(parents=True, exist_ok=True)
    pom = POM.format(group="acme.parts", name=name, version=version, more=more)
    (folder / f"{name}-{version}.pom").write_text(pom)
    jar = folder / f"{name}-{version}.jar"
    with zipfile.ZipFile(jar, "w") as archive:
        archive.writestr("content.txt", content)
    return hashlib.sha256(jar.read_bytes()).hexdigest()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a pom.xml that asks a repository of this machine for three packages."""
    if not all(map(shutil.which, TOOLS)):
        lacking(f"{' and '.join(TOOLS)} are not both installed")
    shutil.rmtree(cache_folder("languages/java") / "repository" / "acme", ignore_errors=True)
    folder = tmp_path / "project"
    folder.mkdir()
    repository = f"<url>{(tmp_path / 'repository').as_uri()}</url>"
    asked = needs("one") + needs("given", "provided") + needs("tests", "test")
    more = f"""<repositories><repository><id>own</id>{repository}</repository></repositories>
  <dependencies>{asked}</dependencies>"""
    (folder / "pom.xml").write_text(POM.format(group="acme", name="it", version="0", more=more))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "tr"])  # whose capital of i is not that of English
def test_a_lock_has_every_jar_with_its_hash_and_only_that_is_installed(
    project: Path, tmp_path: Path, language: str
) -> None:
    options = f"-Duser.language={language}"
    repository, packages = tmp_path / "repository", tmp_path / "packages"
    two = publish(repository, "two", "two")
    more = f"{LICENSE}<dependencies>{needs('two')}</dependencies>"
    one = publish(repository, "one", "one", more)
    given, tests = publish(repository, "given", "given"), publish(repository, "tests", "tests")
    # Maven's own plugins come from the network once; what is asked of `repository` does not.
    cache = cache_folder("languages/java")
    done = step("resolve", project, cache, packages, JAVA_TOOL_OPTIONS=options)
    assert done.returncode == 0, done.stderr
    lines = [line.split(" ", 1) for line in (project / "maven.lock").read_text().splitlines()[1:]]
    assert {path.rsplit("/")[-1]: rest for path, rest in lines} == {
        "one-1.0.jar": f"sha256:{one} run Apache-2.0",
        "two-1.0.jar": f"sha256:{two} run",
        "given-1.0.jar": f"sha256:{given} build",
        "tests-1.0.jar": f"sha256:{tests} test",
    }
    assert str(tmp_path) not in (project / "maven.lock").read_text()
    pins = {pin["name"]: pin for pin in json.loads((project / "pins.json").read_text())}
    assert pins["acme.parts/one"] == {
        "name": "acme.parts/one",
        "version": "1.0",
        "hashes": [f"sha256:{one}"],
        "license": "Apache-2.0",
    }

    shutil.rmtree(cache / "repository" / "acme")
    done = step("install", project, cache, packages, JAVA_TOOL_OPTIONS=options)
    assert done.returncode == 0, done.stderr
    found = {path.relative_to(packages).as_posix() for path in packages.rglob("*.jar")}
    assert found == {
        *("one-1.0.jar", "two-1.0.jar", "packages.jar"),
        *("workshop/build/given-1.0.jar", "workshop/test/tests-1.0.jar"),
    }
    with zipfile.ZipFile(packages / "packages.jar") as archive:
        manifest = archive.read("META-INF/MANIFEST.MF").decode()
    assert "Class-Path: one-1.0.jar two-1.0.jar" in manifest

    shutil.rmtree(cache / "repository" / "acme")
    publish(repository, "two", "another one")
    done = step("install", project, cache, packages)
    assert done.returncode == 1
    assert "acme/parts/two/1.0/two-1.0.jar is not what maven.lock says" in done.stderr
    assert "algo lock --upgrade" in done.stderr


@pytest.mark.slow
def test_what_is_nowhere_is_told_in_mavens_words(project: Path, tmp_path: Path) -> None:
    (tmp_path / "repository").mkdir()
    done = step("resolve", project, cache_folder("languages/java"), tmp_path / "packages")
    assert done.returncode == 1
    assert "Maven could not resolve pom.xml" in done.stderr
    assert "acme.parts" in done.stderr
    assert "[ERROR]" not in done.stderr


def test_the_lock_is_kept_while_the_pom_is_the_same(project: Path, tmp_path: Path) -> None:
    pom = hashlib.sha256((project / "pom.xml").read_bytes()).hexdigest()
    line = f"org/acme/it/1.0/it-1.0.jar sha256:{'0' * 64} run MIT"
    head = "# What pom.xml resolves to; `algo lock` writes it. pom.xml sha256:"
    (project / "maven.lock").write_text(f"{head}{pom}\n{line}\n")
    done = step("resolve", project, tmp_path / "cache", tmp_path / "packages")
    assert done.returncode == 0, done.stderr
    assert json.loads((project / "pins.json").read_text())[0]["version"] == "1.0"
    assert line in (project / "maven.lock").read_text()


@pytest.mark.parametrize("line", ["no artifact", "../it-1.0.jar sha256:" + "0" * 64 + " run"])
def test_a_lock_that_was_written_otherwise_is_refused(
    project: Path, tmp_path: Path, line: str
) -> None:
    (project / "maven.lock").write_text(f"# by hand\n{line}\n")
    done = step("install", project, tmp_path / "cache", tmp_path / "packages")
    assert done.returncode == 1
    assert done.stderr.startswith("maven.lock:2: it is no artifact")


def test_a_connection_that_breaks_is_tried_again(project: Path, tmp_path: Path) -> None:
    programs, cache = tmp_path / "programs", tmp_path / "cache"
    programs.mkdir()
    jar = cache / "repository" / "acme" / "parts" / "one" / "1.0" / "one-1.0.jar"
    jar.parent.mkdir(parents=True)
    jar.write_bytes(b"jar")
    # Maven once without a network, then with one.
    (programs / "mvn").write_text(f"""#!/bin/sh
if mkdir {tmp_path}/tried 2>/dev/null; then
  echo '[ERROR] Failed to read artifact descriptor for a:b:jar:1'
  exit 1
fi
for word in "$@"; do
  case $word in
    -DoutputFile=*) echo "   acme.parts:one:jar:1.0:compile:{jar}" > "${{word#*=}}" ;;
  esac
done
""")
    (programs / "mvn").chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    done = step("resolve", project, cache, tmp_path / "packages", PATH=path)
    assert done.returncode == 0, done.stderr
    assert "acme/parts/one/1.0/one-1.0.jar" in (project / "maven.lock").read_text()


SBT = """
scalaVersion := "2.11.8"
libraryDependencies ++= Seq(
  "acme.parts" %% "part" % "{version}" % "test",
  "acme.parts" % "other" % "1.0")
"""
# Maven in front of a repository that has `part` for Scala 2.12 from 1.3 on.
SCALA_PARTS = r"""#!/usr/bin/env python3
import pathlib, re, sys
given = dict(word.split("=", 1) for word in sys.argv if "=" in word)
pom = pathlib.Path(sys.argv[sys.argv.index("-f") + 1]).read_text()
version = re.search("<artifactId>part_2.12</artifactId><version>(.*?)</version>", pom)
repository = pathlib.Path(given["-Dmaven.repo.local"])
there = ["1.10", "1.3-M1", "1.3", "2.0"]
place = repository / "acme/parts/part_2.12"
if version and version[1] == "[0,)":
    place.mkdir(parents=True, exist_ok=True)
    said = "".join(f"<version>{one}</version>" for one in there)
    (place / "maven-metadata-central.xml").write_text(f"<versions>{said}</versions>")
elif version and version[1] not in there:
    print("[ERROR] Failed to execute goal: Could not find artifact "
          f"acme.parts:part_2.12:jar:{version[1]} in central (https://repo.example.com)")
    sys.exit(1)
elif version:
    jar = place / version[1] / f"part_2.12-{version[1]}.jar"
    jar.parent.mkdir(parents=True, exist_ok=True)
    jar.write_bytes(b"jar")
    listed = f"   acme.parts:part_2.12:jar:{version[1]}:test:{jar}\n"
    pathlib.Path(given["-DoutputFile"]).write_text(listed)
"""


@pytest.mark.parametrize(
    ("version", "taken"), [("1.1", "1.3"), ("1.3", "1.3"), ("1.4", "1.10"), ("2.1", "")]
)
def test_what_is_not_there_for_a_newer_scala_is_taken_in_its_next_version(
    tmp_path: Path, version: str, taken: str
) -> None:
    if not shutil.which("java"):
        lacking("java is not installed")
    programs, project = tmp_path / "programs", tmp_path / "project"
    for folder in (programs, project):
        folder.mkdir()
    (programs / "mvn").write_text(SCALA_PARTS)
    (programs / "mvn").chmod(0o755)
    (project / "build.sbt").write_text(SBT.format(version=version))
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    done = step("resolve", project, tmp_path / "cache", tmp_path / "packages", PATH=path)
    if not taken:
        assert done.returncode == 1
        assert f"part_2.12:jar:{version} in central" in done.stderr
        assert "Maven could not resolve build.sbt:" in done.stderr
        assert "pom.xml" not in done.stderr
        return
    assert done.returncode == 0, done.stderr
    locked = (project / "maven.lock").read_text()
    assert f"acme/parts/part_2.12/{taken}/" in locked
    # The lock is of what build.sbt asks for, so that it counts as long as that stays.
    (programs / "mvn").write_text("#!/bin/sh\nexit 1\n")
    done = step("resolve", project, tmp_path / "cache", tmp_path / "packages", PATH=path)
    assert done.returncode == 0, done.stderr
