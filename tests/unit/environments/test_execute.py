from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

ALGO = """
import os, sys
from pathlib import Path
from algo.environments.execute import execute
from algo.signals import terminable
with terminable():
    execute([sys.executable, "-c", sys.argv[1]], os.environ, Path.cwd())
"""
COMMAND = """
import signal, sys, time
def end(*_):
    print("ended", flush=True)
    sys.exit()
signal.signal(signal.SIGTERM, end)
print("runs", flush=True)
time.sleep(60)
print("went on", flush=True)
"""


def test_a_command_is_told_of_sigterm(tmp_path: Path) -> None:
    words = [sys.executable, "-c", ALGO, COMMAND]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, cwd=tmp_path, stdout=pipe, stderr=pipe, text=True) as algo:
        assert algo.stdout is not None
        assert algo.stdout.readline() == "runs\n"
        algo.send_signal(signal.SIGTERM)
        assert algo.communicate(timeout=90)[0] == "ended\n"
