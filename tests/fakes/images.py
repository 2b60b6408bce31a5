"""A container engine that keeps images as the archives it was given."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import tarfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from algo.engines.errors import ImageMissing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from algo.languages.interface import Job


# Each build happens later than the one before, as in life.
_CLOCK = itertools.count(1_000_000_000)


def layer_tar(name: str, content: bytes) -> bytes:
    """Return the tar of a layer with one file."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        info.mtime = next(_CLOCK)
        archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


def diff_id(layer: bytes) -> str:
    """Return the diff id of an uncompressed layer."""
    return f"sha256:{hashlib.sha256(layer).hexdigest()}"


@dataclass(frozen=True)
class FakeBuild:
    """A finished build."""

    private: frozenset[str]
    began: int
    variables: frozenset[str] = frozenset({"SSL_CERT_FILE=/host"})


@dataclass
class FakeImageEngine:
    """Holds images by tag as lists of diff ids, as Docker does without their content.

    Args:
        insists: Refuse archives in which a layer is empty, as containerd's store does.
        private: Put a layer with the host's secrets below each built image.
        architecture: What it builds for, whatever it is asked for.
        today: What the distribution has besides: changes what is built.
    """

    insists: bool = False
    private: bool = False
    architecture: str = "amd64"
    today: bytes = b""
    images: dict[str, tuple[str, ...]] = field(default_factory=dict)
    layers: dict[str, bytes] = field(default_factory=dict)
    builds: list[Mapping[str, str]] = field(default_factory=list)
    copied: list[Mapping[str, bytes]] = field(default_factory=list)
    loaded: list[int] = field(default_factory=list)
    runs: list[list[str]] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    listed: int = 0
    digests: dict[str, str] = field(default_factory=dict)
    preludes: list[tuple[bytes, list[str]]] = field(default_factory=list)
    variables: tuple[str, ...] = ("PATH=/usr/bin",)

    def has(self, reference: str) -> bool:
        """Look in the table."""
        return reference in self.images

    def layers_of(self, repository: str) -> tuple[tuple[str, ...], ...]:
        """Take `*` for everything after it."""
        self.listed += ":" not in repository
        start = repository.partition("*")[0]
        return tuple(held for tag, held in self.images.items() if tag.startswith(start))

    def build(
        self,
        recipe: bytes,
        base: str,
        tag: str,
        arguments: Mapping[str, str],
        platform: str,
        log: Callable[[str], None],
        files: Mapping[str, bytes] | None = None,
    ) -> FakeBuild:
        """Make one layer of the base, one of the recipe, and perhaps one of secrets."""
        self.builds.append(dict(arguments))
        self.copied.append(dict(files or {}))
        log("Step 1/1 : FROM base")
        made = [layer_tar("base", base.encode()), layer_tar("recipe", recipe + self.today)]
        hidden = [layer_tar("secret", b"certificates")] if self.private else []
        made[1:1] = hidden
        self.layers |= {diff_id(layer): layer for layer in made}
        self.images[tag] = tuple(diff_id(layer) for layer in made)
        return FakeBuild(frozenset(diff_id(layer) for layer in hidden), 1)

    def digest_of(self, image: str, platform: str) -> str:
        """Look in the table of what registries have, else name it by its own name."""
        if image.startswith("missing"):
            raise ImageMissing(f"there is no {image}")
        return self.digests.get(image) or f"sha256:{hashlib.sha256(image.encode()).hexdigest()}"

    def build_on(
        self,
        recipe: Callable[[Mapping[str, str]], bytes],
        files: Mapping[str, tuple[Path | bytes, bool]],
        bases: Mapping[str, str],
        tag: str,
        platform: str,
        log: Callable[[str], None],
    ) -> FakeBuild:
        """Make one layer of the Dockerfile and all that it copies."""
        self.preludes.append((recipe(bases), sorted(files)))
        made = (layer_tar("prelude", recipe(bases)),)
        self.layers |= {diff_id(layer): layer for layer in made}
        self.images[tag] = tuple(diff_id(layer) for layer in made)
        return FakeBuild(frozenset(), 1)

    def export(self, reference: str) -> Iterator[bytes]:
        """Write the layers as `docker save` does."""
        held = self.images[reference]
        config = json.dumps(
            {
                "os": "linux",
                "architecture": self.architecture,
                "rootfs": {"diff_ids": held},
                "config": {"Env": list(self.variables), "Cmd": None},
            }
        ).encode()
        names = [f"{one[7:]}/layer.tar" for one in held]
        manifest = [{"Config": "c.json", "RepoTags": None, "Layers": names}]
        files = {"c.json": config, "manifest.json": json.dumps(manifest).encode()}
        files |= {name: self.layers[one] for name, one in zip(names, held, strict=True)}
        target = io.BytesIO()
        with tarfile.open(fileobj=target, mode="w") as archive:
            for name, content in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        yield target.getvalue()

    def load(self, archive: Iterable[bytes]) -> str:
        """Read config and layers; layers may be empty where the same ones are held below."""
        with tarfile.open(fileobj=io.BytesIO(b"".join(archive))) as opened:
            files = {
                member.name: found.read()
                for member in opened
                if (found := opened.extractfile(member)) is not None
            }
        (entry,) = json.loads(files["manifest.json"])
        wanted = tuple(json.loads(files[entry["Config"]])["rootfs"]["diff_ids"])
        empty = [place for place, name in enumerate(entry["Layers"]) if not files[name]]
        held = self.images.values()
        lacking = [p for p in empty if not any(one[: p + 1] == wanted[: p + 1] for one in held)]
        if lacking or (self.insists and empty):
            return "invalid diffID"
        self.loaded.append(len(wanted) - len(empty))
        self.images[entry["RepoTags"][0]] = wanted
        return ""

    def touch(self, reference: str) -> None:
        """Move the tag to the end."""
        self.images[reference] = self.images.pop(reference)

    def remove(self, reference: str) -> None:
        """Forget the tag."""
        self.images.pop(reference, None)

    def prune(self, repository: str, *, keep: int) -> None:
        """Forget the oldest tags."""
        for tag in [tag for tag in self.images if tag.startswith(f"{repository}:")][:-keep]:
            del self.images[tag]

    def run(self, reference: str, command: list[str], folder: Path, place: str) -> str:
        """Compile nothing, but leave a file for each package where compiled ones go."""
        self.runs.append(command)
        for name in command[command.index("-c") + 4 :]:
            package = folder / name
            made = (package if package.is_dir() else package.parent) / "__pycache__"
            made.mkdir(exist_ok=True)
            (made / f"{package.stem}.compiled.pyc").write_bytes(b"pyc")
        return ""

    def work(self, reference: str, job: Job) -> tuple[int, str]:
        """Keep the job, and leave its command in each folder that it may fill."""
        self.jobs.append(job)
        for mount in job.mounts:
            if mount.writable and mount.there.endswith(("/packages", "/program")):
                (mount.here / "made").write_text(" ".join(job.command))
        return 0, ""
