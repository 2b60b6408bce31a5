"""A registry that keeps nothing: every upload is taken and thrown away. Prints its port.

python -m benchmarks.registry.sink
"""

from __future__ import annotations

import re
import socket
import threading

BUFFER = 1 << 20
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_DIGEST = re.compile(rb"[?&]digest=")


def main() -> None:
    """Serve until killed."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=16)
    print(listener.getsockname()[1], flush=True)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client,), daemon=True).start()


def serve(client: socket.socket) -> None:
    """Answer the requests of one connection."""
    buffer = bytearray(BUFFER)
    head = b""
    while True:
        while b"\r\n\r\n" not in head:
            piece = client.recv(65_536)
            if not piece:
                return
            head += piece
        top, _, rest = head.partition(b"\r\n\r\n")
        found = _LENGTH.search(top)
        left = (int(found[1]) if found else 0) - len(rest)
        head = b"" if left >= 0 else rest[left:]
        while left > 0:
            got = client.recv_into(buffer, min(BUFFER, left))
            if not got:
                return
            left -= got
        client.sendall(answer(top.split(b" ", 2)))


def answer(words: list[bytes]) -> bytes:
    """Return what a registry says that has taken everything so far."""
    method, target = words[0], words[1]
    if method == b"HEAD":
        return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    status = b"201 Created" if _DIGEST.search(target) else b"202 Accepted"
    where = b"Location: /v2/acme/digits/blobs/uploads/1\r\n"
    return b"HTTP/1.1 " + status + b"\r\n" + where + b"Content-Length: 0\r\n\r\n"


if __name__ == "__main__":
    main()
