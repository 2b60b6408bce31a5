"""Workers that share what one of them loaded, and those that cannot."""

from __future__ import annotations

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.runtimes.conftest import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtimes.conftest import GatewayProcess

    Start = Callable[..., GatewayProcess]

# `load` leaves a line in a file, so that its calls can be counted; each answer takes a moment,
# so that calls that come together go to different workers.
CODE = """
import os
import time

def load():
    with open("{loads}", "a") as file:
        file.write("loaded\\n")
    return {state}

def apply(value, state):
    time.sleep(0.2)
    return [os.getpid(), "one", {shown}]
"""


def code_of(folder: Path, **parts: str) -> str:
    parts = {"state": "os.urandom(4).hex()", "shown": "state", **parts}
    return CODE.format(loads=f"{folder}/loads", **parts)


def loads(folder: Path) -> int:
    return len((folder / "loads").read_text().splitlines())


def answers(served: GatewayProcess, count: int) -> list[list[object]]:
    with ThreadPoolExecutor(count) as clients:
        return [one.json for one in clients.map(lambda _: served.post(0), range(count))]


def replaced(served: GatewayProcess, count: int, without: int) -> None:
    """Wait until there are `count` workers, `without` not among them."""
    end = time.monotonic() + 20
    while without in (now := served.workers()) or len(now) != count or not workers(served, count):
        assert time.monotonic() < end, f"there are never {count} workers without {without}"
        time.sleep(0.01)


def workers(served: GatewayProcess, count: int) -> bool:
    return f"algo_workers {count}\n".encode() in served.ask("GET", "/metrics").body


def test_load_runs_once_for_all_workers(gateway: Start, tmp_path: Path) -> None:
    served = gateway(code_of(tmp_path), serving={"workers": 3})
    said = answers(served, 3)
    assert loads(tmp_path) == 1
    assert {pid for pid, _, _ in said} == set(served.workers())
    assert len({state for _, _, state in said}) == 1
    assert len(served.processes("algo-template")) == 1
    assert served.stop() == 0
    assert served.printed == []


def test_one_worker_has_no_template_unless_told(gateway: Start, tmp_path: Path) -> None:
    served = gateway(code_of(tmp_path))
    assert served.processes("algo-template") == []
    served.stop()
    served = gateway(code_of(tmp_path), serving={"preload": "always"})
    (worker,) = served.workers()
    os.kill(worker, signal.SIGKILL)
    replaced(served, 1, worker)
    assert answers(served, 1)[0][0] == served.workers()[0]
    assert loads(tmp_path) == 2


def test_a_replaced_worker_need_not_load(gateway: Start, tmp_path: Path) -> None:
    served = gateway(code_of(tmp_path), serving={"workers": 2})
    before = answers(served, 2)
    victim = served.workers()[0]
    os.kill(victim, signal.SIGKILL)
    replaced(served, 2, victim)
    assert answers(served, 2)[0][2] == before[0][2]
    assert loads(tmp_path) == 1


def test_workers_outlive_their_template(gateway: Start, tmp_path: Path) -> None:
    served = gateway(code_of(tmp_path), serving={"workers": 2})
    before = served.workers()
    (template,) = served.processes("algo-template")
    os.kill(template, signal.SIGKILL)
    while served.processes("algo-template"):
        time.sleep(0.01)
    assert {pid for pid, _, _ in answers(served, 2)} == set(before) == set(served.workers())
    os.kill(before[0], signal.SIGKILL)
    replaced(served, 2, before[0])
    assert len(answers(served, 2)) == 2
    assert loads(tmp_path) == 2


@pytest.mark.parametrize(
    ("state", "preload", "why"),
    [
        ("open(__file__)", "auto", "load() left it.py open, whose position would be shared"),
        ("__import__('socket').socket()", "auto", "load() left a connection open"),
        (
            "__import__('threading').Thread(target=time.sleep, args=(60,), daemon=True).start()",
            "auto",
            "load() started a thread (Thread-1 (sleep))",
        ),
        (
            "__import__('subprocess').Popen(['sleep', '5'], stdout=-3, stderr=-3)",
            "always",
            "load() started processes",
        ),
    ],
    ids=["file", "socket", "thread", "process"],
)
def test_what_cannot_be_shared_is_loaded_by_each_worker(
    gateway: Start, tmp_path: Path, state: str, preload: str, why: str
) -> None:
    code = code_of(tmp_path, state=state, shown="0")
    served = gateway(code, serving={"workers": 2, "preload": preload})
    assert {pid for pid, _, _ in answers(served, 2)} == set(served.workers())
    assert (loads(tmp_path), served.processes("algo-template")) == (2, [])
    served.stop()
    told = "each worker loads by itself, as what load() made cannot be shared: "
    assert [json.loads(line)["message"] for line in served.printed] == [told + why]


def test_what_the_author_vouches_for_is_shared(gateway: Start, tmp_path: Path) -> None:
    code = code_of(tmp_path, state="open(__file__)", shown="state.read(1)")
    served = gateway(code, serving={"workers": 2, "preload": "always"})
    assert len(answers(served, 2)) == 2
    assert loads(tmp_path) == 1


def test_async_workers_load_by_themselves(gateway: Start, tmp_path: Path) -> None:
    code = code_of(tmp_path).replace("def apply", "async def apply")
    served = gateway(code, serving={"workers": 2})
    assert len(answers(served, 2)) == 2
    assert loads(tmp_path) == 2


def test_a_new_load_is_shared_anew_and_the_old_weights_go(developed: Start, tmp_path: Path) -> None:
    code = code_of(tmp_path)
    served = developed(code, serving={"workers": 2})
    (old,) = served.processes("algo-template")
    before = answers(served, 1)[0][2]
    served.app.joinpath("src/it.py").write_text(code.replace("urandom(4)", "urandom(5)"))
    assert served.reload("src/it.py")["rung"] == "worker"
    after = answers(served, 2)
    assert {len(str(state)) for _, _, state in after} == {10}
    assert after[0][2] == after[1][2] != before
    assert loads(tmp_path) == 2
    end = time.monotonic() + 10
    while (templates := served.processes("algo-template")) == [old] or len(templates) != 1:
        assert time.monotonic() < end, templates
        time.sleep(0.01)


def test_a_swap_reaches_the_workers_that_come_later(developed: Start, tmp_path: Path) -> None:
    code = code_of(tmp_path)
    served = developed(code, serving={"workers": 2})
    state = answers(served, 1)[0][2]
    served.app.joinpath("src/it.py").write_text(code.replace('"one"', '"two"'))
    assert served.reload("src/it.py")["rung"] == "swap"
    for victim in served.workers():
        os.kill(victim, signal.SIGKILL)
        replaced(served, 2, victim)
    assert {(word, kept) for _, word, kept in answers(served, 2)} == {("two", state)}
    assert loads(tmp_path) == 1


def test_a_bad_edit_leaves_the_old_code_to_workers_that_come_later(
    developed: Start, tmp_path: Path
) -> None:
    code = code_of(tmp_path)
    served = developed(code, serving={"workers": 2})
    served.app.joinpath("src/it.py").write_text(code.replace("os.urandom(4)", "(1 / 0)"))
    assert served.reload("src/it.py")["error"]["type"] == "ZeroDivisionError"
    (template,) = served.processes("algo-template")
    victim = served.workers()[0]
    os.kill(victim, signal.SIGKILL)
    replaced(served, 2, victim)
    assert [word for _, word, _ in answers(served, 2)] == ["one", "one"]
    assert served.processes("algo-template") == [template]


def test_a_load_that_crashes_ends_as_without_sharing(developed: Start, tmp_path: Path) -> None:
    code = code_of(tmp_path)
    served = developed(code, serving={"workers": 2})
    served.app.joinpath("src/it.py").write_text(code.replace("os.urandom(4)", "os._exit(3)"))
    error = served.reload("src/it.py")["error"]
    assert (error["type"], "exited with code 3" in error["message"]) == ("worker_died", True)
    assert [word for _, word, _ in answers(served, 2)] == ["one", "one"]


def test_what_load_wants_done_at_the_end_waits_for_the_last_worker(
    developed: Start, tmp_path: Path
) -> None:
    code = """
        import os, tempfile, time

        def load():
            return tempfile.TemporaryDirectory()

        def apply(value, state):
            time.sleep(value)
            return [state.name, os.path.isdir(state.name)]
    """
    served = developed(code, serving={"workers": 2})
    with ThreadPoolExecutor(1) as clients:
        long = clients.submit(served.post, 1.5)
        old, there = served.post(0.1).json
        assert there
        entry = served.app / "src" / "it.py"
        entry.write_text(entry.read_text().replace("TemporaryDirectory()", "mkdtemp()"))
        entry.write_text(entry.read_text().replace("state.name", "state"))
        assert served.reload("src/it.py")["rung"] == "worker"
        assert len(served.processes("algo-template")) == 2
        # One of the old workers has ended, the other one still needs the folder.
        assert long.result().json == [old, True]
    end = time.monotonic() + 10
    while Path(old).is_dir() or len(served.processes("algo-template")) != 1:
        assert time.monotonic() < end
        time.sleep(0.01)
    Path(served.post(0).json[0]).rmdir()


def test_each_worker_draws_numbers_of_its_own_and_logs_its_own_calls(
    gateway: Start, tmp_path: Path
) -> None:
    code = """
        import logging, os, random, time

        def load():
            logging.basicConfig(format="%(message)s")
            random.seed(1)

        def apply(value, state):
            time.sleep(0.2)
            logging.warning("from %s", os.getpid())
            return random.random()
    """
    served = gateway(code, serving={"workers": 2})
    drawn = answers(served, 2)
    assert drawn[0] != drawn[1]
    served.stop()
    lines = [json.loads(line) for line in served.printed]
    assert len({line["request"] for line in lines}) == 2
    assert len({line["message"] for line in lines}) == 2


def test_workers_that_are_added_share_what_one_of_them_loads(
    developed: Start, tmp_path: Path
) -> None:
    served = developed(code_of(tmp_path))
    before = answers(served, 1)[0][2]
    description = json.loads((tmp_path / "algorithm.json").read_text())
    description["serving"] = {"workers": 4}
    wanted = {"do": "reload", "token": TOKEN, "changed": [], "description": description}
    assert served.control(wanted)["rung"] == "limits"
    replaced(served, 4, 0)
    states = [state for _, _, state in answers(served, 4)]
    assert loads(tmp_path) == 2
    assert (states.count(before), len(set(states))) == (1, 2)
