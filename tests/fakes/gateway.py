"""A gateway in this process: the same HTTP and control surface, one thread per connection."""

from __future__ import annotations

import http.server
import json
import socketserver
import threading
import traceback
from typing import TYPE_CHECKING, Any

from tests.fakes import servers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class FakeGateway:
    """Serves the entry file of a folder; reads it again when the control endpoint says so.

    `fault` is the error of the last load, `changed` what each reload was told, `asked` what
    else the control endpoint was.
    """

    def __init__(self, folder: Path, entrypoint: str, token: str, log: Callable[[str], None]):
        self.folder = folder
        self.entrypoint = entrypoint
        self.token = token
        self.log = log
        self.apply: Callable[[Any], Any] | None = None
        self.fault: dict[str, Any] | None = None
        self.changed: list[list[str]] = []
        self.wanted: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.http = servers.Server(("127.0.0.1", 0), _handler(self))
        self.control = _Control(("127.0.0.1", 0), _commands(self))
        for server in (self.http, self.control):
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()

    def load(self) -> None:
        """Run the entry file and keep its function, or the old one and the error."""
        file, _, function = self.entrypoint.partition(":")
        names: dict[str, Any] = {"print": lambda *words, **_: self.log(" ".join(map(str, words)))}
        try:
            source = (self.folder / file).read_text(encoding="utf-8")
            exec(compile(source, file, "exec"), names)
            first = self.apply is None
            self.apply, self.fault = names[function], None
            if first:
                self._say({"ready": {"port": self.http.server_address[1], "milliseconds": 1}})
        except Exception as error:
            self.fault = _fault(error, file)
            if self.apply is None:
                self._say({"load_error": self.fault})

    def _say(self, document: dict[str, Any]) -> None:
        self.log(json.dumps(document, separators=(",", ":")))

    def close(self) -> None:
        """Stop listening."""
        for server in (self.http, self.control):
            server.shutdown()
            server.server_close()


class _Control(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


def _handler(gateway: FakeGateway) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            ready = self.path != "/readyz" or gateway.apply is not None
            self._answer(200 if ready else 503, {"ready": ready})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert gateway.apply is not None
            try:
                self._answer(200, gateway.apply(json.loads(body)))
            except Exception as error:
                self._answer(500, {"error": _fault(error, "")})

        def log_message(self, format: str, *arguments: Any) -> None:
            return

        def _answer(self, status: int, value: object) -> None:
            content = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Handler


def _commands(gateway: FakeGateway) -> type[socketserver.StreamRequestHandler]:
    class Commands(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            request = json.loads(self.rfile.readline())
            if request["token"] != gateway.token:
                return
            reply: dict[str, Any]
            if request["do"] != "reload":
                gateway.asked.append(request["do"])
                state = "failed" if gateway.fault else "ready" if gateway.apply else "starting"
                reply = {"ok": True, "state": state, "error": gateway.fault}
            else:
                gateway.changed.append(request["changed"])
                gateway.wanted.append(request)
                gateway.load()
                rung = "none" if gateway.fault else "swap"
                reply = {"ok": not gateway.fault, "rung": rung, "error": gateway.fault}
            self.wfile.write(json.dumps(reply).encode() + b"\n")

    return Commands


def _fault(error: Exception, file: str) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)
    line = error.lineno if isinstance(error, SyntaxError) else frames[-1].lineno
    return {
        "type": type(error).__name__,
        "message": error.msg if isinstance(error, SyntaxError) else str(error),
        "file": file,
        "line": line,
        "stacktrace": "",
    }
