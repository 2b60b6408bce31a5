"""Run an algorithm as processes of this machine: our own gateway, the environment's Python."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import threading
from typing import IO, TYPE_CHECKING

from algo.engines.errors import StartFailed
from algo.engines.interface import (
    GPU,
    LOOPBACK,
    ControlAddress,
    Ended,
    EngineInfo,
    HostEnvironment,
    Instance,
    Launch,
    Leftover,
    Surroundings,
)
from algo.engines.ports import claim, listen
from algo.engines.processes import identify
from algo.values import Record

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from algo.engines.gpu_facts import GpuFacts
    from algo.engines.sessions import Sessions

TOKEN = "ALGO_CONTROL_TOKEN"

# A unix socket's path has 108 bytes on Linux and 104 on macOS: unix(7).
_SOCKET_PATH = 100
_BACKLOG = 2_048

# What would change the gateway behind the back of the command line.
_NOT_OURS = frozenset(
    {
        *("PYTHONHOME", "VIRTUAL_ENV", "ALGO_TOKEN", "ALGO_SIGNING_KEY", "ALGO_SIGNING_PASSWORD"),
        *("ALGO_GRPC_PORT", "ALGO_JOBS", "ALGO_TOKENS", "ALGO_LOCAL", "ALGO_ACCESS_LOG"),
        # A container is not told of them either, whatever a user of Algorithmia has in his shell.
        *("ALGORITHMIA_API", "ALGORITHMIA_API_KEY", "ALGO_DATA", "ALGO_ALGORITHMS"),
    }
)

# Reads one line from its standard input, which only we can write. A line means that all is
# well; the end of the file without one means that we were killed, so the gateway's group goes too.
_GUARDIAN = "read -r _ && exit; kill -s TERM -- -$0; sleep 3; kill -s KILL -- -$0"


class VirtualenvEngine:
    """Runs the gateway with our interpreter and the runner with the environment's."""

    name = "virtualenv"
    wants_image = False

    def __init__(
        self,
        sessions: Sessions,
        gateway: Path,
        env: Mapping[str, str],
        gpu: Callable[[], GpuFacts] | None = None,
    ) -> None:
        self._sessions = sessions
        self._gateway = gateway
        self._env = env
        self._gpu = gpu

    def check(self) -> EngineInfo:
        """Return what runs the gateway here."""
        version = ".".join(str(part) for part in sys.version_info[:3])
        return EngineInfo(self.name, version, f"gateway on {sys.executable}")

    def start(self, launch: Launch, log: Callable[[str], None]) -> HostInstance:
        """Start the gateway, which starts the runner.

        Raises:
            PortTaken: Something else listens on the port.
            GpuUnavailable: A GPU was asked for and this machine has none.
            StartFailed: The interpreter cannot be started.
        """
        assert isinstance(launch.artifact, HostEnvironment)
        assert launch.folder is not None
        self.require_gpu(launch.gpu)
        with contextlib.ExitStack() as sockets:
            return self._start(launch, log, sockets)

    def _start(
        self, launch: Launch, log: Callable[[str], None], sockets: contextlib.ExitStack
    ) -> HostInstance:
        assert isinstance(launch.artifact, HostEnvironment)
        # Ours until the gateway has them: a port that is only free may be another's by then.
        listener = sockets.enter_context(listen(launch.host, launch.port, _BACKLOG))
        port = listener.getsockname()[1]
        grpc_port = None if launch.grpc_port is None else claim(launch.host, launch.grpc_port)
        session = self._sessions.create(
            self.name, launch.name, str(launch.folder or "") if launch.shared else ""
        )
        folder = self._sessions.folder(session.id)
        try:
            control, controlled = _control(folder, sockets) if launch.development else (None, None)
            (folder / "algorithm.json").write_bytes(launch.description)
            command = self._command(launch, folder)
            # Its standard input closes when we are killed, at whatever moment.
            command += ["--socket", str(listener.fileno()), "--lifeline", "0"]
            if control is not None:
                where = control.address if controlled is None else f"fd:{controlled.fileno()}"
                command += ["--development", "--control", where]
            command += [] if grpc_port is None else ["--grpc-port", str(grpc_port)]
            child = self._spawn(
                command, launch, control, [one for one in (listener, controlled) if one]
            )
        except BaseException:
            self._sessions.remove(session.id)
            raise
        leader = identify(child.pid)
        url = f"http://{in_url(launch.host)}:{port}"
        self._sessions.update(session.id, url=url, processes=(leader,) if leader else ())
        return HostInstance(
            url=url,
            grpc="" if grpc_port is None else f"{in_url(launch.host)}:{grpc_port}",
            session=session.id,
            control=control,
            _child=child,
            _guardian=_guard(child.pid),
            _sessions=self._sessions,
            _reader=_read(child, log),
        )

    def require_gpu(self, wanted: str) -> None:
        """Refuse when a process here would not find the GPUs `wanted` (`Engine.require_gpu`)."""
        self._gpu_environment(wanted)

    def beside(self, instance: Instance, launch: Launch, log: Callable[[str], None]) -> None:
        """None: what a host process cannot take over, only another command can."""
        return

    def sweep(self) -> None:
        """Do nothing: what a command starts here ends when it is killed (`Engine.sweep`)."""

    def leftovers(self) -> list[Leftover]:
        """Return the sessions of killed commands, processes and all."""
        ours = {session.id for session in self._sessions.all() if session.engine == self.name}
        return [item for item in self._sessions.leftovers() if item.name in ours]

    def remove(self, leftover: Leftover) -> None:
        """Kill what is left of a session and forget it."""
        self._sessions.clean(leftover)

    def _command(self, launch: Launch, folder: Path) -> list[str]:
        assert isinstance(launch.artifact, HostEnvironment)
        # -P: the current folder is the user's project, and must not shadow the gateway's modules.
        command = [sys.executable, "-P", "-u", "-m", "algo_gateway"]
        command += ["--algorithm", str(folder / "algorithm.json"), "--app", str(launch.folder)]
        command += launch.artifact.options
        command += ["--host", launch.host]
        if launch.jobs is not None:
            command += ["--jobs", self._env.get("ALGO_JOBS") or str(launch.jobs)]
        return command

    def _spawn(
        self,
        command: list[str],
        launch: Launch,
        control: ControlAddress | None,
        sockets: Sequence[socket.socket],
    ) -> subprocess.Popen[bytes]:
        env = {name: value for name, value in self._env.items() if name not in _NOT_OURS}
        env["PYTHONPATH"] = str(self._gateway)
        if control is not None:
            env[TOKEN] = control.token
        env |= launch.access.environment(str(launch.access.tokens))
        if launch.around is not None:
            env |= Surroundings.environment(str(launch.around.data), str(launch.around.calls))
        env |= self._gpu_environment(launch.gpu)
        try:
            return subprocess.Popen(
                command,
                cwd=launch.folder,
                env=env,
                pass_fds=[one.fileno() for one in sockets],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise StartFailed(f"the gateway cannot be started: {error}") from error

    def _gpu_environment(self, wanted: str) -> dict[str, str]:
        """Return what gives a process the GPUs `wanted`, or hides all when that is empty."""
        if not wanted:
            # A framework takes any GPU that it sees, and the container would have none.
            return {"CUDA_VISIBLE_DEVICES": self._env.get("CUDA_VISIBLE_DEVICES", "")}
        from algo.engines.gpu import visible

        devices = visible(wanted, self._facts(), self._env)
        return {GPU: "1"} | ({} if devices is None else {"CUDA_VISIBLE_DEVICES": devices})

    def _facts(self) -> GpuFacts:
        from algo.engines.gpu_facts import read_facts

        return self._gpu() if self._gpu else read_facts()


class HostInstance(Record):
    """A gateway of this machine, and the guardian that ends it when we are killed and it hangs."""

    url: str
    grpc: str
    session: str
    control: ControlAddress | None
    _child: subprocess.Popen[bytes]
    _guardian: subprocess.Popen[bytes]
    _sessions: Sessions
    _reader: threading.Thread

    @property
    def shared(self) -> None:
        """None: paths are the same."""
        return None

    def ended(self) -> Ended | None:
        """Return how the gateway ended, None while it runs."""
        code = self._child.poll()
        if code is None:
            return None
        # Its last lines say why; a child that outlives it may hold the pipe open.
        self._reader.join(1)
        return Ended(code, explain_exit(code))

    def succeed(self, old: Instance) -> None:
        """Nothing is started beside it."""

    def stop(self, grace: float = 3.0) -> None:
        """End the gateway and its runner: calls in flight get `grace` seconds."""
        if self._child.poll() is None:
            self._child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(grace)
        # macOS answers EPERM when only zombies are left of the group.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait(1)
        if self._child.stdin is not None:
            self._child.stdin.close()
        self._dismiss()
        self._reader.join(1)
        self._sessions.remove(self.session)

    def _dismiss(self) -> None:
        stdin = self._guardian.stdin
        if stdin is not None and not stdin.closed:
            try:
                stdin.write(b"done\n")
                stdin.close()
            except BrokenPipeError:
                pass
            self._guardian.wait(1)


def explain_exit(code: int) -> str:
    """Return in words how a process ended, from its exit code or minus its signal."""
    if code >= 0:
        return f"it exited with code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    also = " (killed, or out of memory)" if -code == signal.SIGKILL else ""
    return f"it was ended by {name}{also}"


def _control(
    folder: Path, sockets: contextlib.ExitStack
) -> tuple[ControlAddress, socket.socket | None]:
    """Return where the control endpoint is, and its socket where that is no file."""
    path = folder / "control.sock"
    token = secrets.token_urlsafe(24)
    if len(os.fsencode(path)) <= _SOCKET_PATH:
        return ControlAddress(f"unix:{path}", token), None
    taken = sockets.enter_context(listen(LOOPBACK, 0, _BACKLOG))
    return ControlAddress(f"tcp:{LOOPBACK}:{taken.getsockname()[1]}", token), taken


def _guard(group: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["/bin/sh", "-c", _GUARDIAN, str(group)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _read(child: subprocess.Popen[bytes], log: Callable[[str], None]) -> threading.Thread:
    assert child.stdout is not None
    thread = threading.Thread(target=_lines, args=(child.stdout, log), daemon=True)
    thread.start()
    return thread


def _lines(stream: IO[bytes], log: Callable[[str], None]) -> None:
    with stream:
        for line in stream:
            log(line.decode("utf-8", errors="replace").rstrip("\r\n"))


def in_url(host: str) -> str:
    """Return the host to put into a URL: an address of every interface is not one to call."""
    if host in ("0.0.0.0", "::", ""):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
