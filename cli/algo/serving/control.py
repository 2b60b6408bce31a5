"""Client of the gateway's control endpoint: JSON lines over a stream (runtimes/README.md)."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, TypeVar

import msgspec

from algo.serving.errors import ControlLost
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from algo.engines.interface import ControlAddress


Reply = TypeVar("Reply")
# What a reload comes to that a newer one takes the place of.
OVERTAKEN = "overtaken"


class Fault(msgspec.Struct, frozen=True):
    """An error of the algorithm's code: where, in the project's own paths, what, and what to do."""

    type: str = ""
    message: str = ""
    file: str = ""
    line: int = 0
    stacktrace: str = ""
    hint: str = ""


class Outcome(msgspec.Struct, frozen=True):
    """What a reload came to: the rung, how long the gateway took, the error if it failed."""

    ok: bool
    rung: str = "none"
    milliseconds: float = 0.0
    error: Fault | None = None


class Status(msgspec.Struct, frozen=True):
    """Where an instance stands: `starting`, `ready` or `failed` with its error."""

    ok: bool
    state: str = ""
    error: Fault | None = None


class Wanted(msgspec.Struct, frozen=True):
    """How a service should be, where that may differ from how it is; empty leaves it."""

    python: str = ""
    packages: str = ""
    program: str = ""
    description: msgspec.Raw = msgspec.Raw(b"null")


class _Reload(msgspec.Struct):
    token: str
    changed: tuple[str, ...]
    python: str
    packages: str
    program: str
    description: msgspec.Raw
    force: bool
    do: str = "reload"


class _Do(msgspec.Struct):
    token: str
    do: str


class Control(Value, frozen=True):
    """Speaks to one instance; every call is a connection of its own."""

    address: ControlAddress

    def reload(
        self,
        changed: Sequence[str],
        wanted: Wanted | None = None,
        *,
        force: bool = False,
    ) -> Outcome:
        """Tell which files changed, and how things should be; return what came of it.

        With `force` a new worker is made in any case. Code may load for as long as it likes: only
        another reload takes its place.

        Raises:
            ControlLost: The endpoint does not answer.
        """
        # A name that is no UTF-8 is no module's: what stands for it only has to be another name.
        names = tuple(path.encode(errors="backslashreplace").decode() for path in changed)
        wanted = wanted or Wanted()
        request = _Reload(
            token=self.address.token,
            changed=names,
            python=wanted.python,
            packages=wanted.packages,
            program=wanted.program,
            description=wanted.description,
            force=force,
        )
        return self._decode(self._ask(request, None), Outcome)

    def listens(self) -> bool:
        """Tell whether the gateway has begun: its control endpoint is there before it loads."""
        try:
            self.status()
        except ControlLost:
            return False
        return True

    def status(self, timeout: float = 5.0) -> Status:
        """Return where the instance stands.

        Raises:
            ControlLost: The endpoint does not answer.
        """
        return self.do("status", timeout)

    def do(self, what: str, timeout: float = 5.0) -> Status:
        """Do `what`, a command without more words, and return where the instance stands.

        Raises:
            ControlLost: The endpoint does not answer, or cannot do that.
        """
        status = self._decode(self._ask(_Do(self.address.token, what), timeout), Status)
        if not status.ok:
            why = status.error.message if status.error else "it gave no reason"
            raise ControlLost(f"the control endpoint did not {what}: {why}")
        return status

    def _ask(self, request: msgspec.Struct, timeout: float | None) -> bytes:
        try:
            with _connect(self.address.address, timeout) as connection:
                connection.sendall(msgspec.json.encode(request) + b"\n")
                with connection.makefile("rb") as replies:
                    line = replies.readline()
        except OSError as error:
            raise ControlLost(f"the control endpoint does not answer: {error}") from error
        if not line:
            raise ControlLost("the control endpoint closed the connection")
        return line

    def _decode(self, line: bytes, kind: type[Reply]) -> Reply:
        try:
            return msgspec.json.decode(line, type=kind)
        except msgspec.DecodeError as error:
            raise ControlLost(f"the control endpoint answered something else: {error}") from error


def _connect(address: str, timeout: float | None) -> socket.socket:
    kind, _, rest = address.partition(":")
    if kind == "unix":
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(timeout)
        try:
            connection.connect(rest)
        except OSError:
            connection.close()
            raise
        return connection
    host, _, port = rest.rpartition(":")
    return socket.create_connection((host, int(port)), timeout)
