"""The door: a service's listening socket, handed as a descriptor to the gateway in a container.

What runs changes, and the socket stays: a new container takes over while connections come. The
gateway's side is `algo_gateway/net/door.py`.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from typing import TYPE_CHECKING

from msgspec import field

from algo.engines.ports import listen
from algo.values import Record

if TYPE_CHECKING:
    from pathlib import Path

NAME = "door.sock"
_BACKLOG = 2048
_PATIENCE = 5.0


class Door(Record):
    """Listens at an address and gives that socket to whoever asks at `folder`/`NAME`.

    Only who reaches the folder can ask: this user, and a container that it is mounted into.
    """

    folder: Path
    listener: socket.socket
    _way: socket.socket
    _given: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def open(cls, folder: Path, host: str, port: int) -> Door:
        """Listen on `port` of `host`, 0 for any free one.

        Raises:
            PortTaken: Something else listens there.
            AddressInvalid: `host` is not an address of this machine.
        """
        listener = listen(host, port, _BACKLOG)
        way = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # Its own path may be longer than a unix socket's may be; that of a descriptor is short.
            place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                way.bind(f"/proc/self/fd/{place}/{NAME}")
            finally:
                os.close(place)
            (folder / NAME).chmod(0o666)  # the container's user is another
            way.listen()
        except BaseException:
            way.close()
            listener.close()
            raise
        door = cls(folder, listener, way)
        threading.Thread(target=door._serve, name="door", daemon=True).start()
        return door

    @property
    def port(self) -> int:
        """The port."""
        return int(self.listener.getsockname()[1])

    def given(self, seconds: float) -> bool:
        """Tell whether a gateway has the socket; wait for that so long."""
        return self._given.wait(seconds)

    def close(self) -> None:
        """Give no more; the gateways keep what they have."""
        with contextlib.suppress(OSError):
            self._way.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._way.close()
        self.listener.close()

    def _serve(self) -> None:
        while True:
            try:
                asking, _ = self._way.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._answer, args=(asking,), daemon=True).start()

    def _answer(self, asking: socket.socket) -> None:
        with asking, contextlib.suppress(OSError):
            asking.settimeout(_PATIENCE)
            if asking.recv(16) == b"connect\n":
                with self._connect() as connection:
                    socket.send_fds(asking, [b"."], [connection.fileno()])
            else:
                socket.send_fds(asking, [b"."], [self.listener.fileno()])
                self._given.set()

    def _connect(self) -> socket.socket:
        host, port = self.listener.getsockname()[:2]
        local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        return socket.create_connection((local, port), _PATIENCE)
