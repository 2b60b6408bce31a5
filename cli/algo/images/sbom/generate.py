"""Write the bill of materials of an image: the same image, the same bytes."""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from algo import __version__
from algo.images.image import LayerKind
from algo.images.sbom import document as cyclonedx
from algo.images.sbom.conda import conda_packages
from algo.images.sbom.contents import read_contents
from algo.images.sbom.debian import debian_packages, system_of
from algo.images.sbom.document import Component, ExternalReference, Hash, Property
from algo.images.sbom.python import needs, python_packages
from algo.images.sbom.tools import tool_package, tool_ref
from algo.oci.manifest import ImageConfig, decode
from algo.project.lock import CONDA, PIP
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from algo.images.cache import Cache
    from algo.images.image import BuiltImage, Layer
    from algo.images.sbom.conda import CondaPackage
    from algo.images.sbom.contents import Contents, ModelFile
    from algo.images.sbom.debian import DebianPackage, System
    from algo.images.sbom.python import PythonPackage
    from algo.project.lock import Pin

PREDICATE_TYPE = "https://cyclonedx.org/bom"
MEDIA_TYPE = "application/vnd.cyclonedx+json"
_SPACE = uuid.UUID("6d5f3c1e-4b52-5c7e-9a40-1f0c2b9e7d11")
_LABEL = "org.opencontainers.image."
_LOCKED = "the files of this version that algo.lock allows"


def sbom(
    image: BuiltImage,
    pins: Iterable[Pin] = (),
    *,
    version: str = "",
    purl: str = "",
    cache: Cache | None = None,
) -> bytes:
    """Return the CycloneDX 1.6 document of everything in `image`.

    It has each Python package, each Debian package, each model, the gateway and the runner, from
    what the layers hold, and the packages of other languages from what the lock says; nothing in
    it depends on the machine or the day.

    Args:
        image: The image; its blobs are read.
        pins: What the lock names for it: gives the hashes of the files that were locked.
        version: The version that it is published as; an image does not know its own.
        purl: The type of the package URLs of what other languages' tools locked.
        cache: Remembers what the layers below the code hold, which takes seconds to read.
    """
    config = decode(image.config_bytes, ImageConfig)
    known = _known(image, {(pin.name, pin.version): pin for pin in pins}, purl, cache)
    root = _container(image, config.config.labels, version)
    code = (_program(image, layer) for layer in image.layers if layer.kind is LayerKind.CODE)
    components = sorted((*known.components, *code), key=lambda one: one.bom_ref)
    serial = uuid.uuid5(_SPACE, f"{image.digest} {version} {__version__}")
    tool = Component(type="application", name="algo", version=__version__)
    return cyclonedx.encode(
        cyclonedx.Bom(
            bom_format="CycloneDX",
            spec_version="1.6",
            serial_number=f"urn:uuid:{serial}",
            version=1,
            metadata=cyclonedx.Metadata(
                timestamp=config.created,
                lifecycles=(cyclonedx.Lifecycle("build"),),
                tools=cyclonedx.Tools((tool,)),
                component=root,
            ),
            components=tuple(components),
            dependencies=tuple(_dependencies(root, components, known.edges)),
        )
    )


class _Known(msgspec.Struct, frozen=True):
    """The components of an image but its code, and which needs which."""

    components: tuple[Component, ...]
    edges: tuple[tuple[str, str], ...]


def _known(
    image: BuiltImage, pins: dict[tuple[str, str], Pin], purl: str, cache: Cache | None
) -> _Known:
    """Return what `image` holds, from the cache where only its code is another one."""
    code = [layer for layer in image.layers if layer.kind is LayerKind.CODE]
    # Code that brings packages of its own is read with everything else.
    counts = (
        image.layers
        if read_contents(code).files
        else [layer for layer in image.layers if layer not in code]
    )
    digests = [str(layer.descriptor.digest) for layer in counts]
    names = [image.name, str(image.platform), __version__, purl, *digests]
    key = "\n".join([*names, *(f"{pin}" for _, pin in sorted(pins.items()))])
    known = cache.recall("sbom", key, _Known) if cache else None
    if known is None:
        parts = _Parts(image, read_contents(image.layers), pins, purl)
        known = _Known(tuple(parts.all()), tuple(parts.edges()))
        if cache:
            cache.remember("sbom", key, known)
    return known


class _Parts(Value, frozen=True):
    """The components of an image and what they need of each other."""

    image: BuiltImage
    contents: Contents
    pins: dict[tuple[str, str], Pin]
    purl: str

    @property
    def tools(self) -> list[Pin]:
        """What other languages' tools locked."""
        return [pin for _, pin in sorted(self.pins.items()) if pin.kind not in (PIP, CONDA)]

    def all(self) -> Iterator[Component]:
        """Yield every component."""
        system = system_of(self.contents)
        if system is not None:
            yield Component(
                type="operating-system",
                name=system.id,
                version=system.version,
                bom_ref=f"system/{system.id}",
            )
            for found in debian_packages(self.contents):
                yield _debian(found, system)
        for package in python_packages(self.contents):
            yield _python(package, self.pins.get((package.name, package.version)))
        for conda in conda_packages(self.contents):
            pin = self.pins.get((conda.record.name, conda.record.version))
            yield _conda(conda, pin.source if pin is not None and pin.kind == CONDA else "")
        yield from (tool_package(pin, self.purl) for pin in self.tools)
        for name, files in self.contents.models.items():
            yield _model(name, files)
        yield from (_program(self.image, layer) for layer in self.image.layers if _named(layer))

    def edges(self) -> Iterator[tuple[str, str]]:
        """Yield which component needs which, by their references."""
        system = system_of(self.contents)
        if system is not None:
            yield from _debian_edges(debian_packages(self.contents))
        packages = python_packages(self.contents)
        there = {(one.kind, one.name): _python_ref(one) for one in packages}
        for package in packages:
            for name in needs(package, self.contents.python or _PYTHON, self.image.platform):
                if (package.kind, name) in there:
                    yield _python_ref(package), there[package.kind, name]
            if package.kind in _USERS:
                yield str(_USERS[package.kind]), _python_ref(package)
        environment = {one.record.name: one for one in conda_packages(self.contents)}
        for conda in environment.values():
            yield str(LayerKind.CODE), conda.ref
            needed = (environment[name] for name in conda.needs if name in environment)
            yield from ((conda.ref, one.ref) for one in needed)
        yield from ((str(LayerKind.CODE), tool_ref(pin)) for pin in self.tools)
        yield from ((str(LayerKind.CODE), f"model/{name}") for name in self.contents.models)


# Of an image whose own Python cannot be told.
_PYTHON = "3.13"
_USERS = {LayerKind.GATEWAY: LayerKind.GATEWAY, LayerKind.PACKAGES: LayerKind.CODE}


def _named(layer: Layer) -> bool:
    return layer.kind in {LayerKind.GATEWAY, LayerKind.RUNNER}


def _program(image: BuiltImage, layer: Layer) -> Component:
    """Return our part of an image, or the algorithm's own code."""
    return Component(
        type="application",
        name=image.name if layer.kind is LayerKind.CODE else f"algo-{layer.kind}",
        bom_ref=str(layer.kind),
        properties=(Property("algo:layer", str(layer.descriptor.digest)),),
    )


def _container(image: BuiltImage, labels: dict[str, str], version: str) -> Component:
    name = image.name.rpartition("/")[2]
    where = quote(str(image.digest), safe="")
    licenses = labels.get(f"{_LABEL}licenses", "")
    source = labels.get(f"{_LABEL}source", "")
    described = cyclonedx.License(name=licenses, acknowledgement="declared")
    return Component(
        type="container",
        name=image.name,
        version=version or str(image.digest),
        description=labels.get(f"{_LABEL}description", ""),
        bom_ref="image",
        licenses=(cyclonedx.LicenseChoice(license=described),) if licenses else (),
        hashes=(Hash("SHA-256", image.digest.hex),),
        purl=f"pkg:oci/{name}@{where}?arch={image.platform.architecture}",
        external_references=(ExternalReference("vcs", source),) if source else (),
        properties=(Property("algo:platform", str(image.platform)),),
    )


def _python_ref(package: PythonPackage) -> str:
    return f"{package.kind}/{package.name}@{package.version}"


def _python(package: PythonPackage, pin: Pin | None) -> Component:
    references = []
    if package.homepage:
        references.append(ExternalReference("website", package.homepage))
    if pin is not None and pin.kind != CONDA:
        locked = tuple(Hash("SHA-256", one.partition(":")[2]) for one in pin.hashes)
        references.append(ExternalReference("distribution", package.purl, _LOCKED, locked))
    return Component(
        type="library",
        name=package.name,
        version=package.version,
        description=package.summary,
        bom_ref=_python_ref(package),
        licenses=package.licenses,
        hashes=(Hash("SHA-256", package.record),) if package.record else (),
        purl=package.purl,
        external_references=tuple(references),
        properties=(Property("algo:layer-kind", str(package.kind)),),
    )


def _conda(package: CondaPackage, channel: str) -> Component:
    found = package.record
    licenses = (cyclonedx.LicenseChoice(license=cyclonedx.License(name=found.license)),)
    return Component(
        type="library",
        name=found.name,
        version=found.version,
        bom_ref=package.ref,
        licenses=licenses if found.license else (),
        hashes=(Hash("SHA-256", found.sha256),) if found.sha256 else (),
        purl=package.purl(channel),
        properties=(Property("algo:layer-kind", str(LayerKind.PACKAGES)),),
    )


def _debian_ref(package: DebianPackage) -> str:
    return f"system/{package.name}@{package.version}:{package.architecture}"


def _debian(package: DebianPackage, system: System) -> Component:
    return Component(
        type="library",
        name=package.name,
        version=package.version,
        description=package.summary,
        bom_ref=_debian_ref(package),
        licenses=package.licenses,
        purl=package.purl(system),
        properties=(Property("algo:debian-source", package.source),),
    )


def _debian_edges(packages: Sequence[DebianPackage]) -> Iterator[tuple[str, str]]:
    there: dict[str, str] = {}
    for package in packages:
        for name in package.provides:
            there.setdefault(name, _debian_ref(package))
    there |= {package.name: _debian_ref(package) for package in packages}
    for package in packages:
        for choice in package.needs:
            found = next((there[name] for name in choice if name in there), None)
            if found is not None:
                yield _debian_ref(package), found


def _model(name: str, files: Sequence[ModelFile]) -> Component:
    """Return a model; of several files the hash is that over their hashes, in order of path."""
    digest = files[0].sha256
    if len(files) > 1:
        joined = b"".join(bytes.fromhex(one.sha256) for one in files)
        digest = hashlib.sha256(joined).hexdigest()
    parts = tuple(
        Component(
            type="file",
            name=f"/{one.path}",
            bom_ref=f"model/{name}/{one.path}",
            hashes=(Hash("SHA-256", one.sha256),),
            properties=(Property("algo:size", str(one.size)),),
        )
        for one in files
    )
    return Component(
        type="machine-learning-model",
        name=name,
        bom_ref=f"model/{name}",
        hashes=(Hash("SHA-256", digest),),
        properties=(Property("algo:size", str(sum(one.size for one in files))),),
        components=parts,
    )


def _dependencies(
    root: Component, components: Sequence[Component], edges: Iterable[tuple[str, str]]
) -> Iterator[cyclonedx.Dependency]:
    """Yield what each component needs; the image needs what nothing else in it does."""
    wanted: dict[str, set[str]] = {one.bom_ref: set() for one in components}
    for ref, needed in edges:
        if ref != needed and ref in wanted:
            wanted[ref].add(needed)
    yield cyclonedx.Dependency(root.bom_ref, tuple(sorted(_tops(wanted))))
    for ref in sorted(wanted):
        yield cyclonedx.Dependency(ref, tuple(sorted(wanted[ref])))


def _tops(wanted: dict[str, set[str]]) -> Iterator[str]:
    """Yield what no other needs, and one of each circle that would be left out so."""
    below = {one for found in wanted.values() for one in found}
    reached: set[str] = set()
    for ref in (*sorted(set(wanted) - below), *sorted(below)):
        if ref not in reached:
            yield ref
            ahead = [ref]
            while ahead:
                one = ahead.pop()
                ahead += wanted[one] - reached
                reached |= wanted[one] | {one}
