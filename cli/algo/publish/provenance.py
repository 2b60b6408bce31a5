"""From what publishing knows to the provenance of a version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo import __version__
from algo.images.image import LayerKind
from algo.oci.digest import Digest
from algo.publish.ci import LOCAL
from algo.trust.provenance import (
    BUILD,
    COMMIT,
    SOURCE,
    BuildDefinition,
    Builder,
    Material,
    Metadata,
    Parameters,
    Provenance,
    RunDetails,
    SourceParameters,
)
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from algo.images.image import BuiltImage
    from algo.publish.ci import Run
    from algo.publish.source import Checkout, Source

BUILDERS = "https://algo.dev/builders"


class Making(Value, frozen=True):
    """How a version came to be.

    Args:
        source: Where its files come from.
        run: Where `algo publish` ran.
        bump: The step that was asked for, empty for none.
        allow_dirty: Whether files may be in no commit.
    """

    source: Source
    run: Run
    bump: str = ""
    allow_dirty: bool = False


class Facts(Value, frozen=True):
    """What was made: `lock` is the digest of `algo.lock`, `published` RFC 3339."""

    name: str
    version: str
    lock: str
    images: tuple[BuiltImage, ...]
    published: str


def provenance_of(making: Making, facts: Facts) -> Provenance:
    """Return the provenance; the same inputs give the same, on whatever machine."""
    checkout = making.source.checkout
    parameters = Parameters(
        name=facts.name,
        version=facts.version,
        platforms=tuple(str(image.platform) for image in facts.images),
        bump=making.bump,
        allow_dirty=making.allow_dirty,
        source=_parameters(checkout, making.run) if checkout is not None else None,
    )
    run = making.run
    return Provenance(
        build_definition=BuildDefinition(
            build_type=BUILD,
            external_parameters=parameters,
            internal_parameters={run.system: dict(run.variables)} if run.variables else {},
            resolved_dependencies=tuple(_materials(making, facts, parameters.source)),
        ),
        run_details=RunDetails(
            builder=Builder(f"{BUILDERS}/{run.system}", {"algo": __version__}),
            metadata=Metadata(run.invocation, facts.published),
        ),
    )


def _parameters(checkout: Checkout, run: Run) -> SourceParameters:
    """Return the source; the run knows the branch of a commit that is checked out by itself."""
    same = run.system != LOCAL and run.commit == checkout.commit != ""
    return SourceParameters(
        repository=checkout.repository or (run.repository if same else ""),
        ref=(run.ref if same else "") or checkout.ref,
        folder=checkout.folder,
    )


def _materials(making: Making, facts: Facts, source: SourceParameters | None) -> Iterator[Material]:
    checkout = making.source.checkout
    if checkout is not None and source is not None:
        ref = f"@{source.ref}" if source.ref else ""
        changed = len(making.source.uncommitted)
        yield Material(
            uri=f"git+{source.repository}{ref}" if source.repository else "",
            digest={COMMIT: checkout.commit} if checkout.commit else {},
            name=SOURCE,
            annotations={"dirty": True, "changedFiles": changed} if changed else {"dirty": False},
        )
    if facts.lock:
        yield Material(
            digest=_sha256(facts.lock), name="algo.lock", annotations=_lock(making.source)
        )
    for image in facts.images:
        if image.runtime is not None:
            yield Material(digest={"sha256": image.runtime.hex}, name=f"runtime {image.platform}")
    models = {
        layer.name: layer.descriptor.digest.hex
        for image in facts.images
        for layer in image.layers
        if layer.kind is LayerKind.MODEL
    }
    for name, digest in sorted(models.items()):
        yield Material(digest={"sha256": digest}, name=f"model {name}")
    for path, digest in sorted(making.source.extra.items()):
        yield Material(digest={"sha256": digest}, name=path)


def _lock(source: Source) -> dict[str, bool | int | str]:
    """Return how the lock that was used stands to the committed one, so that both can be had."""
    committed = source.checkout.lock if source.checkout is not None else None
    if committed is None:
        return {}
    said: dict[str, bool | int | str] = {"committed": Digest.of(committed).hex}
    return {**said, "written": ",".join(source.lock_written)} if source.lock_written else said


def _sha256(digest: str) -> dict[str, str]:
    return {"sha256": digest.removeprefix("sha256:")}
