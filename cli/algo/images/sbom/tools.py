"""Packages that another language's tool locked, as the lock tells of them."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING
from urllib.parse import quote

from algo.images.image import LayerKind
from algo.images.sbom.document import Component, Hash, LicenseChoice, Property

if TYPE_CHECKING:
    from collections.abc import Iterator

    from algo.project.lock import Pin

_HASHES = {"sha1": "SHA-1", "sha256": "SHA-256", "sha384": "SHA-384", "sha512": "SHA-512"}


def tool_ref(pin: Pin) -> str:
    """Return what the document calls it."""
    return f"{pin.kind}/{pin.name}@{pin.version}"


def tool_package(pin: Pin, purl: str) -> Component:
    """Return the component of `pin`; `purl` is the type of its package URL."""
    said = LicenseChoice(expression=pin.license, acknowledgement="declared")
    # `@scope/name`, `group:artifact` and `host/path` are a namespace and a name.
    path = quote(pin.name.replace(":", "/"), safe="/")
    return Component(
        type="library",
        name=pin.name,
        version=pin.version,
        bom_ref=tool_ref(pin),
        licenses=(said,) if pin.license else (),
        hashes=tuple(_hashes(pin)),
        purl=f"pkg:{purl}/{path}@{quote(pin.version, safe='')}" if purl else "",
        properties=(Property("algo:layer-kind", str(LayerKind.PACKAGES)),),
    )


def _hashes(pin: Pin) -> Iterator[Hash]:
    for text in pin.hashes:
        kind, colon, digest = text.partition(":")
        if colon and kind in _HASHES:
            yield Hash(_HASHES[kind], digest)
            continue
        kind, _, encoded = text.partition("-")
        if kind in _HASHES:
            try:
                yield Hash(_HASHES[kind], base64.b64decode(encoded, validate=True).hex())
            except binascii.Error:
                continue
