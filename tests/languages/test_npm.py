"""What npm says, as the steps of JavaScript and TypeScript pass it on."""

from __future__ import annotations

import os
import shutil
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


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node.js here")
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
