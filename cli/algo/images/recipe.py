"""What a runtime image is made from."""

from __future__ import annotations

import hashlib
import os
import re
from typing import TYPE_CHECKING

from algo.images.image import REPOSITORY
from algo.languages.errors import RuntimeInvalid
from algo.oci.descriptor import Platform
from algo.values import Value

if TYPE_CHECKING:
    from algo.images.prelude import Prelude
    from algo.languages.runtimes import Runtimes
    from algo.languages.spec import RuntimeSpec

_FORMAT = "2"
_SHORT = 16
_MACHINES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64"}
_FOREIGN = "Dockerfile.foreign"
# A language's Dockerfile copies single files beside it, if any.
_COPIED = re.compile(rb"(?m)^COPY ([^-\s]\S*) \S+$")


class RuntimeRecipe(Value, frozen=True):
    """Everything a runtime image is made from.

    Args:
        spec: The language's `runtime.toml`.
        dockerfile: The bytes of its Dockerfile.
        platform: `linux/amd64`.
        system_packages: The Debian packages that the project asks for.
        assembled: Whether the Dockerfile runs on this machine's processor alone and puts together
            a system for another one.
        base: The image to build on, where it is not that of `spec`.
        prelude: The project's own Dockerfile, whose image is built on then.
        pins: The digests of the images that the project chose, by `PLATFORM IMAGE`.
        files: What the Dockerfile copies, by its name beside it.
    """

    spec: RuntimeSpec
    dockerfile: bytes
    platform: str
    system_packages: tuple[str, ...] = ()
    assembled: bool = False
    base: str = ""
    prelude: Prelude | None = None
    pins: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[str, bytes], ...] = ()

    @property
    def chosen(self) -> tuple[str, ...]:
        """The images that the project chose to build on."""
        if self.prelude is not None:
            return self.prelude.bases
        return (self.base,) if self.base else ()

    @property
    def own_base(self) -> str:
        """A digest of what the project chose to build on, whatever image that is today."""
        if not self.chosen:
            return ""
        text = f"{self.base}\0{self.prelude.key if self.prelude else ''}"
        return hashlib.sha256(text.encode()).hexdigest()[:_SHORT]

    @property
    def asked(self) -> str:
        """What the project asks for besides the language's own recipe; empty for nothing."""
        base = [f"base:{self.own_base}"] if self.chosen else []
        return " ".join([*sorted(self.system_packages), *base])

    @property
    def key(self) -> str:
        """A digest over all of it, in hex."""
        parts = [_FORMAT, self.spec.language, self.spec.version, self.spec.base, self.platform]
        chosen = [self.base, self.prelude.key if self.prelude else ""] if self.chosen else []
        chosen += [f"{name}@{digest}" for name, digest in self.pins]
        text = "\0".join([*parts, *chosen, *sorted(self.system_packages), ""]).encode()
        copied = b"".join(b"\0%s\0%s" % (name.encode(), held) for name, held in self.files)
        return hashlib.sha256(text + self.dockerfile + copied).hexdigest()

    @property
    def tag(self) -> str:
        """What the engine calls the image while this process builds it."""
        return f"{REPOSITORY}/build/{self.spec.language}:{self.key[:12]}-{os.getpid()}"


def read_recipe(
    runtimes: Runtimes,
    language: str,
    platform: str,
    system_packages: tuple[str, ...],
    *,
    host: str = "",
    base: str = "",
    prelude: Prelude | None = None,
) -> RuntimeRecipe:
    """Return the recipe of `language`.

    Args:
        runtimes: The languages that are known.
        language: One of them.
        platform: What the runtime is for.
        system_packages: What the project asks for.
        host: The platform of this machine's containers, when it may be another one: then the
            recipe runs nothing of `platform`, where the language has such a one.
        base: The image to build on instead of the language's own.
        prelude: The project's Dockerfile, whose steps come first.

    Raises:
        RuntimeInvalid: The language has no runtime, or one that cannot be read.
    """
    spec, folder = runtimes.spec(language), runtimes.folder(language)
    foreign = folder / _FOREIGN
    chosen = bool(base or prelude)
    assembled = host not in ("", platform) and foreign.is_file() and not chosen
    file = foreign if assembled else folder / "Dockerfile"
    if not file.is_file():
        raise RuntimeInvalid(
            f"{language} has no {file.name}, so no image can be made for it",
            hint=f"write {language}/{file.name}, or pass --engine virtualenv",
        )
    text = file.read_bytes()
    names = sorted(_COPIED.findall(text))
    files = tuple((name.decode(), (folder / name.decode()).read_bytes()) for name in names)
    return RuntimeRecipe(
        spec, text, platform, system_packages, assembled, base, prelude, files=files
    )


def host_platform() -> Platform:
    """Return the platform of containers on this machine: Linux on its processor."""
    import platform

    machine = platform.machine()
    return Platform("linux", _MACHINES.get(machine, machine))
