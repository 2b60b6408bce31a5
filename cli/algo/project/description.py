"""`algorithm.json`: what the gateway must know of a project, and nothing of its version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from algo.project.units import seconds, size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from algo.project.fetch import Fetch
    from algo.project.jobs import Jobs
    from algo.project.manifest import Manifest


class BatchDescription(msgspec.Struct, frozen=True):
    """Most calls in a batch, and the longest time in seconds that one waits for others."""

    max_size: int
    max_wait: float


class TensorsDescription(msgspec.Struct, frozen=True, omit_defaults=True):
    """Tensors by name, `FP32[-1,64]`."""

    inputs: dict[str, str] = {}
    outputs: dict[str, str] = {}


class WebhooksDescription(msgspec.Struct, frozen=True):
    """Who may be told of a job's end; `backoff`, the first wait between attempts, in seconds."""

    allow: tuple[str, ...]
    private: bool
    attempts: int
    backoff: float


class JobsDescription(msgspec.Struct, frozen=True):
    """Limits of jobs: `timeout` (0 for that of calls) and `keep` in seconds, sizes in bytes."""

    timeout: float
    concurrency: int
    queue: int
    attempts: int
    keep: float
    keep_count: int
    keep_size: int
    max_result: int
    webhooks: WebhooksDescription


class FetchDescription(msgspec.Struct, frozen=True):
    """From where files may be fetched; `max_size` in bytes, `timeout` in seconds."""

    hosts: tuple[str, ...]
    networks: tuple[str, ...]
    http: bool
    max_size: int
    timeout: float


class ServingDescription(msgspec.Struct, frozen=True):
    """Limits of a running instance; `timeout` in seconds, `max_body` in bytes.

    `preload` is `auto`, `always` or `never`; `cancel_grace` and `heartbeat` are in seconds,
    `worker_memory` in bytes, 0 for no limit.
    """

    workers: int
    concurrency: int
    timeout: float
    max_body: int
    queue: int
    batch: BatchDescription
    tensors: TensorsDescription
    preload: str
    cancel_grace: float
    heartbeat: float
    worker_memory: int
    jobs: JobsDescription
    cors: tuple[str, ...]
    fetch: FetchDescription | msgspec.UnsetType = msgspec.UNSET


_LARGEST_SAMPLE = 16 << 10
_PRELOAD = {"auto": "auto", True: "always", False: "never"}


class Description(msgspec.Struct, frozen=True, omit_defaults=True):
    """The document that the gateway reads (runtimes/README.md)."""

    name: str
    language: str
    entrypoint: str
    models: dict[str, str]
    serving: ServingDescription
    gpu: bool = False
    sample: Any = None
    written_for: str = ""
    contract: dict[str, Any] = {}


class _Said(msgspec.Struct, frozen=True):
    entrypoint: str = ""
    gpu: bool = False
    written_for: str = ""


def describe(
    manifest: Manifest, sample: object = None, contract: Mapping[str, Any] | None = None
) -> bytes:
    """Return `algorithm.json` for `manifest`, the same bytes for the same content.

    Args:
        manifest: The project's.
        sample: An input that the algorithm takes; a large one is left out.
        contract: The JSON Schemas of input and output that `schema.json` declares.
    """
    serving = manifest.serving
    description = Description(
        name=manifest.algorithm.name,
        language=manifest.algorithm.language,
        entrypoint=manifest.algorithm.entrypoint,
        models=dict(sorted(manifest.model_paths.items())),
        serving=ServingDescription(
            workers=serving.workers,
            concurrency=serving.concurrency,
            timeout=serving.timeout_seconds,
            max_body=serving.max_body_bytes,
            queue=serving.queue,
            batch=BatchDescription(serving.batch.max_size, seconds(serving.batch.max_wait)),
            tensors=TensorsDescription(serving.tensors.inputs, serving.tensors.outputs),
            preload=_PRELOAD[serving.preload],
            cancel_grace=seconds(serving.cancel_grace),
            heartbeat=seconds(serving.heartbeat),
            worker_memory=size(serving.worker_memory or "0"),
            jobs=_jobs(serving.jobs),
            fetch=_fetch(serving.fetch),
            cors=serving.cors,
        ),
        gpu=manifest.environment.gpu,
        sample=sample if len(msgspec.json.encode(sample)) <= _LARGEST_SAMPLE else None,
        written_for=manifest.algorithm.written_for,
        contract=dict(contract or {}),
    )
    return msgspec.json.encode(description)


def _jobs(jobs: Jobs) -> JobsDescription:
    hooks = jobs.webhooks
    return JobsDescription(
        timeout=jobs.timeout_seconds,
        concurrency=jobs.concurrency,
        queue=jobs.queue,
        attempts=jobs.attempts,
        keep=seconds(jobs.keep),
        keep_count=jobs.keep_count,
        keep_size=size(jobs.keep_size),
        max_result=size(jobs.max_result),
        webhooks=WebhooksDescription(
            hooks.allow, hooks.private, hooks.attempts, seconds(hooks.backoff)
        ),
    )


def _fetch(fetch: Fetch | None) -> FetchDescription | msgspec.UnsetType:
    if fetch is None:
        return msgspec.UNSET
    limits = (size(fetch.max_size), seconds(fetch.timeout))
    return FetchDescription(fetch.hosts, fetch.networks, fetch.http, *limits)


def entrypoint_of(description: bytes) -> str:
    """Return the `FILE:FUNCTION` of an `algorithm.json`."""
    return msgspec.json.decode(description, type=_Said).entrypoint


def wants_gpu(description: bytes) -> bool:
    """Tell whether the algorithm of an `algorithm.json` runs on a GPU."""
    return msgspec.json.decode(description, type=_Said).gpu


def written_for(description: bytes) -> str:
    """Return whose services the algorithm of an `algorithm.json` expects, empty for none."""
    return msgspec.json.decode(description, type=_Said).written_for
