"""A web server of pages that are known beforehand, which containers reach too."""

from __future__ import annotations

from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

from tests.fakes import servers
from tests.machine.commands import output_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@contextmanager
def serving(pages: Mapping[str, bytes]) -> Iterator[str]:
    """Serve `pages`, by their paths; yield the address by which containers know it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pages.get(self.path)
            self.send_response(200 if body is not None else 404)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            pass

    with servers.serving(Handler, _bridge()) as server:
        yield f"http://{server.server_name}:{server.server_port}"


def _bridge() -> str:
    """Return this machine's address in the network of the engine's containers."""
    form = "{{(index .IPAM.Config 0).Gateway}}"
    return output_of(["docker", "network", "inspect", "bridge", "--format", form])
