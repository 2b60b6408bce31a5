"""What runs now, written down so that a killed command's remains can be found."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from typing import TYPE_CHECKING

import msgspec

from algo.engines.interface import Leftover
from algo.engines.processes import Process, alive, identify, kill_group
from algo.values import Value

if TYPE_CHECKING:
    from pathlib import Path

RECORD = "session.json"


class Session(msgspec.Struct, frozen=True):
    """One run of an instance.

    `owner` is the command that started it; `processes` are what it started on this machine,
    group leaders; `container` is the engine's id of one. `project` is empty when no other
    command may call the instance.
    """

    id: str
    engine: str
    name: str
    project: str
    owner: Process
    processes: tuple[Process, ...] = ()
    container: str = ""
    url: str = ""

    @property
    def abandoned(self) -> bool:
        """Tell whether the command that started it is gone."""
        return not alive(self.owner)


class Sessions(Value, frozen=True):
    """The session records of this user, one private folder each below `root`."""

    root: Path

    def create(self, engine: str, name: str, project: str) -> Session:
        """Write the record of a new session of this process and return it."""
        me = identify(os.getpid()) or Process(os.getpid(), "")
        session = Session(secrets.token_hex(6), engine, name, project, me)
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder(session.id).mkdir(mode=0o700)
        self.write(session)
        return session

    def folder(self, session: str) -> Path:
        """Return the private folder of a session."""
        return self.root / session

    def write(self, session: Session) -> None:
        """Replace the record, whole or not at all."""
        folder = self.folder(session.id)
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=".record-")
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(session))
        (folder / temporary).replace(folder / RECORD)

    def update(self, session: str, **changes: object) -> Session:
        """Change fields of a record and return the new one."""
        changed = msgspec.structs.replace(self.read(session), **changes)
        self.write(changed)
        return changed

    def read(self, session: str) -> Session:
        """Return one record."""
        return msgspec.json.decode((self.folder(session) / RECORD).read_bytes(), type=Session)

    def all(self) -> list[Session]:
        """Return every record that can be read, sorted by id."""
        found = []
        for path in sorted(self.root.glob(f"*/{RECORD}")):
            try:
                found.append(msgspec.json.decode(path.read_bytes(), type=Session))
            except (OSError, msgspec.DecodeError):
                continue
        return found

    def running(self, project: Path, engine: str = "") -> Session | None:
        """Return the live session that serves `project` to others, if there is one."""
        for session in self.all():
            fits = session.project == str(project) and engine in ("", session.engine)
            if fits and session.url and not session.abandoned:
                return session
        return None

    def remove(self, session: str) -> None:
        """Forget a session and remove its folder."""
        shutil.rmtree(self.folder(session), ignore_errors=True)

    def leftovers(self) -> list[Leftover]:
        """Return the sessions whose command is gone."""
        return [
            Leftover("session", session.id, _describe(session))
            for session in self.all()
            if session.abandoned
        ]

    def clean(self, leftover: Leftover) -> None:
        """Kill what is left of an abandoned session's processes and forget it."""
        for session in self.all():
            if session.id == leftover.name and session.abandoned:
                for process in session.processes:
                    kill_group(process)
                self.remove(session.id)


def _describe(session: Session) -> str:
    left = [str(process.pid) for process in session.processes if alive(process)]
    what = f"processes {', '.join(left)}" if left else "its folder"
    if session.container:
        what = f"container {session.container[:12]}"
    return f"{session.name} on {session.engine}, whose command was killed: {what} is left"
