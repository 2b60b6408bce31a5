"""What `algo build` does with the images it has assembled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from algo.commands.shared.publishing import size
from algo.environments.locking import ensure_lock
from algo.errors import UsageError
from algo.images.build import PLATFORMS
from algo.images.code import outside_code
from algo.images.deliver import REUSED, deliver, write_file
from algo.images.image import LayerKind
from algo.oci.descriptor import Platform
from algo.output import Table
from algo.project.lock import read
from algo.resources import output_file
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from algo.commands.shared.again import Again
    from algo.deps import Deps
    from algo.events import Notify
    from algo.images.build import Builder
    from algo.images.deliver import BuildReport, Destination, LayerReport
    from algo.images.image import BuiltImage
    from algo.project.lock import Lock, Pin
    from algo.project.project import Project

_LISTED = 12
_EVERY = "all"


class Wish(Value, frozen=True):
    """What is asked of `algo build`.

    Args:
        platforms: What the images run on; nothing means this machine's.
        output: The file that the result goes to.
        into: `docker` or `store`.
        sizes: Whether to show how large each package is.
        rebase: Whether to take the runtime image of today and make nothing else.
    """

    platforms: tuple[Platform, ...] = ()
    output: Path | None = None
    into: str | None = None
    sizes: bool = False
    rebase: bool = False


class WrittenSbom(Value, frozen=True):
    """A bill of materials in a file, and the digest of the image it is of."""

    file: str
    digest: str


def platforms(text: str) -> tuple[Platform, ...]:
    """Return the platforms that `--platform` names, `all` for every one; none for an empty text.

    Raises:
        BadReference: One has another form.
    """
    if text == _EVERY:
        return PLATFORMS
    named = [Platform.parse(one.strip()) for one in text.split(",")] if text else []
    return tuple(dict.fromkeys(named))


def refuse_together(*, check: bool, sbom: bool, rebase: bool, sizes: bool) -> None:
    """Refuse options of which each asks for another result.

    Raises:
        UsageError: There are two.
    """
    given = {"--check": check, "--sbom": sbom, "--rebase": rebase}
    names = [name for name, wanted in given.items() if wanted]
    if names and sizes and names != ["--rebase"]:
        names.append("--sizes")
    if len(names) > 1:
        raise UsageError(
            f"{' and '.join(names)} ask for different results", hint=f"algo build {names[0]}"
        )


def build(deps: Deps, project: Project, wish: Wish, again: Again | None = None) -> None:
    """Assemble the images of `project`, bring them to where they belong, and show the digests.

    `again` keeps what was shown, for a next build that has nothing to do.
    """
    notify = deps.output.event
    destination = deps.destination(project, wish.output, wish.into)
    builder = deps.builder()
    lock = _lock(deps, project, again.notify if again is not None else notify)
    images = _images(builder, project, lock, wish, notify)
    pins = [builder.locked(project, lock, image) if wish.sizes else () for image in images]
    reports = _show(deps, images, pins, project.manifest.algorithm.version, destination, wish)
    if again is not None:
        idle = tuple(map(_idle, reports))
        shown = idle if len(idle) > 1 else idle[0]
        again.remember(images, [_layers(one) for one in idle], shown, _digests(idle))


def rebase_version(deps: Deps, reference: str, wish: Wish) -> None:
    """Put a published version onto the runtime image of today; the result is a build, no version.

    Raises:
        UsageError: Something else than a rebase is asked for.
        CannotRebase: It must be built anew.
    """
    if not wish.rebase or wish.platforms:
        raise UsageError(
            "a version is only rebased, for this machine: all else wants its project",
            hint=f"algo build --rebase {reference}",
        )
    destination = deps.destination(None, wish.output, wish.into)
    notify = deps.output.event
    image, version = deps.published().image(reference, notify=notify)
    made = deps.builder().rebase_image(image, notify=notify)
    _show(deps, (made,), ((),), version, destination, wish)


def _show(
    deps: Deps,
    images: Sequence[BuiltImage],
    pins: Sequence[Sequence[Pin]],
    version: str,
    destination: Destination,
    wish: Wish,
) -> tuple[BuildReport, ...]:
    reports = deliver(images, version, destination, notify=deps.output.event)
    if wish.sizes:
        reports = tuple(map(_with_packages, reports, images, pins))
    for report in reports:
        deps.output.aside(_layers(report))
    shown = reports if len(reports) > 1 else reports[0]
    deps.output.result(shown, human=_sizes(reports) if wish.sizes else _digests(reports))
    return reports


def _idle(report: BuildReport) -> BuildReport:
    """Return the report of a build that finds all of it made and in place."""
    layers = tuple(msgspec.structs.replace(one, status=REUSED, made=False) for one in report.layers)
    return replace(report, layers=layers, bytes_sent=0)


def check(deps: Deps, project: Project, wish: Wish) -> None:
    """Show the digests of what was built twice and was the same.

    Raises:
        NotReproducible: It was not.
        UsageError: A place for the image is named, which goes nowhere.
    """
    from algo.commands.shared import checking

    if wish.into is not None or wish.output is not None:
        raise UsageError("--check sends the image nowhere", hint="algo build --check")
    report = checking.check(deps, project, _lock(deps, project), wish.platforms)
    several = len(report.images) > 1
    lines = [f"{one.platform} {one.digest}" if several else one.digest for one in report.images]
    deps.output.result(report, human="\n".join(lines))


def show_sbom(deps: Deps, project: Project, wish: Wish) -> None:
    """Assemble the image of `project` and show what it holds, or write that to a file.

    Raises:
        UsageError: A place for the image is named, which goes nowhere, or several platforms.
    """
    if wish.into is not None:
        raise UsageError("--sbom sends the image nowhere", hint="algo build --sbom -o sbom.json")
    if len(wish.platforms) > 1:
        raise UsageError(
            "a bill of materials is of one image",
            hint=f"algo build --sbom --platform {wish.platforms[0]}",
        )
    output = wish.output
    file = outside_code(project, output_file(deps.cwd, output)) if output else None
    builder, lock = deps.builder(), _lock(deps, project)
    (image,) = _images(builder, project, lock, wish, deps.output.event)
    document = builder.sbom(project, lock, image)
    if file is None:
        deps.output.raw(document)
        return
    write_file(file, (document,))
    deps.output.result(WrittenSbom(str(file), str(image.digest)), human=str(output))


def _lock(deps: Deps, project: Project, tell: Notify | None = None) -> Lock:
    """Return the lock; `tell` gets what is said of the project's models each time."""
    notify = deps.output.event
    lock = ensure_lock(project, deps.locking(project), notify=notify)
    if project.manifest.models:
        from algo.publish.loading import tell_of_own

        tell_of_own(project, deps.image_cache(), notify=tell or notify)
    if not project.manifest.model_sources and not lock.models:
        return lock
    from algo.models.ensure import ensure_models

    return ensure_models(project, lock, deps.models(), notify=notify)


def _images(
    builder: Builder, project: Project, lock: Lock, wish: Wish, notify: Notify
) -> tuple[BuiltImage, ...]:
    wanted: Sequence[Platform | None] = wish.platforms or (None,)
    images: list[BuiltImage] = []
    for platform in wanted:
        if images:  # the build before has written its runtime image down
            lock = read(project.lock_path) or lock
        make = builder.rebase if wish.rebase else builder.build
        image = make(project, lock, platform=platform, notify=notify)
        images.append(image)
    return tuple(images)


def _with_packages(report: BuildReport, image: BuiltImage, pins: Sequence[Pin]) -> BuildReport:
    from algo.images.sizes import package_sizes

    (layer,) = [one for one in image.layers if one.kind is LayerKind.PACKAGES]
    return replace(report, packages=package_sizes(layer, pins))


def _digests(reports: Sequence[BuildReport]) -> str:
    """Return the digest, or what each platform has."""
    if len(reports) == 1:
        return reports[0].digest
    return "\n".join(f"{report.platform} {report.digest}" for report in reports)


def _layers(report: BuildReport) -> Table:
    """Return how large each layer is and whether it had to be made."""
    rows = [_layer(layer) for layer in report.layers]
    total = sum(layer.size for layer in report.layers)
    unpacked = sum(layer.unpacked for layer in report.layers)
    rows.append(("", "", size(total), size(unpacked), f"{size(report.bytes_sent)} sent"))
    columns = ("layer", "kind", "stored", "unpacked", report.platform)
    return Table(columns, rows)


def _layer(layer: LayerReport) -> tuple[str, ...]:
    name = layer.name if layer.name != layer.kind else ""
    what = f"{layer.kind} {name}".strip()
    state = "new" if layer.made else "reused"
    return (layer.digest[7:19], what, size(layer.size), size(layer.unpacked), state)


def _sizes(reports: Sequence[BuildReport]) -> Table:
    """Return the digests, and the largest packages of each image."""
    rows: list[tuple[str, ...]] = []
    for report in reports:
        rows.append((report.platform, report.digest, ""))
        listed = report.packages[:_LISTED]
        rows += [(one.name, one.version, size(one.size)) for one in listed]
        rest = report.packages[_LISTED:]
        if rest:
            rows.append((f"{len(rest)} more", "", size(sum(one.size for one in rest))))
    return Table(("package", "version", "unpacked"), rows)
