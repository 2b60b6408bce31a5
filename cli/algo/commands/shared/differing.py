"""From what the user names to two sides, and from what differs to text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.commands.shared.publishing import ProjectTests, size
from algo.events import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from algo.deps import Deps
    from algo.oci.reference import Reference
    from algo.project.project import Project
    from algo.publish.difference import Difference, ImageChange, LayerChange
    from algo.publish.side import Side

_MOST = 40
_WIDTH = 10
_NONE = "nothing known"


def sides(deps: Deps, old: str, new: str, engine: str, *, run: bool) -> tuple[Side, Side]:
    """Return both sides; the cases of the old one are called on the new one, where that runs.

    Raises:
        TargetUnknown: A word names neither a folder nor a version.
        AlgoError: As `version_side` and `tree_side`.
    """
    first = _side(deps, old, engine, None, run=run)
    return first, _side(deps, new, engine, first, run=run)


def _side(deps: Deps, word: str, engine: str, other: Side | None, *, run: bool) -> Side:
    from algo.project.project import Project
    from algo.publish.side import tree_side, version_side

    found, notify = _named(deps, word), deps.output.event
    if isinstance(found, Project):
        tools = deps.publishing(ProjectTests(deps, engine, own=False))
        return tree_side(found, tools, other, run=run, notify=notify)
    otherwise = "" if word else "algo publish makes the first version; algo diff OLD NEW"
    return version_side(found, deps.consuming(), otherwise=otherwise, notify=notify)


def _named(deps: Deps, word: str) -> Project | Reference:
    """Return what a word names: a folder, a version of the project here, or a reference."""
    from algo.oci.reference import Reference
    from algo.project.project import Project
    from algo.publish.destination import destination
    from algo.serving.errors import TargetUnknown
    from algo.serving.target import UrlTarget, find_target
    from algo.versions.ranges import Range

    if not word or ("/" not in word and word != "." and not (deps.cwd / word).is_dir()):
        tag = Range.parse(word).text if word else ""
        return destination("", Project.find(deps.cwd)).tagged(tag)
    target = find_target(word, deps.cwd)
    if isinstance(target, UrlTarget):
        raise TargetUnknown(
            f"{word} is a running service, which does not say what it was made from",
            hint="algo diff OWNER/NAME:VERSION OWNER/NAME:VERSION",
        )
    return target if isinstance(target, Project) else Reference.parse(target.reference)


def difference_text(found: Difference) -> str:
    """Return what people read of a difference."""
    lines = [f"{found.old.place} → {found.new.place}"]
    if found.same:
        lines.append("the same images, models and contract")
    lines += _item("contract", _few(_contract(found)))
    lines += _item("packages", _few(_packages(found)))
    lines += _item("models", _models(found))
    lines += _item("files", _few(f"{file.mark} {file.path}" for file in found.files))
    for image in found.images:
        lines += _item("image", _image(image))
    for platform in found.only_old:
        lines += _item("image", [f"{platform}: {found.old.place} alone has it"])
    for platform in found.only_new:
        lines += _item("image", [f"{platform}: {found.new.place} alone has it"])
    if found.old.source != found.new.source:
        lines += _item("source", [f"{found.old.source or _NONE} → {found.new.source or _NONE}"])
    if found.new.signer and found.old.signer != found.new.signer:
        lines += _item("signer", [f"{found.old.signer or _NONE} → {found.new.signer}"])
    return "\n".join(lines)


def _item(name: str, texts: Iterable[str]) -> list[str]:
    """Return the texts in a column, the first one behind its name."""
    return [
        f"{'' if number else name:<{_WIDTH}} {text}".rstrip() for number, text in enumerate(texts)
    ]


def _few(texts: Iterable[str]) -> list[str]:
    every = list(texts)
    more = [f"… and {len(every) - _MOST} more (--json has all)"] if len(every) > _MOST else []
    return every[:_MOST] + more


def _contract(found: Difference) -> Iterator[str]:
    contract = found.contract
    if contract is None:
        from algo.publish.side import WORKING_TREE

        unrun = found.new.place == WORKING_TREE
        yield f"not compared: {'it was not run (--no-run)' if unrun else 'one of them has none'}"
        return
    if not (contract.findings or contract.cases_added or contract.cases_removed):
        yield "the same"
    for finding in contract.findings:
        yield f"{finding.level}: {finding.path} {finding.text}"
    yield from (f"+ case {name}" for name in contract.cases_added)
    yield from (f"- case {name}" for name in contract.cases_removed)
    if contract.findings:
        yield f"the next version is at least a {contract.step} one"


def _packages(found: Difference) -> Iterator[str]:
    if found.packages is None:
        yield "not compared: one of them has no bill of materials"
        return
    platforms = len(found.images)
    for one in found.packages:
        where = f"  ({', '.join(one.platforms)})" if len(one.platforms) < platforms else ""
        mark = "+" if not one.old else "-" if not one.new else "~"
        moved = " → ".join(filter(None, (one.old, one.new)))
        kind = "" if one.ecosystem == "pypi" else f"{one.ecosystem} "
        yield f"{mark} {kind}{one.name} {moved}{where}"


def _models(found: Difference) -> Iterator[str]:
    for model in found.models:
        was, now = size(model.old_size), size(model.new_size)
        if not model.old and not model.old_size:
            yield f"+ {model.name} {now}"
        elif not model.new and not model.new_size:
            yield f"- {model.name} {was}"
        else:
            yield f"~ {model.name} {_moved(model.old_size, model.new_size)}"


def _image(image: ImageChange) -> Iterator[str]:
    if image.old == image.new:
        yield f"{image.platform}: the same, {size(image.new_size)}"
        return
    whole = _moved(image.old_size, image.new_size)
    yield f"{image.platform}: {whole}; {len(image.layers)} of {counted(image.of, 'layer')} differ"
    for layer in image.layers:
        yield f"  {_layer(layer)}"


def _layer(layer: LayerChange) -> str:
    what = layer.kind if layer.name == layer.kind else f"{layer.kind} {layer.name}".strip()
    mark = "+" if not layer.old else "-" if not layer.new else "~"
    return f"{mark} {what:<18} {_moved(layer.old_size, layer.new_size)}"


def _moved(old: int, new: int) -> str:
    if old and new and size(old) != size(new):
        return f"{size(old)} → {size(new)}"
    return size(new or old)
