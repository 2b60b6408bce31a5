from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import msgspec
from algo.engines.processes import Process, alive, identify, kill_group
from algo.engines.sessions import Sessions

GONE = Process(2**22 + 1, "0")


def test_a_session_folder_is_private(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path / "sessions")
    session = sessions.create("virtualenv", "acme/hello", "/p")
    folder = sessions.folder(session.id)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert sessions.all() == [session]
    sessions.remove(session.id)
    assert sessions.all() == []


def test_a_session_of_a_running_command_is_found_by_its_project(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path)
    session = sessions.create("virtualenv", "acme/hello", "/p")
    assert sessions.running(Path("/p")) is None
    sessions.update(session.id, url="http://127.0.0.1:1")
    found = sessions.running(Path("/p"))
    assert found is not None
    assert found.url == "http://127.0.0.1:1"
    assert sessions.running(Path("/p"), "docker") is None
    assert sessions.running(Path("/other")) is None


def test_a_session_of_a_killed_command_is_a_leftover_and_is_cleaned(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path)
    child = subprocess.Popen(["sleep", "60"], start_new_session=True)
    process = identify(child.pid)
    assert process is not None
    session = sessions.create("virtualenv", "acme/hello", "/p")
    sessions.write(msgspec.structs.replace(session, owner=GONE, processes=(process,)))
    [leftover] = sessions.leftovers()
    assert f"processes {child.pid}" in leftover.detail
    sessions.clean(leftover)
    assert child.wait(2) == -9
    assert sessions.all() == []


def test_a_running_session_is_not_cleaned(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path)
    session = sessions.create("virtualenv", "acme/hello", "/p")
    assert sessions.leftovers() == []
    assert sessions.all() == [session]


def test_a_broken_record_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "session.json").write_text("{")
    assert Sessions(tmp_path).all() == []


def test_a_process_is_told_from_another_with_its_id() -> None:
    child = subprocess.Popen(["sleep", "60"], start_new_session=True)
    process = identify(child.pid)
    assert process is not None
    assert alive(process)
    impostor = Process(child.pid, "1")
    assert not alive(impostor)
    kill_group(impostor)
    assert alive(process)
    kill_group(process)
    assert not alive(process)
    assert child.wait(2) == -9
    assert identify(GONE.pid) is None
