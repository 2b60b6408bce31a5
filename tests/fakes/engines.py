"""An engine that runs algorithms in this process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from algo.engines.errors import GpuUnavailable
from algo.engines.interface import (
    ControlAddress,
    Ended,
    EngineInfo,
    HostEnvironment,
    Instance,
    Launch,
    Leftover,
)
from algo.engines.ports import claim
from algo.serving.interface import Servable

from tests.fakes.gateway import FakeGateway

if TYPE_CHECKING:
    from collections.abc import Callable


class FakeInstance:
    """A running fake gateway; `end` lets it end by itself."""

    session = "fake"
    shared = None

    def __init__(self, gateway: FakeGateway, control: ControlAddress | None) -> None:
        self.gateway = gateway
        self.control = control
        self.grpc = ""
        self.url = f"http://127.0.0.1:{gateway.http.server_address[1]}"
        self.stopped = False
        self.followed: Instance | None = None
        self._ended: Ended | None = None

    def end(self, ended: Ended) -> None:
        """End as if killed."""
        self._ended = ended

    def ended(self) -> Ended | None:
        return self._ended

    def succeed(self, old: Instance) -> None:
        self.followed = old

    def stop(self, grace: float = 3.0) -> None:
        if not self.stopped:
            self.stopped = True
            self.gateway.close()


class FakeEngine:
    """Keeps what it was asked to start in `launches` and `instances`."""

    name = "fake"
    wants_image = False

    def __init__(self) -> None:
        self.launches: list[Launch] = []
        self.instances: list[FakeInstance] = []
        self.left: list[Leftover] = []
        self.renews = False
        self.instance = FakeInstance
        # Without, code that is started loads until an edit takes its place.
        self.loads = True

    def check(self) -> EngineInfo:
        return EngineInfo(self.name, "1")

    def start(self, launch: Launch, log: Callable[[str], None]) -> FakeInstance:
        assert launch.folder is not None
        if launch.port:
            claim(launch.host, launch.port)
        entrypoint = json.loads(launch.description)["entrypoint"]
        gateway = FakeGateway(launch.folder, entrypoint, "secret", log)
        if self.loads:
            gateway.load()
        port = gateway.control.server_address[1]
        control = ControlAddress(f"tcp:127.0.0.1:{port}", "secret")
        instance = self.instance(gateway, control if launch.development else None)
        self.launches.append(launch)
        self.instances.append(instance)
        return instance

    def require_gpu(self, wanted: str) -> None:
        raise GpuUnavailable("a GPU was asked for, and a fake has none")

    def beside(
        self, instance: Instance, launch: Launch, log: Callable[[str], None]
    ) -> FakeInstance | None:
        return self.start(launch, log) if self.renews else None

    def sweep(self) -> None:
        """Nothing is ever left here."""

    def leftovers(self) -> list[Leftover]:
        return list(self.left)

    def remove(self, leftover: Leftover) -> None:
        self.left.remove(leftover)


def hello(root: Path, source: str = "def apply(input):\n    return input + 1\n") -> Servable:
    """Write a project whose entry is `src/hello.py` and return it as something to run."""
    (root / "src").mkdir(exist_ok=True)
    (root / "src" / "hello.py").write_text(source)
    description = {
        "name": "acme/hello",
        "language": "python",
        "entrypoint": "src/hello.py:apply",
        "models": {},
        "serving": {
            "workers": 1,
            "concurrency": 1,
            "timeout": 60.0,
            "max_body": 10_000_000,
            "queue": 64,
        },
    }
    python = HostEnvironment(Path("runtimes/python"), Path("python3"))
    return Servable("acme/hello", json.dumps(description).encode(), python, root)
