"""What `publish` and its neighbours share: the tests, the question, the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.events import sized
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from algo.contract.interface import Check
    from algo.contract.record import Contract
    from algo.contract.report import TestReport
    from algo.deps import Deps
    from algo.images.deliver import LayerReport
    from algo.project.project import Project
    from algo.publish.consume import Consuming, Pulled
    from algo.publish.inspect import InspectedLayer, Inspection
    from algo.publish.plan import Plan, Published
    from algo.trust.provenance import Material, Provenance
    from algo.trust.statements import Release

MOST_REASON = 500


class ProjectTests(Value, frozen=True):
    """Implements `publish.interface.Tests` with the engine called `engine`.

    Without `own` only the cases are run, not the project's own tests.
    """

    deps: Deps
    engine: str
    own: bool = True

    def run(
        self, project: Project, previous: Contract | None, check: Check | None = None
    ) -> TestReport:
        """See Tests."""
        from algo.commands.shared.testing import test_project

        return test_project(
            self.deps, project, self.engine, previous=previous, own=self.own, check=check
        )


def confirmation(deps: Deps, yes: bool) -> Callable[[Callable[[], Plan]], bool]:
    """Return what asks before anything is sent; with `yes` it agrees.

    Raises:
        ConfirmationNeeded: There is nobody to ask.
    """
    from algo.publish.errors import ConfirmationNeeded

    if yes:
        return lambda make: True
    if not deps.interactive or deps.output.json:
        raise ConfirmationNeeded("publishing cannot be undone, and there is no terminal to ask on")

    def ask(make: Callable[[], Plan]) -> bool:
        from algo.events import Note

        plan = make()
        deps.output.event(Note(f"{plan.reference}: {plan.reason}"))
        by = plan.key[:16] or "a key that is made now"
        deps.output.event(Note(f"{size(plan.bytes_to_send)} to send, signed with {by}"))
        return deps.output.ask("Publish it? [y/N] ").strip().lower() in {"y", "yes"}

    return ask


def reason_for_breaking(said: str, *, asked: bool) -> str:
    """Return the reason that `--allow-breaking` gives, empty for none.

    Raises:
        UsageError: It is no line, or there is neither a step nor a version that it is for.
    """
    from algo.errors import UsageError

    reason = said.strip()
    if reason and not asked:
        raise UsageError(
            "--allow-breaking is for a step or a version that is asked for",
            hint="algo publish --bump minor --allow-breaking REASON",
        )
    if reason and not (reason.isprintable() and len(reason) <= MOST_REASON):
        raise UsageError(
            f"--allow-breaking wants the reason in a line of up to {MOST_REASON} letters",
            hint='algo publish --bump minor --allow-breaking "nobody could call it"',
        )
    return reason


def archive_place(deps: Deps, output: Path | None) -> tuple[Path | None, Path]:
    """Return the file that `-o` names, and the folder for one that is not named.

    Neither lies where it would become a part of the project's next version.

    Raises:
        OutputInvalid: It cannot be written there, or would be in the next image.
    """
    from algo.images.code import outside_code
    from algo.project.project import Project, root_above
    from algo.resources import output_file

    place = output_file(deps.cwd, output) if output else None
    root = root_above(deps.cwd)
    if root is None:
        return place, deps.cwd
    if place is not None:
        outside_code(Project.open(root), place, "algo export -o")
    return place, root / "dist"


def published_text(published: Published) -> str:
    """Return what people read of a published version."""
    place = published.reference.rsplit(":", 1)[0]
    if published.unchanged:
        return f"{published.reference} is there: {published.reason}\n{place}@{published.digest}"
    sent = f"{size(published.bytes_sent)} sent, signed with {published.key[:16]}"
    return (
        f"Published {published.reference} ({published.reason})\n{place}@{published.digest}\n{sent}"
    )


def inspection_text(found: Inspection) -> str:
    """Return what people read of a version."""
    lines = [f"{found.name}:{found.version}", found.reference]
    lines += [f"  {name} = {value}" for name, value in found.annotations.items()]
    for image in found.images:
        lines += [f"image {image.platform}, {size(image.size)}", f"  {image.digest}"]
        lines += [f"  {layer_line(layer)} {layer.digest[:19]}" for layer in image.layers]
    by_signer: dict[str, list[str]] = {}
    for item in found.signatures:
        signed = by_signer.setdefault(f"{item.standing}, by {item.signer or item.key[:16]}", [])
        signed.append(f"  {item.subject[:19]}  {item.type}")
    for signer, signed in by_signer.items():
        lines += [f"signatures {signer}", *signed]
    if found.release is not None:
        release = found.release
        after = f", after {release.previous.version}" if release.previous else ""
        lines.append(f"released as {release.name}:{release.version} {release.published}{after}")
        lines += [f"lower than what changed asks for: {release.reason}"] if release.reason else []
    if found.provenance is not None:
        lines += made_from(found.provenance)
    if found.release is not None:
        lines += weights_lines(found.release)
    if found.yanked:
        lines.append(f"yanked: {found.yanked}")
    if found.objection:
        lines.append(f"refused by trust.toml: {found.objection}")
    return "\n".join(lines)


def source_line(provenance: Provenance) -> str:
    """Return the commit and place that a version was made from, in one line."""
    source = provenance.source
    if source is None:
        return "no git repository"
    where = f" of {source.repository}" if source.repository else ""
    dirty = ", with uncommitted changes" if provenance.dirty else ""
    commit = provenance.commit[:12] or "no commit"
    return f"{commit} {source.ref}".rstrip() + f"{where}{dirty}"


def made_from(provenance: Provenance) -> list[str]:
    """Return what people read of how a version came to be."""
    definition, run = provenance.build_definition, provenance.run_details
    source, place = provenance.source, run.builder.id.rpartition("/")[2]
    lines = [f"source     {source_line(provenance)}"]
    lines += [f"folder     {source.folder}"] if source and source.folder else []
    version = run.builder.version.get("algo", "")
    made = f" {run.metadata.invocation_id}" if run.metadata.invocation_id else ""
    lines.append(f"built by   algo {version} ({place}){made}")
    for item in definition.resolved_dependencies[1 if source is not None else 0 :]:
        digest = next(iter(item.digest.values()), "")
        lines.append(f"made from  {item.name or item.uri} {digest[:12]}{_committed(item)}".rstrip())
    return lines


def _committed(item: Material) -> str:
    """Return how the file in the commit differs from what was used, empty when it does not."""
    committed, written = (str(item.annotations.get(key, "")) for key in ("committed", "written"))
    if committed in ("", item.digest.get("sha256")):
        return ""
    added = f", to which algo added {written.replace(',', ', ')}" if written else ""
    return f" (committed: {committed[:12]}{added})"


def size(count: int) -> str:
    """Return a number of bytes as people read it: `67.3 MB`."""
    return sized(count)


def layer_line(layer: LayerReport | InspectedLayer) -> str:
    """Return kind, name and size of a layer, in columns."""
    what = layer.kind if layer.name == layer.kind else f"{layer.kind} {layer.name}".strip()
    return f"{what:<20} {size(layer.size):>9} "


def weights_lines(release: Release) -> list[str]:
    """Return what people read of the models of a version."""
    lines = []
    for name, model in sorted(release.weights.items()):
        signed = f", signed as {model.digest[:19]}" if model.digest else ", not signed by itself"
        lines.append(f"model {name} at {model.path}, {size(model.size)}{signed}")
        lines += [f"  unsafe: {said}" for said in model.unsafe]
    return lines


def taken(deps: Deps, pulled: Pulled, tools: Consuming, folder: Path) -> Pulled:
    """Write the models of a pulled version below `folder`; return it with their places."""
    from msgspec.structs import replace

    from algo.images.recipe import host_platform
    from algo.publish.taking import take_models

    layout, platform = deps.store().folder, host_platform()
    notify = deps.output.event
    models = take_models(pulled, tools, layout, platform, folder, notify=notify)
    return replace(pulled, models=models)
