"""From the options of `serve`, `run` and `test` to what the use cases take."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from algo.commands.shared.gpus import gpus, require_cuda, require_gpu
from algo.commands.shared.neighbours import surroundings
from algo.commands.shared.preparing import WorkingTree, prepare
from algo.project.project import Project
from algo.serving.errors import ExactNeedsImage, TargetUnknown
from algo.serving.start import StartOptions
from algo.serving.target import UrlTarget
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from algo.deps import Deps
    from algo.engines.interface import Access, Engine
    from algo.serving.call import Answer, Place
    from algo.serving.interface import Servable, Tree
    from algo.serving.target import Target, VersionTarget
    from algo.watch.interface import Watcher

DEFAULT_PORT = 8080


class Service(Value, frozen=True):
    """All that `serve` needs."""

    engine: Engine
    servable: Servable
    options: StartOptions
    sample: Callable[[str], str]
    watcher: Watcher | None
    tree: Tree | None


@contextmanager
def open_service(
    deps: Deps,
    found: Target,
    engine: str,
    host: str,
    port: int | None,
    *,
    exact: bool,
    reload: bool,
    gpu: str,
    grpc_port: int | None = None,
    access: Access,
    skip_verify: bool = False,
) -> Iterator[Service]:
    """Choose the engine, claim the port and prepare what was found, for the length of a block.

    Raises:
        ExactNeedsImage: `exact` without an engine that runs images.
        PortTaken: The port asked for is taken.
        AlgoError: The target cannot be prepared.
    """
    from algo.engines.ports import claim

    if isinstance(found, UrlTarget):
        raise TargetUnknown("a URL is served already", hint=f"algo run {found.url} -d JSON")
    runs_on = deps.engine(engine)
    if exact and not runs_on.wants_image:
        raise ExactNeedsImage("--exact runs the image, and the virtualenv engine runs none")
    runs_on.sweep()
    port = default_port(deps, host) if port is None else claim(host, port) if port else 0
    development = not exact and isinstance(found, Project)
    gpu = gpus(found, gpu)
    require_gpu(deps, runs_on, found, gpu)
    image = runs_on.wants_image
    tree = None
    if development and isinstance(found, Project):
        tree = WorkingTree(deps, found, image=image)
        servable = tree.first()
    else:
        servable = prepare(deps, found, image=image, exact=exact, skip_verify=skip_verify)
    require_cuda(deps, runs_on, found, gpu)
    watches = reload and not exact
    watcher = deps.watcher(found.root) if watches and isinstance(found, Project) else None
    body = partial(sample, found, servable.description)
    with surroundings(deps, found, engine) as around:
        options = StartOptions(
            host=host,
            port=port,
            grpc_port=grpc_port,
            development=development,
            shared=not exact,
            gpu=gpu,
            jobs=_jobs_folder(deps, found),
            access=access,
            around=around,
        )
        yield Service(runs_on, servable, options, body, watcher, tree)


def _jobs_folder(deps: Deps, found: Project | VersionTarget) -> Path:
    """Return where a served target keeps its jobs from one start to the next."""
    if isinstance(found, Project):
        return deps.folders.jobs(found.manifest.algorithm.name, str(found.root.resolve()))
    # Another version goes on with the jobs of the one before.
    host, _, name = found.reference.partition("@")[0].rpartition("/")
    return deps.folders.jobs(f"{host}/{name.partition(':')[0]}", "")


@contextmanager
def call_place(
    deps: Deps, found: Target, engine: str, *, gpu: str = "", skip_verify: bool = False
) -> Iterator[Place]:
    """Give where `run` sends its call: a URL, a running `serve`, or something to start.

    Where GPUs are asked for by name (`gpu`) it starts something, as what runs may have none.
    """
    from algo.serving.call import Place

    if isinstance(found, UrlTarget):
        yield Place(url=found.url)
        return
    session = None
    wanted = gpus(found, gpu)
    if isinstance(found, Project) and not gpu:
        session = deps.sessions().running(found.root, engine)

    def start() -> tuple[Engine, Servable]:
        runs_on = deps.engine(engine)
        require_gpu(deps, runs_on, found, wanted)
        image = runs_on.wants_image
        servable = prepare(deps, found, image=image, skip_verify=skip_verify)
        require_cuda(deps, runs_on, found, wanted)
        return runs_on, servable

    with surroundings(deps, found, engine) as around:
        options = StartOptions(gpu=wanted, around=around)
        yield Place(session.url if session else "", start, options)


def deliver(deps: Deps, answer: Answer, out: Path | None) -> None:
    """Write the answer alone to stdout, or to the file `out`.

    JSON is indented on a terminal; with `--json`, text and bytes become JSON too. Of a stream
    that failed, what came is written, but not to a file, nor before the document of an error.

    Raises:
        AlgoError: The stream failed.
    """
    failed = answer.failure
    if failed is None or (out is None and not deps.output.json):
        _write(deps, answer, out)
    if failed is not None:
        raise failed


def _write(deps: Deps, answer: Answer, out: Path | None) -> None:
    if out is not None:
        out.write_bytes(answer.content)
        deps.output.result({"output": str(out), "content_type": answer.content_type})
    elif answer.is_json:
        import msgspec

        indent = 2 if deps.output.stdout.isatty() and not deps.output.json else 0
        content = msgspec.json.format(answer.content, indent=indent) if indent else answer.content
        deps.output.raw(content.rstrip(b"\n") + b"\n")
    elif answer.is_text:
        text = answer.content.decode("utf-8", errors="replace")
        deps.output.result(text, human=text)
    elif deps.output.json:
        import base64

        content_type, encoded = answer.content_type, base64.b64encode(answer.content).decode()
        deps.output.result({"content_type": content_type, "base64": encoded})
    else:
        deps.output.raw(answer.content)


def default_port(deps: Deps, host: str) -> int:
    """Return 8080, or the next free port, which is then said."""
    from algo.engines.ports import claim_near
    from algo.events import Note

    port = claim_near(host, DEFAULT_PORT)
    if port != DEFAULT_PORT:
        deps.output.event(Note(f"port {DEFAULT_PORT} is taken: using {port}"))
    return port


def sample(target: Project | VersionTarget, description: bytes, url: str) -> str:
    """Return a request body that the target takes, as JSON text.

    It is the input of the target's first case: a version has it in its `description`,
    `algorithm.json`, unless it is large. Without one it is made from the schema of the input, which
    is in there, too, or the service that answers at `url` has it from the code's types.
    """
    import json

    import msgspec

    from algo.contract.cases import first_input
    from algo.contract.example import example, example_of

    said = msgspec.json.decode(description, type=dict[str, Any])
    found = first_input(target.root) if isinstance(target, Project) else said.get("sample")
    if found is None:
        declared = said.get("contract", {}).get("input")
        found = example(declared) if declared else example_of(url)
    return json.dumps({} if found is None else found, ensure_ascii=False, separators=(",", ":"))
