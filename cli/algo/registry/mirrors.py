"""Mirrors: what is named by its digest comes from the first place that has it.

A mirror is never believed: content is compared with its digest before any of it is used, and what
a tag stands for is the registry's own word as long as it answers.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, TypeVar

import msgspec

from algo.errors import AlgoError
from algo.events import Warned
from algo.registry.documents import digest_in
from algo.registry.errors import BadMirrors, NotFound, RegistryUnreachable
from algo.registry.transport import Patience
from algo.values import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from algo.events import Notify
    from algo.oci.descriptor import Descriptor
    from algo.oci.digest import Digest
    from algo.registry.http import HttpRegistry
    from algo.registry.interface import How, Source, Transfer

# There is another place to ask.
MIRROR_PATIENCE = Patience(attempts=2)
MIRRORS = "ALGO_REGISTRY_MIRRORS"
FILE = "registries.toml"
_T = TypeVar("_T")


class _File(msgspec.Struct, forbid_unknown_fields=True):
    mirrors: dict[str, list[str]] = {}


def mirrors_of(host: str, env: Mapping[str, str], config: Path) -> tuple[str, ...]:
    """Return the mirrors of a registry, each `host[:port][/prefix]`.

    Args:
        host: The registry.
        env: `ALGO_REGISTRY_MIRRORS` is `HOST=MIRROR`, several separated by commas; what it says
            of a host counts in place of the file.
        config: The folder of `registries.toml`: `[mirrors]`, and a list for each host.

    Raises:
        BadMirrors: Either is not of this form.
    """
    named: dict[str, list[str]] = {}
    for entry in filter(None, (part.strip() for part in env.get(MIRRORS, "").split(","))):
        key, equals, mirror = entry.partition("=")
        if not equals or not _is_place(mirror.strip()):
            raise BadMirrors(
                f"{MIRRORS} has {entry!r}", hint=f"export {MIRRORS}=HOST=MIRROR,HOST=MIRROR"
            )
        named.setdefault(key.strip(), []).append(mirror.strip())
    if host in named:
        return tuple(named[host])
    path = config / FILE
    try:
        found = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File)
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as error:
        raise BadMirrors(f"{path} cannot be read: {error}") from error
    wrong = [one for places in found.mirrors.values() for one in places if not _is_place(one)]
    if wrong:
        raise BadMirrors(f"{path} names the mirror {wrong[0]!r}, which is no HOST[:PORT][/PREFIX]")
    return tuple(found.mirrors.get(host, ()))


def _is_place(text: str) -> bool:
    return bool(text) and "://" not in text and not text.startswith("/") and " " not in text


class Mirror(Record):
    """A mirror, and what it puts before the names of repositories; `down` after it failed."""

    registry: HttpRegistry
    prefix: str = ""
    down: bool = False

    def name(self, repository: str) -> str:
        """Return what the mirror calls a repository."""
        return f"{self.prefix}/{repository}" if self.prefix else repository


class MirroredRegistry:
    """A registry that is read through its mirrors, and written itself.

    Args:
        origin: The registry.
        mirrors: In the order in which they are asked.
        notify: Is warned of a mirror that gives what it should not.
    """

    def __init__(self, origin: HttpRegistry, mirrors: Sequence[Mirror], notify: Notify) -> None:
        self._origin = origin
        self._mirrors = mirrors
        self._notify = notify
        self._origin_down = False

    @property
    def address(self) -> str:
        """The `host[:port]` of the registry itself."""
        return self._origin.address

    def interrupt(self) -> None:
        """See Interruptible."""
        for registry in (self._origin, *(mirror.registry for mirror in self._mirrors)):
            registry.interrupt()

    def resolve(self, repository: str, tag_or_digest: str) -> Descriptor | None:
        """See Registry."""

        def ask(registry: HttpRegistry, name: str) -> Descriptor | None:
            return registry.resolve(name, tag_or_digest)

        if digest_in(tag_or_digest) is None:
            return self._by_name(repository, ask)
        return self._by_digest(repository, ask) or ask(self._origin, repository)

    def get_manifest(self, repository: str, tag_or_digest: str) -> tuple[bytes, Descriptor]:
        """See Registry."""

        def ask(registry: HttpRegistry, name: str) -> tuple[bytes, Descriptor]:
            return registry.get_manifest(name, tag_or_digest)

        if digest_in(tag_or_digest) is None:
            return self._by_name(repository, ask)
        return self._by_digest(repository, ask) or ask(self._origin, repository)

    def has_blob(self, repository: str, digest: Digest) -> bool:
        """See Registry."""
        return self._origin.has_blob(repository, digest)

    def open_blob(self, repository: str, descriptor: Descriptor) -> Iterator[bytes]:
        """See Registry."""

        def fetch(registry: HttpRegistry, name: str) -> Iterator[bytes] | None:
            return registry.fetch_blob(name, descriptor)

        found = self._by_digest(repository, fetch)
        return found if found is not None else self._origin.open_blob(repository, descriptor)

    def push_blob(
        self,
        repository: str,
        descriptor: Descriptor,
        source: Source,
        *,
        mount_from: str = "",
        notify: Notify,
    ) -> Transfer:
        """See Registry."""
        return self._origin.push_blob(
            repository, descriptor, source, mount_from=mount_from, notify=notify
        )

    def foresee(
        self, repository: str, descriptor: Descriptor, source: Source, *, mount_from: str = ""
    ) -> How:
        """See Registry."""
        return self._origin.foresee(repository, descriptor, source, mount_from=mount_from)

    def push_manifest(
        self, repository: str, data: bytes, media_type: str, *, tag: str = ""
    ) -> Descriptor:
        """See Registry."""
        return self._origin.push_manifest(repository, data, media_type, tag=tag)

    def attach(self, repository: str, manifests: Sequence[bytes]) -> None:
        """See Registry."""
        self._origin.attach(repository, manifests)

    def tag(self, repository: str, tag: str, data: bytes, media_type: str) -> Descriptor:
        """See Registry."""
        return self._origin.tag(repository, tag, data, media_type)

    def tags(self, repository: str) -> list[str]:
        """See Registry."""
        return self._by_name(repository, lambda registry, name: registry.tags(name))

    def names(self) -> list[str]:
        """See Registry: its catalogue is long, and seldom for everybody."""
        return []

    def referrers(self, repository: str, subject: Digest) -> list[Descriptor]:
        """See Registry."""
        return self._by_name(repository, lambda registry, name: registry.referrers(name, subject))

    def _by_digest(
        self, repository: str, ask: Callable[[HttpRegistry, str], _T | None]
    ) -> _T | None:
        """Return the first mirror's answer, `None` when none has one."""
        for mirror in self._mirrors:
            if mirror.down:
                continue
            try:
                found = ask(mirror.registry, mirror.name(repository))
            except NotFound:
                continue
            except AlgoError as error:
                self._leave(mirror, error)
            else:
                if found is not None:
                    return found
        return None

    def _by_name(self, repository: str, ask: Callable[[HttpRegistry, str], _T]) -> _T:
        """Return the registry's own answer; where it is out of reach, the first mirror's."""
        failure: RegistryUnreachable | None = None
        if not self._origin_down:
            try:
                return ask(self._origin, repository)
            except RegistryUnreachable as error:
                failure = error
        for mirror in self._mirrors:
            if mirror.down:
                continue
            try:
                found = ask(mirror.registry, mirror.name(repository))
            except NotFound:
                raise
            except AlgoError as error:
                self._leave(mirror, error)
                continue
            if failure is not None:
                address = mirror.registry.address
                self._notify(Warned(f"{self.address} does not answer: asking {address}"))
            self._origin_down = True
            return found
        if failure is None:
            return ask(self._origin, repository)
        raise failure

    def _leave(self, mirror: Mirror, error: AlgoError) -> None:
        """Ask a mirror no more, and say why."""
        mirror.down = True
        address = mirror.registry.address
        self._notify(Warned(f"the mirror {address} is not used: {error.message}"))
