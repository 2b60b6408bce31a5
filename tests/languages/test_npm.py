"""What npm says, as the steps of JavaScript and TypeScript pass it on."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

NPM = Path("runtimes/javascript/workshop/npm.js").resolve()
OF_9 = """npm ERR! code ETARGET
npm ERR! notarget No matching version found for ms@^99.0.0.

npm ERR! A complete log of this run can be found in:
npm ERR!     /opt/cache/npm/_logs/2026-11-26T09_22_25_478Z-debug-0.log
"""
OF_10 = """npm error code ETARGET
npm error notarget No matching version found for ms@^99.0.0.
npm error A complete log of this run can be found in: /opt/cache/npm/_logs/2026-debug-0.log
"""


@pytest.mark.program("node")
@pytest.mark.parametrize("said", [OF_9, OF_10])
def test_the_log_that_npm_keeps_in_our_cache_is_not_named(said: str, tmp_path: Path) -> None:
    stand_in = tmp_path / "npm"
    stand_in.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{said}END\nexit 7\n")
    stand_in.chmod(0o755)
    done = subprocess.run(
        ["node", "-e", f"require('{NPM}').npm(['install'], '.', 'cache')"],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 7
    assert done.stderr.strip().splitlines() == said.splitlines()[:2]


def package(folder: Path, name: str) -> None:
    """Put a package that exports its own folder into `folder`."""
    place = folder / "node_modules" / name
    place.mkdir(parents=True)
    (place / "package.json").write_text(json.dumps({"name": name, "main": "main.js"}))
    (place / "main.js").write_text(f"module.exports = {str(folder)!r}")


@pytest.mark.program("node")
def test_packages_are_found_where_they_are_and_another_programs_are_its_own(tmp_path: Path) -> None:
    ours, project, program = (tmp_path / name for name in ("packages", "project", "program"))
    package(ours, "both")
    package(project, "both")
    package(project, "own")
    package(program / "node_modules" / "tool", "both")
    tool = program / "node_modules" / "tool" / "tool.js"
    tool.write_text("exports.found = async () => [require('both'), (await import('both')).default]")
    (project / "a.mjs").write_text(
        "import both from 'both'\nimport own from 'own'\n"
        "import { createRequire } from 'node:module'\n"
        "const require = createRequire(import.meta.url)\n"
        f"const tool = await require({str(tool)!r}).found()\n"
        "console.log(JSON.stringify([both, own, require('both'), require('own'), ...tool]))\n"
    )
    done = subprocess.run(
        ["node", "--require", str(NPM.parents[1] / "packages.js"), "a.mjs"],
        cwd=project,
        env={**os.environ, "ALGO_PACKAGES": str(ours)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    found = [Path(folder).name for folder in json.loads(done.stdout)]
    assert found == ["packages", "project", "packages", "project", "tool", "tool"]
