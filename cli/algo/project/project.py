"""Find a project and know its files."""

from __future__ import annotations

import difflib
import shlex
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from algo.project import algorithmia, declaration
from algo.project.errors import EntrypointMissing, ModelMissing, ProjectNotFound
from algo.project.manifest import FILE, Manifest
from algo.project.manifest import read as read_toml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


# What makes a folder a project; where both lie in it, the first is its manifest.
MANIFESTS = (FILE, algorithmia.FILE)
# How many folders are looked into for a project that may be meant: in a home there are many.
_MOST_FOLDERS = 500
_NAMED = 3


def manifest_in(folder: Path) -> Path | None:
    """Return the manifest of the project that `folder` is, None when it is none."""
    return next((folder / name for name in MANIFESTS if (folder / name).is_file()), None)


def root_above(folder: Path) -> Path | None:
    """Return the folder of the project that holds `folder`, None without one."""
    start = folder.resolve()
    return next((one for one in (start, *start.parents) if manifest_in(one)), None)


def projects_below(folder: Path) -> list[str]:
    """Return the projects in `folder` or in a folder of it, relative to it, sorted.

    Only the first folders are looked at, and no hidden ones.
    """
    near = _folders_in(folder)
    found = [one for one in near if _is_project(one)]
    if not found:
        inner = (below for one in near for below in _folders_in(one))
        found = [one for one in islice(inner, _MOST_FOLDERS) if _is_project(one)]
    return [one.relative_to(folder).as_posix() for one in found]


def _folders_in(folder: Path) -> list[Path]:
    with suppress(OSError):  # which we may not read
        inside = (one for one in folder.iterdir() if not one.name.startswith("."))
        return sorted(one for one in islice(inside, _MOST_FOLDERS) if one.is_dir())
    return []


def _is_project(folder: Path) -> bool:
    with suppress(OSError):
        return manifest_in(folder) is not None
    return False


def _meant(folder: Path, command: str) -> str | None:
    """Return the hint to name a project below `folder` in `command`, None without one."""
    found = projects_below(folder)
    if not found:
        return None
    others = [shlex.quote(one) for one in found[1:_NAMED]]
    more = f", or {' or '.join(others)}" if others else ""
    return f"{command.format(shlex.quote(found[0]))}{more}{', …' if len(found) > _NAMED else ''}"


def read(path: Path) -> Manifest:
    """Read the manifest at `path`, be it `algo.toml` or `algorithmia.conf`.

    Raises:
        AlgoError: It cannot be read.
    """
    return algorithmia.read(path) if path.name == algorithmia.FILE else read_toml(path)


@dataclass(frozen=True)
class Project:
    """A project folder with its parsed manifest."""

    root: Path
    manifest: Manifest

    @classmethod
    def open(cls, folder: Path) -> Project:
        """Open the project whose manifest lies in `folder`.

        Raises:
            ProjectNotFound: There is none, or its path is no UTF-8.
            ManifestInvalid: It cannot be read.
        """
        path = manifest_in(folder)
        if path is None:
            text = f"{folder} is not a project: it has no {' and no '.join(MANIFESTS)}"
            raise ProjectNotFound(text, hint=_meant(folder, "name a project in it: {}"))
        root = folder.resolve()
        try:
            str(root).encode()
        except UnicodeEncodeError as error:
            raise ProjectNotFound(
                f"the path of the project is not UTF-8: {root}",
                hint="rename the folder, so that every tool can say its name",
            ) from error
        return cls(root, read(path))

    @classmethod
    def find(cls, folder: Path) -> Project:
        """Open the project that holds `folder`: its manifest is there or in a folder above.

        Raises:
            ProjectNotFound: There is none up to the root.
            ManifestInvalid: It cannot be read.
        """
        root = root_above(folder)
        if root is None:
            text = f"no {' and no '.join(MANIFESTS)} in {folder} or in a folder above it"
            raise ProjectNotFound(text, hint=_meant(folder, "cd {}"))
        return cls.open(root)

    @property
    def name(self) -> str:
        """`owner/name`."""
        return self.manifest.algorithm.name

    @property
    def short_name(self) -> str:
        """The name without its owner."""
        return self.name.split("/", 1)[1]

    @cached_property
    def declared(self) -> Mapping[str, Any]:
        """The JSON Schemas of `schema.json`; old projects are not asked, it may be their own.

        Read when it is first wanted: the image and what is said beside it are of one reading.

        Raises:
            SchemaInvalid: It cannot be read.
        """
        old = self.manifest.algorithm.written_for
        return {} if old else declaration.read_declaration(self.root)

    @property
    def lock_path(self) -> Path:
        """Where `algo.lock` is or will be."""
        return self.root / "algo.lock"

    @property
    def entry_file(self) -> Path:
        """The file named by `entrypoint`."""
        return self.root / self.manifest.algorithm.entrypoint.partition(":")[0]

    def check_files(self, suffixes: Sequence[str] = ()) -> None:
        """Refuse a project that lacks its entry file or a model; fetched ones may be missing.

        Args:
            suffixes: How files of its language end, by default as the entry does: one that may be
                meant is named.

        Raises:
            EntrypointMissing: The entry file is not there.
            ModelMissing: A model is not there, or a folder without a file.
        """
        if not self.entry_file.is_file():
            entry = self.entry_file.relative_to(self.root)
            text = f"the entry file {entry} of {self.name} is not there"
            raise EntrypointMissing(text, hint=self._meant(suffixes or (self.entry_file.suffix,)))
        for name, path in self.manifest.model_paths.items():
            if name not in self.manifest.model_sources:
                self._check_model(name, path)

    def _meant(self, suffixes: Sequence[str]) -> str | None:
        """Return the hint that names the file most like the entry, None without one."""
        for folder in (self.entry_file.parent, self.root / "src", self.root):
            files = (path for path in folder.glob("*") if path.is_file())
            names = sorted(path.name for path in files if path.suffix in suffixes)
            if names:
                near = difflib.get_close_matches(self.entry_file.name, names, n=1, cutoff=0.0)[0]
                _, colon, function = self.manifest.algorithm.entrypoint.partition(":")
                place = (folder / near).relative_to(self.root).as_posix()
                return f'set entrypoint = "{place}{colon}{function}" in algo.toml'
        return None

    def _check_model(self, name: str, path: str) -> None:
        place = self.root / path
        if not place.exists():
            problem, hint = f"the model {name} is not at {path}", f"put the model at {path}"
        elif place.is_dir() and all(below.is_dir() for below in place.rglob("*")):
            problem, hint = f"the model {name} at {path} is an empty folder", f"put files in {path}"
        else:
            return
        train = (self.root / "train.py").is_file()
        raise ModelMissing(problem, hint="algo exec -- python train.py" if train else hint)
