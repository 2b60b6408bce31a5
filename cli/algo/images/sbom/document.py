"""The JSON of CycloneDX 1.6, as far as we write it (https://cyclonedx.org/docs/1.6/json/)."""

from __future__ import annotations

import msgspec


class Hash(msgspec.Struct, frozen=True):
    """A digest, `content` in hex."""

    alg: str
    content: str


class License(msgspec.Struct, frozen=True, omit_defaults=True):
    """A licence by its SPDX id, or by a name that is none."""

    id: str = ""
    name: str = ""
    acknowledgement: str = ""


class LicenseChoice(msgspec.Struct, frozen=True, omit_defaults=True):
    """A licence, or an SPDX expression, which then stands alone."""

    license: License | None = None
    expression: str = ""
    acknowledgement: str = ""


class Property(msgspec.Struct, frozen=True):
    """A fact that the format has no place for."""

    name: str
    value: str


class ExternalReference(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something elsewhere; `type` as `vcs`, `website`, `distribution`."""

    type: str
    url: str
    comment: str = ""
    hashes: tuple[Hash, ...] = ()


class Component(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, rename="camel"):
    """A part of the image; `type` as `library`, `machine-learning-model`, `container`."""

    type: str
    name: str
    version: str = ""
    description: str = ""
    bom_ref: str = msgspec.field(name="bom-ref", default="")
    licenses: tuple[LicenseChoice, ...] = ()
    hashes: tuple[Hash, ...] = ()
    purl: str = ""
    external_references: tuple[ExternalReference, ...] = ()
    properties: tuple[Property, ...] = ()
    components: tuple[Component, ...] = ()


class Tools(msgspec.Struct, frozen=True):
    """What made the document."""

    components: tuple[Component, ...]


class Lifecycle(msgspec.Struct, frozen=True):
    """When the document was made: `build`."""

    phase: str


class Metadata(msgspec.Struct, frozen=True):
    """What the document is about."""

    timestamp: str
    lifecycles: tuple[Lifecycle, ...]
    tools: Tools
    component: Component


class Dependency(msgspec.Struct, frozen=True, rename="camel"):
    """What the component `ref` needs, by their `bom-ref`."""

    ref: str
    depends_on: tuple[str, ...]


class Bom(msgspec.Struct, frozen=True, rename="camel"):
    """A whole document."""

    bom_format: str
    spec_version: str
    serial_number: str
    version: int
    metadata: Metadata
    components: tuple[Component, ...]
    dependencies: tuple[Dependency, ...]


def encode(bom: Bom) -> bytes:
    """Return the bytes of `bom`, the same for the same content."""
    return msgspec.json.format(msgspec.json.encode(bom), indent=1) + b"\n"
