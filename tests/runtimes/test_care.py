"""Workers that serve nobody, hang, crash or grow: they are replaced, and who waits is answered."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from algo_gateway.wire.frames import LENGTHS, Channel
from algo_gateway.workers.memory import Kernel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.runtimes.conftest import GatewayProcess

    Start = Callable[..., GatewayProcess]

SLEEP = """
import os
import time

def apply(value):
    time.sleep(value)
    return os.getpid()
"""


def abandoned(served: GatewayProcess, value: float, seconds: float = 0.5) -> None:
    """Call it, wait until the call has begun for `seconds`, and leave."""
    body = json.dumps(value).encode()
    with socket.create_connection(("127.0.0.1", served.port)) as client:
        head = b"POST / HTTP/1.1\r\nHost: it\r\nContent-Type: application/json\r\n"
        client.sendall(head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        time.sleep(seconds)


def test_a_call_that_nobody_waits_for_gives_way_when_others_wait(gateway: Start) -> None:
    served = gateway(SLEEP, serving={"cancel_grace": 0.2})
    (worker,) = served.workers()
    abandoned(served, 60)
    assert served.post(0).json == served.workers()[0] != worker
    served.stop()
    told = "the client of a call left, and it goes on after 0.2 s: others wait"
    assert [json.loads(line)["message"] for line in served.printed] == [told]


def test_a_call_that_nobody_waits_for_may_end_when_nobody_else_comes(gateway: Start) -> None:
    served = gateway(SLEEP, serving={"cancel_grace": 0})
    before = served.workers()
    abandoned(served, 1.2)
    time.sleep(1.2)
    assert [served.post(0).json] == before


def test_within_its_grace_a_call_ends_by_itself(gateway: Start) -> None:
    served = gateway(SLEEP, serving={"cancel_grace": 30})
    before = served.workers()
    abandoned(served, 1.5)
    assert [served.post(0).json] == before


def test_a_call_beside_one_that_nobody_waits_for_is_answered(gateway: Start) -> None:
    served = gateway(SLEEP, serving={"cancel_grace": 0, "concurrency": 2})
    before = served.workers()
    with ThreadPoolExecutor(3) as clients:
        beside = clients.submit(served.post, 2)
        abandoned(served, 2)
        later = clients.submit(served.post, 0)
        assert [beside.result().json] == [later.result().json] == before


@pytest.mark.parametrize("concurrency", [1, 2])
def test_a_stream_that_nobody_reads_is_closed(
    gateway: Start, tmp_path: Path, concurrency: int
) -> None:
    code = f"""
        import time

        def apply(value):
            try:
                while True:
                    time.sleep(0.01)
                    yield "x" * 100
            finally:
                open("{tmp_path}/closed", "w").close()
    """
    served = gateway(code, serving={"concurrency": concurrency})
    abandoned(served, 1, 0.2)
    end = time.monotonic() + 10
    while not (tmp_path / "closed").exists():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_calls_that_end_their_worker_do_not_keep_others_waiting(gateway: Start) -> None:
    code = "import os\n\ndef apply(value):\n    return value or os._exit(3)\n"
    served = gateway(code, serving={"timeout": 4})
    answers = [served.post(number % 2) for number in range(20)]
    assert [answer.status for answer in answers] == [502, 200] * 10


LEAK = """
import os
import time

kept = []

def apply(value):
    kept.append(b"x" * (value << 20))
    time.sleep(0.1)
    return os.getpid()
"""


def test_a_worker_over_its_memory_limit_ends_after_its_calls(gateway: Start) -> None:
    served = gateway(LEAK, serving={"worker_memory": 200_000_000, "workers": 2})
    with ThreadPoolExecutor(2) as clients:
        answers = list(clients.map(lambda _: served.post(10), range(60)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.json for answer in answers}) > 2
    served.stop()
    assert served.printed
    assert all("MB, worker-memory is 200 MB: another one takes" in one for one in served.printed)


def test_a_worker_far_over_its_memory_limit_is_ended_at_once(gateway: Start) -> None:
    served = gateway(LEAK, serving={"worker_memory": 120_000_000})
    lost = served.post(400)
    assert (lost.status, lost.code) == (502, "worker_out_of_memory")
    assert "worker-memory is 120 MB" in lost.json["error"]["message"]
    assert served.post(1).status == 200


@pytest.mark.parametrize("size", [130, 400])
def test_weights_over_the_memory_limit_are_told_when_they_are_loaded(
    gateway: Start, size: int
) -> None:
    code = f"import time\nkept = b'x' * {size << 20}\ntime.sleep(0.2)\n"
    code += "\ndef apply(value):\n    pass\n"
    served = gateway(code, serving={"worker_memory": 120_000_000})
    fault = served.first["load_error"]
    assert fault["type"] == "worker_out_of_memory"
    assert "worker-memory is 120 MB" in fault["message"]


def test_a_process_that_the_kernel_ended_for_memory_is_known(tmp_path: Path) -> None:
    events = tmp_path / "memory.events"
    events.write_text("oom 0\noom_kill 2\noom_group_kill 0\n")
    (tmp_path / "memory.max").write_text("512000000\n")
    kernel = Kernel(tmp_path)
    assert (kernel.killed(), kernel.limit()) == (False, 512_000_000)
    events.write_text("oom 1\noom_kill 3\noom_group_kill 0\n")
    assert [kernel.killed(), kernel.killed()] == [True, False]


def test_the_older_form_of_the_kernels_count(tmp_path: Path) -> None:
    (tmp_path / "memory").mkdir()
    control = tmp_path / "memory" / "memory.oom_control"
    control.write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 0\n")
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    kernel = Kernel(tmp_path)
    control.write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 1\n")
    assert (kernel.killed(), kernel.limit()) == (True, 0)
    assert Kernel(tmp_path / "elsewhere").killed() is False


def test_answers_in_the_pipe_of_a_worker_that_ended_are_read_first() -> None:
    taken: list[int] = []
    closed: list[str] = []

    async def scene() -> None:
        source, theirs = os.pipe()
        requests, sink = os.pipe()
        channel = Channel(
            asyncio.get_running_loop(),
            source,
            sink,
            lambda reply, body: taken.append(reply.id),
            closed.append,
        )
        channel.pause()
        for number in range(3):
            header = json.dumps({"type": "result", "id": number}).encode()
            os.write(theirs, LENGTHS.pack(len(header), 1000) + header + bytes(1000))
        # A child of user code may hold the pipe open.
        channel.finish()
        os.close(theirs)
        os.close(requests)

    asyncio.run(scene())
    assert (taken, closed) == ([0, 1, 2], [""])
