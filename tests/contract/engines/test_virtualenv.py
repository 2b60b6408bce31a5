"""What only host processes need: nothing of the system ends them with the command."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

from algo.engines.processes import alive
from algo.engines.sessions import Sessions

if TYPE_CHECKING:
    from pathlib import Path

# Starts an instance, and is killed before the guardian of it is there.
PROGRAM = """
import os, signal, sys
from pathlib import Path

from algo.engines import virtualenv
from algo.engines.interface import HostEnvironment
from algo.engines.sessions import Sessions
from algo.events import silent
from algo.resources import data_folder
from algo.serving.start import StartOptions, launch_of
from msgspec.structs import replace

from tests.fakes.engines import hello

root = Path(sys.argv[1])
runtimes = data_folder("runtimes")
artifact = HostEnvironment(runtimes / "python", Path(sys.executable))
(root / "hello").mkdir()
servable = replace(hello(root / "hello", "def apply(input):\\n    return 1\\n"), artifact=artifact)
engine = virtualenv.VirtualenvEngine(Sessions(root / "sessions"), runtimes / "gateway", os.environ)
virtualenv._guard = lambda group: os.kill(os.getpid(), signal.SIGKILL)
engine.start(launch_of(servable, StartOptions()), lambda line: None)
"""


def test_a_gateway_ends_with_a_command_that_is_killed_while_it_starts_it(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(tmp_path)], check=False)
    assert done.returncode == -9
    (session,) = Sessions(tmp_path / "sessions").all()
    (leader,) = session.processes
    deadline = time.monotonic() + 20
    while alive(leader):
        assert time.monotonic() < deadline
        time.sleep(0.05)
