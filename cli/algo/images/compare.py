"""Where two images that should be the same begin to differ, and in what."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import msgspec

from algo.images.layer import members
from algo.storage.tar import Kind
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from algo.images.image import BuiltImage, Layer
    from algo.storage.tar import Content, Member

_READ = 1 << 16
_KINDS = {
    Kind.FILE: "a file",
    Kind.FOLDER: "a folder",
    Kind.LINK: "a link",
    Kind.HARD_LINK: "a hard link",
}


class Difference(Value, frozen=True):
    """The first difference of two images.

    Args:
        where: `packages layer`, `config`.
        entry: The path in the layer, or the place in the config; empty where none can be named.
        what: `mtime`, `mode`, `bytes`, `missing`, `type`, `owner`, `link`, `order`, `value`.
        why: Both sides, in words.
    """

    where: str
    entry: str
    what: str
    why: str

    def __str__(self) -> str:
        place = f" at {self.entry}" if self.entry else ""
        return f"the {self.where} differs{place}: {self.why}"


def difference(one: BuiltImage, other: BuiltImage) -> Difference | None:
    """Return the first difference of two images, None when they are the same."""
    if one.digest == other.digest:
        return None
    for ours, theirs in zip_longest(one.layers, other.layers):
        if ours is None or theirs is None:
            lone = ours or theirs
            assert lone is not None
            return Difference(_name(lone), "", "missing", "only one of the images has it")
        if ours.diff_id != theirs.diff_id:
            return _in_layer(ours, theirs)
        if ours.descriptor != theirs.descriptor:
            return Difference(_name(ours), "", "bytes", "the same files are compressed otherwise")
    for where, left, right in (
        ("config", one.config_bytes, other.config_bytes),
        ("manifest", one.manifest, other.manifest),
    ):
        if left != right:
            return _in_document(where, left, right)
    return None


def _name(layer: Layer) -> str:
    name = layer.name if layer.name != layer.kind else ""
    return f"{layer.kind} {name}".strip() + " layer"


def _in_layer(ours: Layer, theirs: Layer) -> Difference:
    where = _name(ours)
    for left, right in zip_longest(members(ours), members(theirs)):
        one, other = left and left[0], right and right[0]
        if left is None or right is None or one is None or other is None or one.name != other.name:
            return _missing(where, one, other)
        found = _in_entry(one, other) or _in_content(left[1], right[1], one)
        if found is not None:
            return Difference(where, one.name, *found)
    return Difference(where, "", "bytes", "the tars are written otherwise")


def _missing(where: str, one: Member | None, other: Member | None) -> Difference:
    """Return that an entry is on one side alone: entries are sorted, so it is the smaller one."""
    if other is None or (one is not None and one.name < other.name):
        assert one is not None
        return Difference(where, one.name, "missing", "the second build lacks it")
    return Difference(where, other.name, "missing", "the first build lacks it")


def _in_entry(one: Member, other: Member) -> tuple[str, str] | None:
    if one.kind != other.kind:
        return "type", f"{_kind(one)} here, {_kind(other)} there"
    if one.mode != other.mode:
        return "mode", f"mode {one.mode:04o} here, {other.mode:04o} there"
    if one.mtime != other.mtime:
        return "mtime", f"mtime {one.mtime} here, {other.mtime} there"
    if (one.owner, one.names) != (other.owner, other.names):
        ours, theirs = (":".join(map(str, entry.owner)) for entry in (one, other))
        return "owner", f"owner {ours} here, {theirs} there"
    if one.link != other.link:
        return "link", f"a link to {one.link} here, to {other.link} there"
    if one.size != other.size:
        return "bytes", f"{one.size} bytes here, {other.size} there"
    return None


def _kind(entry: Member) -> str:
    return _KINDS.get(entry.kind, "something else")


def _in_content(ours: Content, theirs: Content, one: Member) -> tuple[str, str] | None:
    place = 0
    while chunk := _next(ours):
        twin = _next(theirs)
        if chunk != twin:
            at = next(
                n for n, pair in enumerate(zip(chunk, twin, strict=True)) if pair[0] != pair[1]
            )
            return "bytes", f"bytes from {place + at} of {one.size} on"
        place += len(chunk)
    return None


def _next(content: Content) -> bytes:
    """Return the next bytes: as many as were asked for, unless the content ends."""
    data = content.read(_READ)
    while len(data) < _READ and (more := content.read(_READ - len(data))):
        data += more
    return data


def _in_document(where: str, left: bytes, right: bytes) -> Difference:
    for path, one, other in _pairs("", msgspec.json.decode(left), msgspec.json.decode(right)):
        if one != other:
            return Difference(where, path, "value", f"{_shown(one)} here, {_shown(other)} there")
    return Difference(where, "", "bytes", "the same values are written otherwise")


def _pairs(path: str, one: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield every pair of values that are no objects, nor lists of the same length, by path."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted({*one, *other}):
            yield from _pairs(f"{path}.{key}".lstrip("."), one.get(key), other.get(key))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, pair in enumerate(zip(one, other, strict=True)):
            yield from _pairs(f"{path}[{place}]", *pair)
    else:
        yield path, one, other


def _shown(value: Any) -> str:
    return msgspec.json.encode(value).decode()[:200] if value is not None else "nothing"
