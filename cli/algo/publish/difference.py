"""What differs between two versions of an algorithm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.contract.compare import Finding, Level, compare, compare_answers, minimum_bump
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from algo.contract.interface import Answer, Fault
    from algo.contract.record import Contract, Recorded
    from algo.publish.side import Side, SideImage, SideLayer


class Compared(Value, frozen=True):
    """A side, as people call it."""

    name: str
    version: str
    place: str
    digest: str
    source: str
    signer: str


class ContractChange(Value, frozen=True):
    """How the contract differs.

    Args:
        step: The smallest version step that it asks for.
        findings: Each difference.
        cases_added: Golden cases that only the new one has.
        cases_removed: Those that only the old one has.
    """

    step: str
    findings: tuple[Finding, ...]
    cases_added: tuple[str, ...]
    cases_removed: tuple[str, ...]


class PackageChange(Value, frozen=True):
    """A package that came, went or moved; of several versions in an image, all of them."""

    ecosystem: str
    name: str
    old: str
    new: str
    platforms: tuple[str, ...]


class ModelChange(Value, frozen=True):
    """A model that came, went or has other files; sizes in bytes, digests empty where unsigned."""

    name: str
    old: str
    new: str
    old_size: int
    new_size: int


class LayerChange(Value, frozen=True):
    """A layer that came, went or has other content; sizes in bytes, packed."""

    kind: str
    name: str
    old: str
    new: str
    old_size: int
    new_size: int


class ImageChange(Value, frozen=True):
    """The images of a platform that both have; `layers` are those that differ, of `of`."""

    platform: str
    old: str
    new: str
    old_size: int
    new_size: int
    layers: tuple[LayerChange, ...]
    of: int


class FileChange(Value, frozen=True):
    """A file of the project in the image that came (`+`), went (`-`) or changed (`~`)."""

    mark: str
    path: str


class Difference(Value, frozen=True):
    """All that differs.

    Args:
        old: What was first.
        new: What it is compared with.
        same: Whether they have the same images, models and contract.
        contract: How it differs; None where one of them has none to compare.
        packages: Those that differ; None where one of them does not say what it has.
        models: Those that differ.
        files: The project's own files that differ.
        images: Of each platform that both have.
        only_old: Platforms that the new one has not.
        only_new: Platforms that the old one has not.
    """

    old: Compared
    new: Compared
    same: bool
    contract: ContractChange | None
    packages: tuple[PackageChange, ...] | None
    models: tuple[ModelChange, ...]
    files: tuple[FileChange, ...]
    images: tuple[ImageChange, ...]
    only_old: tuple[str, ...]
    only_new: tuple[str, ...]


def difference(old: Side, new: Side) -> Difference:
    """Return what differs between two sides."""
    common = [platform for platform in old.images if platform in new.images]
    pairs = {platform: (old.images[platform], new.images[platform]) for platform in common}
    images = tuple(_image(platform, *pair) for platform, pair in pairs.items())
    models, contract = tuple(_models(old, new)), _contract(old, new)
    return Difference(
        old=_compared(old),
        new=_compared(new),
        same=all(image.old == image.new for image in images)
        and not models
        and not (contract and (contract.findings or contract.cases_added or contract.cases_removed))
        and set(old.images) == set(new.images),
        contract=contract,
        packages=_packages(pairs),
        models=models,
        files=tuple(_files(pairs)),
        images=images,
        only_old=tuple(sorted(old.images.keys() - new.images.keys())),
        only_new=tuple(sorted(new.images.keys() - old.images.keys())),
    )


def _compared(side: Side) -> Compared:
    return Compared(side.name, side.version, side.place, side.digest, side.source, side.signer)


def _contract(old: Side, new: Side) -> ContractChange | None:
    if old.contract is None or new.contract is None:
        return None
    before, after = _cases(old.contract), _cases(new.contract)
    findings = new.findings
    if findings is None:
        findings = compare(old.contract, new.contract) + _answers(before, after)
    return ContractChange(
        step=minimum_bump(findings) if findings else Level.PATCH,
        findings=findings,
        cases_added=tuple(sorted(after.keys() - before.keys())),
        cases_removed=tuple(sorted(before.keys() - after.keys())),
    )


def _cases(contract: Contract) -> dict[str, Recorded]:
    return {case.id: case for case in contract.cases}


def _answers(before: Mapping[str, Recorded], after: Mapping[str, Recorded]) -> tuple[Finding, ...]:
    """Return which cases that both have, with the same input, were answered differently."""
    both = [case for key, case in before.items() if key in after and after[key].input == case.input]
    answers: dict[str, Answer | Fault] = {case.id: after[case.id].answer for case in both}
    return compare_answers(both, answers)


def _packages(
    pairs: Mapping[str, tuple[SideImage, SideImage]],
) -> tuple[PackageChange, ...] | None:
    """Return which packages differ, each move once with the platforms where it is that."""
    moves: dict[tuple[str, str, str, str], list[str]] = {}
    for platform, (old, new) in pairs.items():
        before, after = old.packages, new.packages
        if before is None or after is None:
            return None
        for key in sorted({*before, *after}):
            was, now = (", ".join(versions.get(key, ())) for versions in (before, after))
            if was != now:
                moves.setdefault((*key, was, now), []).append(platform)
    return tuple(PackageChange(*move, tuple(where)) for move, where in sorted(moves.items()))


def _models(old: Side, new: Side) -> Iterator[ModelChange]:
    for name in sorted({*old.models, *new.models}):
        was, now = old.models.get(name), new.models.get(name)
        said = [(side.digest, side.size) if side else ("", 0) for side in (was, now)]
        # One that cannot be signed is told by the layer that it lies in.
        unsigned = was is not None and now is not None and not (was.digest and now.digest)
        if (unsigned and _layers_of(old, name) != _layers_of(new, name)) or (
            not unsigned and said[0] != said[1]
        ):
            yield ModelChange(name, said[0][0], said[1][0], said[0][1], said[1][1])


def _layers_of(side: Side, model: str) -> set[str]:
    return {
        layer.digest
        for image in side.images.values()
        for layer in image.layers
        if layer.kind == "model" and layer.name.partition("/")[0] == model
    }


def _files(pairs: Mapping[str, tuple[SideImage, SideImage]]) -> Iterator[FileChange]:
    old: dict[str, str] = {}
    new: dict[str, str] = {}
    for before, after in pairs.values():
        old |= before.files
        new |= after.files
    for path in sorted({*old, *new}):
        if old.get(path) != new.get(path):
            mark = "+" if path not in old else "-" if path not in new else "~"
            yield FileChange(mark, path)


def _image(platform: str, old: SideImage, new: SideImage) -> ImageChange:
    return ImageChange(
        platform=platform,
        old=old.digest,
        new=new.digest,
        old_size=old.size,
        new_size=new.size,
        layers=tuple(_layers(old.layers, new.layers)),
        of=len(new.layers),
    )


def _layers(old: Sequence[SideLayer], new: Sequence[SideLayer]) -> Iterator[LayerChange]:
    """Yield the layers that are not in both; of one kind and name, in their order."""
    shared = {layer.digest for layer in old} & {layer.digest for layer in new}
    gone = [layer for layer in old if layer.digest not in shared]
    for layer in (one for one in new if one.digest not in shared):
        was = next((one for one in gone if (one.kind, one.name) == (layer.kind, layer.name)), None)
        if was is not None:
            gone.remove(was)
        digest, size = (was.digest, was.size) if was else ("", 0)
        yield LayerChange(layer.kind, layer.name, digest, layer.digest, size, layer.size)
    for layer in gone:
        yield LayerChange(layer.kind, layer.name, layer.digest, "", layer.size, 0)
