"""The bill of materials as it is signed with every version: all parts, in few bytes.

It names what the whole document names: each component with its version, package URL, hash and
licence, and what needs what. Descriptions, addresses, the hashes of files for other platforms and
the long lists of licences of Debian's packages are left to the whole (`algo build --sbom`).
"""

from __future__ import annotations

import msgspec

from algo.images.sbom.document import Bom, Component, Dependency

# Each package's copyright file names dozens: they are half of the whole document.
_SYSTEM = "pkg:deb/"


def brief(document: bytes) -> bytes:
    """Return the short form of a document that `sbom` wrote."""
    bom = msgspec.json.decode(document, type=Bom)
    refs = {ref: str(number) for number, ref in enumerate(_references(bom))}
    short = msgspec.structs.replace(
        bom,
        metadata=msgspec.structs.replace(
            bom.metadata, component=_shortened(bom.metadata.component, refs)
        ),
        components=tuple(_shortened(one, refs) for one in bom.components),
        dependencies=tuple(
            Dependency(refs[one.ref], tuple(refs[ref] for ref in one.depends_on))
            for one in bom.dependencies
        ),
    )
    return msgspec.json.encode(short)


def _references(bom: Bom) -> list[str]:
    """Return every reference of a document once, in one order."""
    found = [bom.metadata.component.bom_ref]
    ahead = list(reversed(bom.components))
    while ahead:
        one = ahead.pop()
        found.append(one.bom_ref)
        ahead += reversed(one.components)
    return [ref for ref in dict.fromkeys(found) if ref]


def _shortened(component: Component, refs: dict[str, str]) -> Component:
    return msgspec.structs.replace(
        component,
        description="",
        bom_ref=refs.get(component.bom_ref, ""),
        licenses=() if component.purl.startswith(_SYSTEM) else component.licenses,
        external_references=(),
        properties=(),
        components=tuple(_shortened(one, refs) for one in component.components),
    )
