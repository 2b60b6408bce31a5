"""`algo.toml`: parsed once, at the border, into frozen values."""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, get_args

import msgspec

from algo.project.errors import BadName, ManifestInvalid
from algo.project.fetch import Fetch, check_fetch
from algo.project.jobs import Jobs, check_jobs
from algo.project.models import ModelSource, Remote, is_source, parse_source
from algo.project.units import seconds, size

if TYPE_CHECKING:
    from pathlib import Path

FILE = "algo.toml"

# One component of an OCI repository name (distribution specification, section "Pulling manifests").
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_COMPONENT}/{_COMPONENT}")
# What a worker has that has loaded nothing is about twice as much.
_LEAST_MEMORY = 10_000_000
# A datatype of the Open Inference Protocol, and a shape in which -1 is any size.
_TENSOR = re.compile(
    r"(BOOL|U?INT(8|16|32|64)|FP(16|32|64)|BF16|BYTES)(\[ *((-1|\d+)( *, *(-1|\d+))* *)?\])?"
)
# A build of PyTorch as its index names it, or the one that the user's own index has.
_TORCH = re.compile(r"cpu|cu\d{2,3}|rocm\d+(\.\d+)*|xpu|index")
# A package and, where wanted, its architecture and version (Debian policy, 5.6.7 and 5.6.12).
_DEBIAN = re.compile(r"[a-z0-9][a-z0-9+.-]+(:[a-z0-9-]+)?(=[A-Za-z0-9.+~:-]+)?")
# An origin as browsers send it (RFC 6454, section 6.2), or all of them.
_ORIGIN = re.compile(r"\*|https?://[a-z0-9.-]+(:\d{1,5})?|https?://\[[0-9a-f:.]+\](:\d{1,5})?")


class Algorithm(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """`[algorithm]`: what it is called and where it begins.

    `written_for` says whose modules and services the code expects, besides our contract.
    """

    name: str
    language: str
    entrypoint: str
    version: str = ""
    description: str = ""
    license: str = ""
    authors: tuple[str, ...] = ()
    repository: str = ""
    written_for: Literal["", "algorithmia"] = ""


class Environment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """`[environment]`: what must be installed around it.

    `requirements` names the file that says so, where it is not the one that comes first; `torch`
    the build of PyTorch, where `gpu` is not to decide. `base` is the image that the runtime image
    is made on, `dockerfile` a Dockerfile whose steps come first.
    """

    python: str = ">=3.11"
    requirements: str = ""
    system_packages: tuple[str, ...] = ()
    base: str = ""
    dockerfile: str = ""
    gpu: bool = False
    torch: str = ""


class Batch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """`batch` of `[serving]`: of an `apply_batch`, the most inputs and the longest wait."""

    max_size: int = 32
    max_wait: str = "10ms"


class Tensors(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """`tensors` of `[serving]`: what the Open Inference Protocol shows, `FP32[-1,64]` by name."""

    inputs: dict[str, str] = {}
    outputs: dict[str, str] = {}


class Serving(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """`[serving]`: how it answers. `timeout` as `60s`, `max-body` as `10MB`.

    `preload` says whether workers share what `load` returned; `cors` are the origins whose pages
    may call.
    """

    workers: int = 1
    concurrency: int = 1
    timeout: str = "60s"
    max_body: str = "10MB"
    queue: int = 64
    batch: Batch = Batch()
    tensors: Tensors = Tensors()
    fetch: Fetch | None = None
    preload: bool | Literal["auto"] = "auto"
    cancel_grace: str = "5s"
    heartbeat: str = "15s"
    worker_memory: str = ""
    jobs: Jobs = Jobs()
    cors: tuple[str, ...] = ()

    @property
    def timeout_seconds(self) -> float:
        """The deadline of a call in seconds."""
        return seconds(self.timeout)

    @property
    def max_body_bytes(self) -> int:
        """The largest request body in bytes."""
        return size(self.max_body)


class Registry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """`[registry]`: where versions are published; empty means the local layout store."""

    url: str = ""


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """A whole `algo.toml`."""

    algorithm: Algorithm
    environment: Environment = Environment()
    models: dict[str, str | Remote] = {}
    serving: Serving = Serving()
    registry: Registry = Registry()

    @property
    def model_paths(self) -> dict[str, str]:
        """Where each model lies below the project's folder, a fetched one as well."""
        sources = self.model_sources
        return {
            name: sources[name].place if name in sources else str(value)
            for name, value in self.models.items()
        }

    @property
    def model_sources(self) -> dict[str, ModelSource]:
        """The models that are fetched, by name."""
        return {
            name: parse_source(name, value, FILE)
            for name, value in self.models.items()
            if is_source(value)
        }


def check_name(name: str) -> str:
    """Return `name` when it is `owner/name` by the rules of OCI repositories.

    Raises:
        BadName: It is not.
    """
    if _NAME.fullmatch(name):
        return name
    reason = "it has upper case letters" if name != name.lower() else "it is not owner/name"
    if name.count("/") == 1 and name == name.lower():
        reason = "letters, digits and single . _ - between them are allowed"
    guess = re.sub(r"[^a-z0-9./_-]+", "-", name.lower()).strip("-./_")
    hint = f"use {guess}" if _NAME.fullmatch(guess) else None
    raise BadName(f"{name!r} is not a name for an algorithm: {reason}", hint=hint)


def parse(text: str, where: str = FILE) -> Manifest:
    """Parse the text of an `algo.toml`.

    Args:
        text: The file's content.
        where: What to call the file in an error.

    Raises:
        ManifestInvalid: Syntax, an unknown key (the nearest known one is named) or a wrong type.
        BadName: `[algorithm] name` is not `owner/name`.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ManifestInvalid(f"{where} is not valid TOML: {error}") from error
    _refuse_unknown(raw, where)
    try:
        manifest = msgspec.convert(raw, Manifest)
    except msgspec.ValidationError as error:
        raise ManifestInvalid(f"{where}: {_plain(str(error))}") from error
    _check_values(manifest, where)
    return manifest


def read(path: Path) -> Manifest:
    """Parse the manifest at `path`.

    Raises:
        ManifestInvalid: As `parse`, or it is not UTF-8.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ManifestInvalid(
            f"{path.name} is not UTF-8 at byte {error.start}", hint="save it as UTF-8"
        ) from error
    if text.startswith("\ufeff"):
        # TOML has no such mark, and its readers show nothing of it in what they complain about.
        raise ManifestInvalid(
            f"{path.name} begins with a byte order mark", hint="save it as UTF-8 without BOM"
        )
    return parse(text, path.name)


def _refuse_unknown(raw: dict[str, Any], where: str) -> None:
    tables: dict[str, type[msgspec.Struct] | None] = {
        "algorithm": Algorithm,
        "environment": Environment,
        "models": None,
        "serving": Serving,
        "registry": Registry,
    }
    _known(raw, list(tables), "", where)
    for table, struct in tables.items():
        if struct is not None and isinstance(raw.get(table), dict):
            _known_in(raw[table], struct, f"[{table}] ", where)


def _known_in(raw: dict[str, Any], struct: type[msgspec.Struct], place: str, where: str) -> None:
    """Refuse keys that `struct` does not have, and those of tables inside it."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    _known(raw, list(fields), place, where)
    for name, field in fields.items():
        inner = [one for one in (field.type, *get_args(field.type)) if _is_struct(one)]
        if len(inner) == 1 and isinstance(raw.get(name), dict):
            within = place if place.endswith("] ") else f"{place.rstrip()}."
            _known_in(raw[name], inner[0], f"{within}{name} ", where)


def _is_struct(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _known(raw: dict[str, Any], known: list[str], place: str, where: str) -> None:
    for key in raw:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
            raise ManifestInvalid(f"{where}: {place}has no key {key!r}", hint=hint)


def _check_values(manifest: Manifest, where: str) -> None:
    check_name(manifest.algorithm.name)
    file, separator, function = manifest.algorithm.entrypoint.partition(":")
    if not separator or not file or not function or _outside(file):
        whole = PurePosixPath(file).suffix and not _outside(file)
        raise ManifestInvalid(
            f"{where}: entrypoint {manifest.algorithm.entrypoint!r} is not FILE:FUNCTION",
            hint=f'write it as entrypoint = "{file if whole else "src/name.py"}:apply"',
        )
    _check_models(manifest, where)
    if manifest.environment.torch and not _TORCH.fullmatch(manifest.environment.torch):
        raise ManifestInvalid(
            f"{where}: torch {manifest.environment.torch!r} is no build of PyTorch",
            hint='write it as torch = "cpu", "cu128", "rocm6.3", or "index" for what yours has',
        )
    if manifest.environment.requirements and _outside(manifest.environment.requirements):
        raise ManifestInvalid(
            f"{where}: requirements {manifest.environment.requirements!r} lies outside the project",
            hint='write it as requirements = "requirements.in"',
        )
    _check_base(manifest.environment, where)
    _check_serving(manifest.serving, where)


def _check_base(environment: Environment, where: str) -> None:
    for name in environment.system_packages:
        if not _DEBIAN.fullmatch(name):
            raise ManifestInvalid(
                f"{where}: {name!r} in system-packages is no name of a Debian package",
                hint='write it as system-packages = ["ffmpeg", "libsndfile1"]',
            )
    if environment.base and environment.dockerfile:
        raise ManifestInvalid(
            f"{where}: [environment] has both base and dockerfile",
            hint=f"write FROM {environment.base} into {environment.dockerfile}, and remove base",
        )
    if environment.dockerfile and _outside(environment.dockerfile):
        raise ManifestInvalid(
            f"{where}: dockerfile {environment.dockerfile!r} lies outside the project",
            hint='write it as dockerfile = "Dockerfile"',
        )
    if any(letter.isspace() for letter in environment.base) or environment.base.startswith("-"):
        raise ManifestInvalid(
            f"{where}: base {environment.base!r} is not an image",
            hint='write it as base = "debian:trixie-slim"',
        )


def _check_models(manifest: Manifest, where: str) -> None:
    sources = [
        parse_source(name, value, where)
        for name, value in manifest.models.items()
        if is_source(value)
    ]
    places = manifest.model_paths
    for name, path in places.items():
        if "/" in name or not name:
            raise ManifestInvalid(
                f"{where}: {name!r} is no name for a model", hint="leave the / out of it"
            )
        if _outside(path):
            raise ManifestInvalid(
                f"{where}: model {name} at {path!r} lies outside the project",
                hint="give a path below the project's folder",
            )
        if path.strip("./") == "":
            raise ManifestInvalid(
                f"{where}: model {name} at {path!r} is the project itself",
                hint="give a path below the project's folder",
            )
        for source in sources:
            if source.name != name and _meet(path, source.place):
                raise ManifestInvalid(
                    f"{where}: model {name} at {path!r} is in the way of {source.name}, "
                    f"which is fetched to {source.place}",
                    hint="give one of the two another name or path",
                )


def _meet(one: str, other: str) -> bool:
    """Tell whether one of two paths is the other, or lies in it."""
    first, second = (f"{PurePosixPath(path)}/" for path in (one, other))
    return first.startswith(second) or second.startswith(first)


def _check_serving(serving: Serving, where: str) -> None:
    bounds = {
        "workers": (serving.workers, 1, 256),
        "concurrency": (serving.concurrency, 1, 10_000),
        "queue": (serving.queue, 0, 1_000_000),
        "batch max-size": (serving.batch.max_size, 1, 10_000),
    }
    for name, (value, least, most) in bounds.items():
        if not least <= value <= most:
            raise ManifestInvalid(
                f"{where}: [serving] {name} is {value}", hint=f"it goes from {least} to {most}"
            )
    tensors = serving.tensors
    for name, text in (*tensors.inputs.items(), *tensors.outputs.items()):
        if not _TENSOR.fullmatch(text):
            raise ManifestInvalid(
                f"{where}: [serving] tensor {name} is {text!r}",
                hint="write it as FP32[-1,64], or INT64 for a single value",
            )
    if serving.fetch is not None:
        check_fetch(serving.fetch, where)
    for origin in serving.cors:
        if not _ORIGIN.fullmatch(origin):
            raise ManifestInvalid(
                f"{where}: [serving] cors has {origin!r}, which is no origin",
                hint='write it as "https://app.example.com", or "*" for every page',
            )
    at = f"{where}: [serving]"
    seconds(serving.batch.max_wait, f"{at} batch.max-wait")
    seconds(serving.cancel_grace, f"{at} cancel-grace")
    memory = size(serving.worker_memory or "0", f"{at} worker-memory")
    if serving.worker_memory and memory < _LEAST_MEMORY:
        raise ManifestInvalid(
            f"{at} worker-memory is {serving.worker_memory!r}, less than any worker has",
            hint=f'give it at least {_LEAST_MEMORY // 10**6}MB, for example "2GB"',
        )
    for name, found in (
        ("timeout", seconds(serving.timeout, f"{at} timeout")),
        ("heartbeat", seconds(serving.heartbeat, f"{at} heartbeat")),
        ("max-body", float(size(serving.max_body, f"{at} max-body"))),
    ):
        if found <= 0:
            raise ManifestInvalid(f"{where}: [serving] {name} is 0", hint="it must be more")
    check_jobs(serving.jobs, where)


def _outside(path: str) -> bool:
    return path.startswith("/") or ".." in path.split("/")


def _plain(message: str) -> str:
    """Turn msgspec's `Expected ... - at `$.serving.workers`` into our own order."""
    text, _, path = message.partition(" - at `$")
    return f"{path.rstrip('`').lstrip('.') or 'the file'}: {text[:1].lower()}{text[1:]}"
