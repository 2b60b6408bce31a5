from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

import pytest
from algo.engines.docker_containers import Containers, Refused
from algo.engines.errors import EngineUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def engine_saying(folder: Path, *replies: bytes) -> Iterator[Containers]:
    """A socket that answers each connection with the next of `replies`."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "e.sock"))
    listener.listen()

    def serve() -> None:
        for reply in replies:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(reply)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield Containers(f"unix://{folder}/e.sock")
    listener.close()
    thread.join(1)


def answer(status: str, body: bytes) -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n" % (status.encode(), len(body)) + body


def test_lines_are_put_together_from_frames_of_both_streams(tmp_path: Path) -> None:
    frames = [(1, b"one\ntw"), (2, b"err"), (1, b"o\r\n"), (2, b"or\n"), (1, b"rest")]
    raw = b"".join(bytes([n, 0, 0, 0]) + len(b).to_bytes(4, "big") + b for n, b in frames)
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (raw[:11], raw[11:]))
    reply = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    with engine_saying(tmp_path, reply) as containers:
        assert list(containers.lines("c")) == ["one", "two", "error", "rest"]


def test_a_refusal_keeps_the_engines_words(tmp_path: Path) -> None:
    reply = answer("409 Conflict", b'{"message":"name in use"}')
    with engine_saying(tmp_path, reply) as containers, pytest.raises(Refused, match="name in use"):
        containers.create("x", {})


def test_what_is_gone_needs_no_removing(tmp_path: Path) -> None:
    gone = answer("404 Not Found", b'{"message":"no such container"}')
    with engine_saying(tmp_path, gone, gone, gone) as containers:
        containers.remove("c")
        containers.stop("c", 1)
        assert containers.inspect("c") is None


def test_ports_and_state_are_read(tmp_path: Path) -> None:
    body = (
        b'{"State":{"Running":false,"ExitCode":137,"OOMKilled":true},'
        b'"NetworkSettings":{"Ports":{"8080/tcp":[{"HostIp":"127.0.0.1","HostPort":"32768"}],'
        b'"9/tcp":null}}}'
    )
    with engine_saying(tmp_path, answer("200 OK", body)) as containers:
        found = containers.inspect("c")
    assert found is not None
    assert (found.port(8080), found.port(9), found.port(10)) == (32768, None, None)
    assert (found.state.exit_code, found.state.oom_killed) == (137, True)


@pytest.mark.parametrize("address", ["unix:///nowhere/e.sock", "ssh://host"])
def test_an_engine_that_cannot_be_spoken_to_is_unavailable(address: str) -> None:
    with pytest.raises(EngineUnavailable):
        Containers(address).version()
