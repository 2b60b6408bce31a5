"""SLSA provenance v1: how a version came to be (https://slsa.dev/provenance/v1)."""

from __future__ import annotations

import msgspec

from algo.oci.errors import BadDocument

BUILD = "https://algo.dev/publish/v1"
"""The `buildType`: what the parameters below mean (docs/formats.md)."""
COMMIT = "gitCommit"
SOURCE = "source"


class Material(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Something that a version was made from (SLSA's ResourceDescriptor)."""

    uri: str = ""
    digest: dict[str, str] = {}
    name: str = ""
    annotations: dict[str, bool | int | str] = {}


class SourceParameters(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Where the project's files come from."""

    repository: str = ""
    ref: str = ""
    folder: str = ""


class Parameters(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What was asked for; `source` is None where there was no git repository."""

    name: str
    version: str
    platforms: tuple[str, ...] = ()
    bump: str = ""
    allow_dirty: bool = False
    source: SourceParameters | None = None


class BuildDefinition(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What was built, from what."""

    build_type: str
    external_parameters: Parameters
    internal_parameters: dict[str, dict[str, str]] = {}
    resolved_dependencies: tuple[Material, ...] = ()


class Builder(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Who built: a kind of place, and the version of `algo` in it."""

    id: str
    version: dict[str, str] = {}


class Metadata(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Which run built, and when it was done."""

    invocation_id: str = ""
    finished_on: str = ""


class RunDetails(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Where and when it was built."""

    builder: Builder
    metadata: Metadata = Metadata()


class Provenance(msgspec.Struct, frozen=True, rename="camel"):
    """The predicate of the statement."""

    build_definition: BuildDefinition
    run_details: RunDetails

    @property
    def source(self) -> SourceParameters | None:
        """Where the files come from; None where there was no git repository."""
        return self.build_definition.external_parameters.source

    @property
    def commit(self) -> str:
        """The git commit, empty when there was none."""
        return self._checkout.digest.get(COMMIT, "")

    @property
    def dirty(self) -> bool:
        """Whether files were not as committed."""
        return bool(self._checkout.annotations.get("dirty"))

    @property
    def _checkout(self) -> Material:
        materials = self.build_definition.resolved_dependencies
        return next((item for item in materials if item.name == SOURCE), Material())


def encode_provenance(provenance: Provenance) -> bytes:
    """Return the predicate's bytes, the same for the same content."""
    return msgspec.json.encode(provenance, order="deterministic")


def read_provenance(predicate: bytes) -> Provenance:
    """Read the predicate that `algo publish` writes.

    Raises:
        BadDocument: It is another one.
    """
    try:
        found = msgspec.json.decode(predicate, type=Provenance)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise BadDocument(f"the provenance cannot be read: {error}") from error
    if found.build_definition.build_type != BUILD:
        raise BadDocument(f"the provenance is of {found.build_definition.build_type[:100]!r}")
    return found
