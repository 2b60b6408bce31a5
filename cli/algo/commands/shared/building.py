"""What `algo build` does with the image it has assembled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from algo.environments.locking import ensure_lock
from algo.errors import UsageError
from algo.images.code import outside_code
from algo.images.deliver import deliver, write_file
from algo.models.ensure import ensure_models
from algo.resources import output_file

if TYPE_CHECKING:
    from pathlib import Path

    from algo.deps import Deps
    from algo.oci.descriptor import Platform
    from algo.project.project import Project


@dataclass(frozen=True, slots=True)
class WrittenSbom:
    """A bill of materials in a file, and the digest of the image it is of."""

    file: str
    digest: str


def build(
    deps: Deps, project: Project, where: Platform | None, output: Path | None, into: str | None
) -> None:
    """Assemble the image of `project`, bring it to where it belongs, and show its digest."""
    notify = deps.output.event
    destination = deps.destination(project, output, into)
    lock = ensure_lock(project, deps.locking(project), notify=notify)
    lock = ensure_models(project, lock, deps.models(), notify=notify)
    image = deps.builder().build(project, lock, platform=where, notify=notify)
    report = deliver(image, project.manifest.algorithm.version, destination, notify=notify)
    deps.output.result(report, human=report.digest)


def show_sbom(
    deps: Deps, project: Project, where: Platform | None, output: Path | None, into: str | None
) -> None:
    """Assemble the image of `project` and show what it holds, or write that to `output`.

    Raises:
        UsageError: A place for the image is named: it goes nowhere.
    """
    if into is not None:
        raise UsageError("--sbom sends the image nowhere", hint="algo build --sbom -o sbom.json")
    file = outside_code(project, output_file(deps.cwd, output)) if output else None
    notify, builder = deps.output.event, deps.builder()
    lock = ensure_lock(project, deps.locking(project), notify=notify)
    lock = ensure_models(project, lock, deps.models(), notify=notify)
    image = builder.build(project, lock, platform=where, notify=notify)
    document = builder.sbom(project, lock, image)
    if file is None:
        deps.output.raw(document)
        return
    write_file(file, (document,))
    deps.output.result(WrittenSbom(str(file), str(image.digest)), human=str(output))
