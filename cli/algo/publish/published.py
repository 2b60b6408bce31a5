"""Published versions made ready to run: fetched, verified, loaded or unpacked."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from algo.engines.errors import EngineUnavailable
from algo.engines.interface import HostEnvironment, Image
from algo.errors import AlgoError
from algo.events import Note, silent
from algo.images.cache import Cache
from algo.images.config import LANGUAGE
from algo.images.image import LayerKind
from algo.images.load import Recent, ensure_loaded
from algo.oci import media_types
from algo.oci.manifest import ImageConfig, decode
from algo.oci.reference import Reference
from algo.oci.seal import holds, is_sealed_tree, seal_tree
from algo.project.lock import CONDA, RUNTIME, Lock
from algo.publish.consume import bring, examine
from algo.publish.contents import built_from, holds_files
from algo.publish.errors import NoSuchPlatform, NotOnHost
from algo.publish.kept import use
from algo.publish.unpack import read_description, unpack
from algo.publish.weights import judge
from algo.registry.errors import MEND_STORE, BlobCorrupted
from algo.serving.interface import Servable
from algo.storage.held import PROCESS
from algo.trust.verify import check_blobs
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from algo.environments.interface import PackageManager
    from algo.environments.interpreters import Interpreter
    from algo.events import Notify
    from algo.images.image import BuiltImage, Layer
    from algo.images.interface import ImageEngine
    from algo.languages.runtimes import Runtimes
    from algo.languages.spec import RuntimeSpec
    from algo.oci.descriptor import Platform
    from algo.publish.consume import Consuming, Examined
    from algo.resources import Folders


class PublishedVersions(Value, frozen=True):
    """Implements `serving.interface.Versions`.

    Args:
        tools: What versions are verified and fetched with.
        layout: Where the embedded store keeps the files of `owner/name`.
        engine: The container engine, None when none answers.
        packages: Installs packages of Python on the host.
        runtimes: The languages.
        folders: Unpacked versions lie in the cache.
        platform: What this machine runs.
        env: Where Pythons are searched.
    """

    tools: Consuming
    layout: Callable[[str], Path]
    engine: Callable[[], ImageEngine | None]
    packages: PackageManager
    runtimes: Runtimes
    folders: Folders
    platform: Platform
    env: Mapping[str, str]

    def prepare(self, reference: str, *, image: bool, notify: Notify) -> Servable:
        """See Versions.

        Raises:
            NoSuchPlatform: The version has no image for this machine.
            NotOnHost: Without a container: its lock does not cover this machine.
            AlgoError: As `publish.consume.pull`.
        """
        found, built = self._fetch(reference, notify)
        make = self._in_engine if image else self._on_host
        return make(found, built, notify)

    def image(self, reference: str, *, notify: Notify) -> tuple[BuiltImage, str]:
        """Return the image of a version for this machine, verified, its blobs here; and its tag.

        Raises:
            NoSuchPlatform: The version has no image for this machine.
            AlgoError: As `publish.consume.pull`.
        """
        found, built = self._fetch(reference, notify)
        check_blobs(found.repository, found.verified, notify=notify)
        return built, found.asked.version

    def _fetch(self, reference: str, notify: Notify) -> tuple[Examined, BuiltImage]:
        wanted = Reference.parse(reference)
        found = self._here(wanted, notify)
        if signer := found.verified.signer:
            who = signer.label or signer.key.short
            notify(Note(f"VERIFIED by {who}: {found.asked.name}@{found.asked.digest}"))
        chosen = found.verified.image(str(self.platform))
        if chosen is None:
            has = ", ".join(item.platform for item in found.verified.images)
            raise NoSuchPlatform(f"{reference} is for {has}, this machine runs {self.platform}")
        blobs = self.layout(found.asked.name) / "blobs" / "sha256"
        data = found.repository.manifest(chosen.digest)
        built = built_from(found.asked.name, self.platform, data, blobs)
        _check(built.layers[-1])
        if not self.tools.skip:
            rule = self.tools.accepted().rules.of(wanted.host, found.asked.name)
            judge(built.layers, rule, found.verified.release, reference, notify=notify)
        return found, built

    def _here(self, wanted: Reference, notify: Notify) -> Examined:
        """Return the version from the embedded store, pulled first when it is elsewhere."""
        local = Reference("", wanted.name, wanted.tag, wanted.digest)
        if not wanted.host or self._has(local):
            return examine(local, self.tools, notify=notify)
        found = examine(wanted, self.tools, notify=notify)
        local = Reference("", found.asked.name, "", found.asked.digest)
        if self._has(local) and self._is_whole(found):
            with suppress(AlgoError):  # of what is attached to it, something may be missing
                return examine(local, self.tools, notify=silent)
        bring(found, self.tools, read=False, notify=notify)
        # Verified a moment ago, and the store says again that the digests hold.
        return examine(local, self.tools, notify=silent)

    def _is_whole(self, found: Examined) -> bool:
        """Tell whether the store has each blob of a version that was verified elsewhere."""
        store, name = self.tools.open(""), found.asked.name
        parts = [d for i in found.verified.images for d in (i.manifest.config, *i.manifest.layers)]
        blobs = [*(part.value() for part in parts), *found.verified.documents.values()]
        return all(store.foresee(name, blob, b"") == "reused" for blob in blobs)

    def _has(self, local: Reference) -> bool:
        """Tell whether a version asked for by digest is here; a tag may lead elsewhere there."""
        store = self.tools.open("")
        return local.digest is not None and bool(store.resolve(local.repository, str(local.digest)))

    def _in_engine(self, found: Examined, built: BuiltImage, notify: Notify) -> Servable:
        engine = self.engine()
        if engine is None:
            raise EngineUnavailable("no container engine answers")
        recent = Recent(Cache.of(self.folders))
        # The engine knows the other layers by the digests of their content.
        check = partial(self._read, found, notify)
        reference = ensure_loaded(built, engine, recent=recent, check=check, notify=notify)
        digest = str(built.digest)
        description = read_description(built.layers[-1].blob)
        return Servable(found.asked.name, description, Image(reference, digest), None, digest)

    def _on_host(self, found: Examined, built: BuiltImage, notify: Notify) -> Servable:
        language = decode(built.config_bytes, ImageConfig).config.labels.get(LANGUAGE, "")
        spec, runtime = self.runtimes.spec(language), self.runtimes.folder(language)
        if not spec.built_in:
            return self._with_layers(found, built, spec, runtime, notify)
        from algo.environments.virtualenv import ensure_environment

        lock = self._lock(found)
        host = self._host(lock, found.asked.name)
        environment = ensure_environment(
            lock, host, self.packages, self.folders, tests=False, notify=notify
        )
        folder, description = self._unpacked(found, built, notify)
        artifact = HostEnvironment(runtime, environment.python)
        return Servable(found.asked.name, description, artifact, folder, str(built.digest))

    def _with_layers(
        self,
        found: Examined,
        built: BuiltImage,
        spec: RuntimeSpec,
        runtime: Path,
        notify: Notify,
    ) -> Servable:
        """Return what runs the image's own packages and program with this machine's interpreter.

        Raises:
            NotOnHost: This machine is none that they are for.
            ToolMissing: It lacks the interpreter.
        """
        from algo.environments.interpreters import this_interpreter
        from algo.images.tooling import unpacked
        from algo.languages.host import require, starter_of
        from algo.languages.versions import Programs

        here = this_interpreter().platform
        if here != str(built.platform):
            raise NotOnHost(
                f"{found.asked.name} has packages or a program for {built.platform}, and this "
                f"machine is {here}",
                hint="start Docker, and pass --engine docker",
            )
        require((starter_of(spec),), spec, Programs(self.env, Cache.of(self.folders)))
        folder, description = self._unpacked(found, built, notify)
        program_layers = {LayerKind.PACKAGES, LayerKind.PROGRAM}
        layers = [layer for layer in built.layers if layer.kind in program_layers]
        self._read(found, notify, layers)
        trees = {layer.kind: unpacked(layer, self.folders.cache) for layer in layers}
        packages, program = trees.get(LayerKind.PACKAGES), trees.get(LayerKind.PROGRAM)
        artifact = HostEnvironment(runtime, None, packages, program)
        return Servable(found.asked.name, description, artifact, folder, str(built.digest))

    def _read(self, found: Examined, notify: Notify, layers: Sequence[Layer]) -> None:
        """Read what is about to be used of a version, unless it is not to be verified.

        Raises:
            BlobCorrupted: A layer is not what its digest says.
            BlobMissing: It is not here.
        """
        if not self.tools.skip:
            only = {layer.descriptor.digest for layer in layers}
            check_blobs(found.repository, found.verified, only=only, notify=notify)

    def _lock(self, found: Examined) -> Lock:
        from algo.publish.lock_files import fetch_lock

        document = found.verified.documents.get(media_types.LOCK)
        if document is None:
            raise NotOnHost(f"{found.asked.name} was published without its lock")
        text = b"".join(found.repository.blob(document)).decode()
        return fetch_lock(
            text, found.repository, found.asked.digest, self.folders.cache / "conda" / "locks"
        )

    def _host(self, lock: Lock, name: str) -> Interpreter:
        """Return a Python of this machine that the lock holds packages for."""
        from algo.environments.interpreters import find_minor, probe, this_interpreter

        own = this_interpreter()
        minors = [
            target.python
            for target in sorted(lock.targets, key=lambda target: target.python != own.minor)
            if target.platform == own.platform and target.group == RUNTIME
        ]
        if CONDA in minors:
            return own  # the environment brings its own
        for minor in minors:
            path = find_minor(minor, self.env)
            found = probe(path, self.env) if path else None
            if found is not None:
                return replace(found, path=own.path) if path == own.path else found
        covered = ", ".join(sorted({str(target) for target in lock.targets}))
        raise NotOnHost(f"no Python of this machine is one that {name} was locked for: {covered}")

    def _unpacked(self, found: Examined, built: BuiltImage, notify: Notify) -> tuple[Path, bytes]:
        """Return the folder of a version's files, of layers that were read; and its description."""
        home = self.folders.cache / "versions"
        place = home / built.digest.hex
        use(place, PROCESS)
        description = read_description(built.layers[-1].blob)
        if is_sealed_tree(place):
            return place, description
        layers = [layer for layer in built.layers if holds_files(layer)]
        self._read(found, notify, layers)
        scratch = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=home))
        try:
            unpack([layer.blob for layer in layers], scratch / "app")
            seal_tree(scratch / "app")
            if place.is_dir():
                place.replace(scratch / "changed")
            (scratch / "app").replace(place)
        except OSError:
            if not is_sealed_tree(place):
                raise
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        return place, description


def _check(layer: Layer) -> None:
    """Refuse a layer that is not what its digest says: its description is read in any case.

    Raises:
        BlobCorrupted: It is not.
    """
    descriptor = layer.descriptor
    if not holds(layer.blob, descriptor.digest, descriptor.size):
        where = "the embedded store"
        raise BlobCorrupted.of(
            descriptor.digest, where, "it was changed, cut short or removed", MEND_STORE
        )
