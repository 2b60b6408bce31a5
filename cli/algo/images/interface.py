"""What assembling an image needs from the outside, in our own types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from algo.events import Notify
    from algo.images.recipe import RuntimeRecipe
    from algo.images.runtime import RuntimeImage
    from algo.languages.interface import Bench, Job
    from algo.oci.descriptor import Descriptor
    from algo.project.lock import Pin, Target
    from algo.project.project import Project


class PackageInstaller(Protocol):
    """Installs locked packages for an image."""

    def read(self, path: Path) -> tuple[Pin, ...]:
        """Return the packages that a file of hashed requirements names."""
        ...

    def install(
        self,
        pins: Sequence[Pin],
        target: Target,
        folder: Path,
        *,
        project: Project | None = None,
        place: str = "",
    ) -> None:
        """Install `pins` for `target` into `folder`, the same tree on every machine.

        The files of `project` may name the indexes that have them; in the image the tree lies at
        `place`.
        """
        ...


class ToolInstaller(Protocol):
    """Installs what a language's own tool has locked."""

    def install(
        self, origin: Path, platform: str, folder: Path, bench: Bench, *, notify: Notify
    ) -> None:
        """Fill `folder` with what the lock in the folder `origin` says, for `platform`."""
        ...


class Moved(Protocol):
    """How a blob came to be in a store: `reused`, `mounted` or `sent`, and the bytes it took."""

    @property
    def how(self) -> str:
        """One of the three words."""
        ...

    @property
    def bytes_sent(self) -> int:
        """The bytes that were written."""
        ...


class ImageStore(Protocol):
    """Where images lie by digest; a registry is one."""

    def push_blob(
        self,
        repository: str,
        descriptor: Descriptor,
        source: Path | bytes | Callable[[], Iterator[bytes]],
        *,
        notify: Notify,
    ) -> Moved:
        """Bring a blob into `repository`, if it is not there."""
        ...

    def push_manifest(self, repository: str, data: bytes, media_type: str) -> Descriptor:
        """Write a manifest by its digest."""
        ...


class Built(Protocol):
    """What must be known of a build to make its layers the same everywhere."""

    @property
    def private(self) -> frozenset[str]:
        """The layers that hold something of this machine and must not leave it."""
        ...

    @property
    def variables(self) -> frozenset[str]:
        """The variables, each `NAME=value`, that belong to this machine and must not leave it."""
        ...

    @property
    def began(self) -> int:
        """Seconds since 1970; files with a later time were made by the build itself."""
        ...


class ImageEngine(Protocol):
    """A container engine, as far as images are concerned. Layers are named by diff id."""

    def has(self, reference: str) -> bool:
        """Tell whether the engine holds the image called `reference`."""
        ...

    def layers_of(self, repository: str) -> tuple[tuple[str, ...], ...]:
        """Return the layers, from the bottom up, of each image in `repository`.

        `*` stands for any name between two slashes. Of a name with a tag it is that image alone.
        """
        ...

    def build(
        self,
        recipe: bytes,
        base: str,
        tag: str,
        arguments: Mapping[str, str],
        platform: str,
        log: Callable[[str], None],
        files: Mapping[str, bytes] | None = None,
    ) -> Built:
        """Build the Dockerfile `recipe`, which copies `files`, on `base`, anew, and call it `tag`.

        Raises:
            ImageBuildFailed: The engine could not; its last lines are the details.
        """
        ...

    def digest_of(self, image: str, platform: str) -> str:
        """Return the digest of `image` in its registry, its id where it is in none; fetched first.

        Raises:
            ImageMissing: Neither the engine nor the registry has it.
        """
        ...

    def build_on(
        self,
        recipe: Callable[[Mapping[str, str]], bytes],
        files: Mapping[str, tuple[Path | bytes, bool]],
        bases: Mapping[str, str],
        tag: str,
        platform: str,
        log: Callable[[str], None],
    ) -> Built:
        """Build somebody's Dockerfile with BuildKit and call the image `tag`.

        Args:
            recipe: Gives the Dockerfile, told what to take in place of each of `bases`.
            files: What it copies, by path: where it is, and whether it can be executed.
            bases: The images that it begins with, and where to take each from.
            tag: What to call the result.
            platform: `linux/amd64`.
            log: Gets each line of the build.

        Raises:
            ImageBuildFailed: The engine could not; its last lines are the details.
        """
        ...

    def export(self, reference: str) -> Iterator[bytes]:
        """Return the image as the stream of a docker archive."""
        ...

    def load(self, archive: Iterable[bytes]) -> str:
        """Load a docker archive; return why the engine refused it, empty when it did not."""
        ...

    def touch(self, reference: str) -> None:
        """Note that the image was wanted now; `prune` goes by that."""
        ...

    def remove(self, reference: str) -> None:
        """Forget the name `reference`, and the image when nothing else needs it."""
        ...

    def prune(self, repository: str, *, keep: int) -> None:
        """Remove the images of `repository` but the `keep` wanted last and those in use."""
        ...

    def run(self, reference: str, command: list[str], folder: Path, place: str) -> str:
        """Run `command` once with `folder` writable at `place` and no network.

        Returns:
            Why it failed, empty when it did not.
        """
        ...

    def work(self, reference: str, job: Job) -> tuple[int, str]:
        """Run `job` in a container of `reference`; return its exit code and what it said."""
        ...


class PublishedRuntimes(Protocol):
    """Where runtime images are that others made."""

    def find(
        self, project: Project, recipe: RuntimeRecipe, digest: str, *, notify: Notify
    ) -> RuntimeImage | None:
        """Return the runtime image of `digest`, in the cache, None where nobody has it."""
        ...
