"""The paths of the Open Inference Protocol; what answers them is imported when it is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from algo_gateway.http.openapi import Interface
    from algo_gateway.http.routes import Handler, Routes
    from algo_gateway.http.service import Service
    from algo_gateway.inference.model import Model
    from algo_gateway.inference.rest import Rest

MODELS = "/v2/models/"


class Inference:
    """One algorithm as a model of the protocol.

    Args:
        service: The algorithm that is served.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._model: Model | None = None
        self._rest: Rest | None = None

    @property
    def model(self) -> Model:
        """The model, the same one over HTTP and gRPC."""
        if self._model is None:
            from algo_gateway.inference.model import Model

            self._model = Model(self._service)
        return self._model

    def register(self, routes: Routes) -> None:
        """Add the paths below `/v2`."""
        name = self._service.description.name
        routes.add("GET", "/v2", self._later("server"))
        routes.add("GET", "/v2/", self._later("server"))
        routes.add("GET", "/v2/health/live", self._later("live"), scope="")
        routes.add("GET", "/v2/health/ready", self._later("ready"), scope="")
        routes.add("POST", "/v2/repository/index", self._later("index"))
        routes.add("GET", f"{MODELS}stats", self._later("stats"))
        for model in (name, name.rpartition("/")[2]):
            for base in (f"{MODELS}{model}", f"{MODELS}{model}/versions/*"):
                routes.add("GET", base, self._later("metadata"))
                routes.add("GET", f"{base}/ready", self._later("model_ready"))
                routes.add("GET", f"{base}/stats", self._later("stats"))
                routes.add("POST", f"{base}/infer", self._later("infer"))
        routes.add("GET POST", f"{MODELS}**", self._later("unknown"))
        routes.add("GET POST", "/v2/**", self._later("unsupported"))

    def describe(self, interface: Interface) -> None:
        """Add the protocol to the document."""
        from algo_gateway.inference.operations import describe

        describe(interface)

    def _later(self, name: str) -> Handler:
        """Return a handler that lets the method `name` of `Rest` answer."""

        async def handle(scope: Any, proto: Any) -> None:
            if self._rest is None:
                from algo_gateway.inference.rest import Rest

                self._rest = Rest(self._service, self.model)
            await getattr(self._rest, name)(scope, proto)

        return handle
