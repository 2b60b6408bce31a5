"""Run a command in the project's environment."""

from __future__ import annotations

import shutil
import signal
import subprocess
from typing import TYPE_CHECKING

from algo.environments.errors import CommandNotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def execute(
    command: Sequence[str], variables: Mapping[str, str], project: Path, hint: str | None = None
) -> int:
    """Run `command` in the folder `project` with `variables`; return its exit code.

    `hint` is what to do about a program that is not there, where that is not Python's way.

    It keeps our standard streams. A command that a signal ended gives 128 plus the signal, as
    shells do. Ctrl-C reaches the command from the terminal, and its own answer counts.

    Raises:
        CommandNotFound: There is no such program in the environment or on PATH.
    """
    program = shutil.which(command[0], path=variables.get("PATH"))
    if program is None and (project / command[0]).is_file():
        program = str(project / command[0])
    if program is None:
        text = f"{command[0]!r} is neither in the environment nor on PATH"
        raise CommandNotFound(text, hint=hint)
    with subprocess.Popen([program, *command[1:]], cwd=project, env=variables) as child:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            code = child.wait()
        except BaseException:
            child.terminate()  # SIGTERM reached us alone
            raise
        finally:
            signal.signal(signal.SIGINT, before)
    return 128 - code if code < 0 else code
