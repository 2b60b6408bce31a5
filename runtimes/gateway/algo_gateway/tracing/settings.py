"""What the standard `OTEL_…` variables say (OpenTelemetry: environment variables, exporters)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from algo_gateway.tracing.sampling import sampler

if TYPE_CHECKING:
    from collections.abc import Mapping

    from algo_gateway.tracing.sampling import Sampler

BASE = "OTEL_EXPORTER_OTLP_"
TRACES = "OTEL_EXPORTER_OTLP_TRACES_"
PROTOBUF, JSON = "http/protobuf", "http/json"


@dataclass(frozen=True, slots=True)
class Settings:
    """Where spans go and which; times in seconds."""

    endpoint: str
    sampler: Sampler
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    json: bool = False
    gzip: bool = False
    timeout: float = 10.0
    certificate: str = ""
    resource: dict[str, str] = field(default_factory=dict)
    delay: float = 5.0
    queue: int = 2048
    batch: int = 512


def read(environment: Mapping[str, str], service: str) -> Settings | None:
    """Return the settings, None when no spans are to be sent.

    Args:
        environment: The variables.
        service: The service's name where they give none.

    Raises:
        ValueError: A variable has a value that we cannot follow.
    """

    def both(name: str, default: str = "") -> str:
        return environment.get(TRACES + name) or environment.get(BASE + name) or default

    off = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    endpoint = environment.get(TRACES + "ENDPOINT", "")
    if not endpoint and (base := environment.get(BASE + "ENDPOINT", "")):
        endpoint = base.rstrip("/") + "/v1/traces"
    if off or not endpoint or environment.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp":
        return None
    if urlsplit(endpoint).scheme not in ("http", "https"):
        raise ValueError(f"{endpoint} is no http or https URL")
    protocol = both("PROTOCOL", PROTOBUF)
    if protocol not in (PROTOBUF, JSON):
        raise ValueError(f"spans are sent by {PROTOBUF} or {JSON}, not by {protocol}")
    compression = both("COMPRESSION", "none")
    if compression not in ("none", "gzip"):
        raise ValueError(f"there is no compression {compression!r}")
    name = environment.get("OTEL_TRACES_SAMPLER") or "parentbased_always_on"
    resource = _pairs(environment.get("OTEL_RESOURCE_ATTRIBUTES", ""))
    resource.setdefault("service.name", service)
    if environment.get("OTEL_SERVICE_NAME"):
        resource["service.name"] = environment["OTEL_SERVICE_NAME"]
    return Settings(
        endpoint=endpoint,
        sampler=sampler(name, environment.get("OTEL_TRACES_SAMPLER_ARG", "")),
        headers=_pairs(both("HEADERS")),
        json=protocol == JSON,
        gzip=compression == "gzip",
        timeout=_count(both("TIMEOUT"), 10_000) / 1000,
        certificate=both("CERTIFICATE"),
        resource=resource,
        delay=_count(environment.get("OTEL_BSP_SCHEDULE_DELAY", ""), 5_000) / 1000,
        queue=_count(environment.get("OTEL_BSP_MAX_QUEUE_SIZE", ""), 2048),
        batch=_count(environment.get("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", ""), 512),
    )


def _pairs(text: str) -> dict[str, str]:
    """Return `a=1,b=2`, percent-encoded as in W3C Baggage, as a dictionary."""
    pairs = (item.partition("=") for item in text.split(",") if "=" in item)
    return {key.strip(): unquote(value.strip()) for key, _, value in pairs}


def _count(text: str, default: int) -> int:
    value = int(text) if text else default
    if value <= 0:
        raise ValueError(f"{text} is not above 0")
    return value
