"""What two versions are compared by: one of them, from a registry or from the working tree."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from algo.contract.record import Contract
from algo.environments.locking import ensure_lock
from algo.events import Step, Warned, silent
from algo.images.image import LayerKind
from algo.images.layer import members
from algo.images.sbom.document import Bom, Component
from algo.models.ensure import ensure_models
from algo.oci import media_types
from algo.oci.manifest import ImageConfig, decode
from algo.project.lock import read
from algo.publish.consume import examine_in
from algo.publish.contents import layer_names
from algo.publish.find import find
from algo.publish.lock_files import lock_kept
from algo.publish.prepare import Wish, find_source
from algo.publish.repository import RegistryRepository
from algo.publish.weights import models_of
from algo.registry.errors import NotFound
from algo.storage.pieces import Pieces
from algo.storage.tar import SYSTEM, Kind, read_tar
from algo.trust.policy import NO_RULES
from algo.trust.statements import SBOM, Weights
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from algo.contract.compare import Finding
    from algo.events import Notify
    from algo.images.image import BuiltImage
    from algo.oci.reference import Reference
    from algo.project.project import Project
    from algo.publish.consume import Consuming, Examined
    from algo.publish.prepare import Publishing
    from algo.storage.tar import Content, Member
    from algo.trust.verify import VerifiedImage

WORKING_TREE = "the working tree"
_APP = "opt/algo/app/"
# Of a layer of code; a larger one is told by its digest alone.
_MOST_CODE = 64 << 20


class SideLayer(Value, frozen=True):
    """A layer; `size` in bytes, packed."""

    kind: str
    name: str
    digest: str
    size: int


class SideImage(Value, frozen=True):
    """An image.

    Args:
        digest: Of its manifest.
        layers: From the bottom up.
        packages: The versions of each package by its ecosystem (`pypi`, `deb`, …) and name; None
            where nothing says which packages there are.
        files: The SHA-256 of the project's own files by their path, as far as they are read.
    """

    digest: str
    layers: tuple[SideLayer, ...]
    packages: Mapping[tuple[str, str], tuple[str, ...]] | None
    files: Mapping[str, str]

    @property
    def size(self) -> int:
        """The bytes of all layers."""
        return sum(layer.size for layer in self.layers)


class Side(Value, frozen=True):
    """One of the two.

    Args:
        name: `owner/name`.
        version: Empty for a working tree.
        place: How people call it.
        digest: Of the version's index; empty for a working tree.
        images: By platform.
        models: By name.
        contract: What the cases showed and annotations declare; None where nobody says.
        source: The commit and where it is from, in a line.
        signer: Who signed it; empty for a working tree.
        findings: How the contract differs from the other side's, where the cases of that were
            called for it.
    """

    name: str
    version: str
    place: str
    digest: str
    images: Mapping[str, SideImage]
    models: Mapping[str, Weights]
    contract: Contract | None
    source: str
    signer: str
    findings: tuple[Finding, ...] | None = None


def version_side(
    reference: Reference, tools: Consuming, *, otherwise: str = "", notify: Notify
) -> Side:
    """Return a published version, its signatures verified.

    What trust.toml asks for, and whether it is yanked, does not matter here: nothing of it runs.
    `otherwise` is the hint where there is none.

    Raises:
        NotFound: There is none.
        AlgoError: As `trust.verify.verify`.
    """
    tools = replace(tools, rules=NO_RULES)
    repository = RegistryRepository(tools.open(reference.host), reference.repository)
    try:
        asked = find(repository, reference, tools.accepted())
    except NotFound as error:
        error.hint = otherwise or error.hint
        raise
    if asked.version:
        tools.pins.check(repository.place, asked.version, asked.digest)
    found = examine_in(repository, asked, tools, notify=notify)
    verified, release = found.verified, found.verified.release
    document = verified.documents.get(media_types.CONTRACT)
    provenance, signer = verified.provenance, verified.signer
    commit = provenance.commit[:12] if provenance else ""
    source = provenance.source if provenance else None
    return Side(
        name=asked.name,
        version=release.version,
        place=f"{repository.place}:{release.version}",
        digest=str(asked.digest),
        images={image.platform: _published(found, image) for image in verified.images},
        models=release.weights,
        contract=Contract.decode(b"".join(repository.blob(document))) if document else None,
        source=f"{commit} {source.ref if source else ''}".strip(),
        signer=(signer.label or signer.key.short) if signer else "",
    )


def tree_side(
    project: Project,
    tools: Publishing,
    other: Side | None,
    *,
    run: bool,
    notify: Notify,
) -> Side:
    """Return a project as it would be published now, for this machine's platform.

    It is locked and built as `algo build` does it, and `algo.lock` is left as it was.

    Args:
        project: The project.
        tools: What it would be published with.
        other: What it is compared with, when that is the older of the two: its cases are called.
        run: Whether to start it and to run its cases; without, it has no contract.
        notify: Gets steps and progress.

    Raises:
        AlgoError: As locking, building and running do.
    """
    locking = tools.locks.locking(project)
    source = find_source(project, Wish(allow_dirty=True), tools, notify)
    contract: Contract | None = None
    findings: tuple[Finding, ...] | None = None
    with lock_kept(project, locking.writes):
        lock = ensure_models(
            project, ensure_lock(project, locking, notify=notify), tools.models, notify=notify
        )
        image = tools.images.build(project, lock, notify=notify)
        lock = read(project.lock_path) or lock
        models = models_of(project, lock, tools.images, notify=silent)
        packages = _packages(tools.images.sbom(project, lock, image))
        if run:
            notify(Step("Running the cases"))
            report = tools.tests.run(project, other.contract if other else None)
            contract = report.contract
            findings = report.findings if other and other.contract else None
            if not report.ok:
                notify(Warned(f"of the working tree {report.sentence}: algo test shows which"))
    checkout = source.checkout
    dirty = ", with uncommitted changes" if source.uncommitted else ""
    commit = f"{checkout.commit[:12]} {checkout.ref}".strip() if checkout else ""
    return Side(
        name=project.name,
        version="",
        place=WORKING_TREE,
        digest="",
        images={str(image.platform): _built(image, packages)},
        models={model.name: model.weights for model in models},
        contract=contract,
        source=f"{commit}{dirty}",
        signer="",
        findings=findings,
    )


def _published(found: Examined, image: VerifiedImage) -> SideImage:
    repository, manifest = found.repository, image.manifest
    config = decode(b"".join(repository.blob(manifest.config.value())), ImageConfig)
    names = list(layer_names(config))
    layers = []
    files: dict[str, str] = {}
    for place, document in enumerate(manifest.layers):
        layer = document.value()
        kind, name = names[place] if place < len(names) else (None, "")
        layers.append(SideLayer(str(kind or ""), name, str(layer.digest), layer.size))
        if kind is LayerKind.CODE and layer.size <= _MOST_CODE:
            pieces = repository.blob(layer)
            files |= _files(read_tar(Pieces(pieces), SYSTEM))
            for _ in pieces:  # to the end, where it is compared with its digest
                pass
    said = found.verified.statements.get(SBOM, ())
    bom = next((one.predicate for one in said if one.speaks_of(image.digest)), None)
    packages = _packages(bytes(bom)) if bom is not None else None
    return SideImage(str(image.digest), tuple(layers), packages, files)


def _built(image: BuiltImage, packages: Mapping[tuple[str, str], tuple[str, ...]]) -> SideImage:
    layers = tuple(
        SideLayer(str(one.kind), one.name, str(one.descriptor.digest), one.descriptor.size)
        for one in image.layers
    )
    files: dict[str, str] = {}
    for layer in image.layers:
        if layer.kind is LayerKind.CODE and layer.descriptor.size <= _MOST_CODE:
            files |= _files(members(layer))
    return SideImage(str(image.digest), layers, packages, files)


def _files(read: Iterable[tuple[Member, Content]]) -> dict[str, str]:
    """Return the SHA-256 of each file of a layer by its path in the project; of a link, its aim."""
    found: dict[str, str] = {}
    for member, content in read:
        path = member.name.removeprefix(_APP)
        if member.kind is Kind.FILE:
            digest = hashlib.sha256()
            for piece in content:
                digest.update(piece)
            found[path] = f"{member.mode & 0o777:o} {digest.hexdigest()}"
        elif member.kind is Kind.LINK:
            found[path] = f"-> {member.link}"
    return found


def _packages(document: bytes) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the packages that a bill of materials names, by ecosystem and name."""
    found: dict[tuple[str, str], set[str]] = {}
    _collect(msgspec.json.decode(document, type=Bom).components, found)
    return {key: tuple(sorted(versions)) for key, versions in found.items()}


def _collect(components: Sequence[Component], found: dict[tuple[str, str], set[str]]) -> None:
    for one in components:
        if one.purl.startswith("pkg:") and one.version:
            ecosystem = one.purl.removeprefix("pkg:").partition("/")[0]
            found.setdefault((ecosystem, one.name), set()).add(one.version)
        _collect(one.components, found)
