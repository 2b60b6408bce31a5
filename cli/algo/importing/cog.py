"""A project of Cog becomes one of algo: its code runs as it is, beside a `cog` module of ours."""

from __future__ import annotations

import ast
import re
import shlex
from typing import TYPE_CHECKING, Any

import msgspec

from algo.importing import literals, requirements, yaml_file
from algo.importing.errors import SourceInvalid, SourceUnsupported
from algo.importing.interface import Copied, Draft
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from algo.importing.interface import Ask

FILE = "cog.yaml"
# What is of the machine and not of the project.
_LEFT = {
    *(".cog", ".git", ".hg", ".idea", ".ipynb_checkpoints", ".mypy_cache", ".pytest_cache"),
    *(".ruff_cache", ".tox", ".venv", ".vscode", "__pycache__", "node_modules", "venv"),
}
# A file of weights is a layer of its own from here on; the image has at most 127.
_LARGE = 10_000_000
_MOST_MODELS = 60
_IMAGE = re.compile(r"(?:[^/]+\.[^/]+/)?([^/:]+)/([^/:]+)(?::.*)?")


class Build(msgspec.Struct, frozen=True):
    """`build`: what Cog makes its image of."""

    python_version: Any = None
    python_packages: tuple[str, ...] = ()
    python_requirements: str = ""
    system_packages: tuple[str, ...] = ()
    gpu: bool = False
    run: tuple[Any, ...] = ()
    pre_install: tuple[Any, ...] = ()


class Concurrency(msgspec.Struct, frozen=True):
    """`concurrency`: how many calls an `async` predictor takes at once."""

    max: int = 1


class CogFile(msgspec.Struct, frozen=True):
    """A `cog.yaml`; `run` is what newer ones call `predict`."""

    build: Build = Build()
    predict: str = ""
    run: str = ""
    train: str = ""
    image: str = ""
    concurrency: Concurrency = Concurrency()
    environment: tuple[str, ...] = ()


class Predictor(Value, frozen=True):
    """Where the code is, and how it is called: its `method` may be `async`."""

    file: str
    name: str
    method: str
    is_async: bool


class CogSource(Value, frozen=True):
    """The folder of a project of Cog.

    Args:
        path: The folder.
        loosen: Take newer versions than it names.
        extra: Further requirements.
    """

    path: Path
    loosen: bool = False
    extra: tuple[str, ...] = ()

    def draft(self, ask: Ask) -> Draft:
        """Read `cog.yaml` and look at the predictor's source.

        Raises:
            SourceInvalid: It is no project of Cog.
            SourceUnsupported: Its files are in the way of ours.
        """
        del ask  # what it takes is asked for when it runs
        folder = self.path.parent if self.path.name == FILE else self.path
        if not (folder / FILE).is_file():
            raise SourceInvalid(f"{folder} is no project of Cog: it has no {FILE}")
        config = yaml_file.read(folder / FILE, CogFile)
        predictor = _predictor(config, folder)
        _refuse_conflicts(folder)
        files = sorted(_files(folder), key=str)
        large = [path for path in files if path.stat().st_size >= _LARGE][:_MOST_MODELS]
        image = _IMAGE.fullmatch(config.image)
        again = f"algo import cog {shlex.quote(str(self.path))}"
        models = _named(large, folder)
        return Draft(
            parts=("cog", "cog_async" if predictor.is_async else "cog_sync"),
            name=image[2] if image else folder.name,
            owner=image[1] if image else "",
            models=models,
            words={
                "requirements": "\n".join(self._requirements(config, folder)),
                "system_packages": literals.listed(config.build.system_packages),
                "gpu": "true" if config.build.gpu else "false",
                "concurrency": str(max(1, config.concurrency.max)),
                "import": predictor.file.removesuffix(".py").replace("/", "."),
                "predictor": predictor.name,
            },
            files=tuple(
                Copied(path, path.relative_to(folder).as_posix())
                for path in files
                if path not in large
            ),
            reserved=("cog", "pytest", predictor.file.removesuffix(".py").split("/")[0]),
            made_up=True,
            notes=tuple(_notes(config, folder)),
            advice=f"{again} --with REQUIREMENT, for what it cannot import",
            loosen="" if self.loosen else f"{again} --loosen",
            unrun=f"{again} --no-run",
        )

    def _requirements(self, config: CogFile, folder: Path) -> list[str]:
        lines = list(config.build.python_packages)
        if config.build.python_requirements:
            path = folder / config.build.python_requirements
            if not path.is_file():
                raise SourceInvalid(
                    f"{FILE} names {config.build.python_requirements}, which is not there"
                )
            lines = requirements.lines_of(path.read_text(encoding="utf-8", errors="replace"))
        lines = [line for line in lines if requirements.name_of(line) not in {"cog", "coglet"}]
        if self.loosen:
            lines = [requirements.loosened(line) for line in lines]
        return requirements.merged(lines, self.extra)


def _predictor(config: CogFile, folder: Path) -> Predictor:
    named = config.run or config.predict
    file, _, name = named.partition(":")
    if not file or not name:
        raise SourceInvalid(
            f"{FILE} has no run or predict: {named!r} is not FILE:CLASS",
            hint='write it as run: "run.py:Runner"',
        )
    path = folder / file
    if ".." in file.split("/") or file.startswith("/") or not path.is_file():
        raise SourceInvalid(f"{FILE} names {file}, which is not there")
    try:
        tree = ast.parse(path.read_bytes(), file)
    except (SyntaxError, ValueError) as error:
        raise SourceInvalid(f"{file} cannot be parsed: {error}") from error
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return _method(node, file)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            return Predictor(file, name, "", isinstance(node, ast.AsyncFunctionDef))
    raise SourceInvalid(f"{file} has no class {name}, which {FILE} names")


def _method(node: ast.ClassDef, file: str) -> Predictor:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    methods = {one.name: one for one in node.body if isinstance(one, kinds)}
    for name in ("run", "predict"):
        if name in methods:
            is_async = isinstance(methods[name], ast.AsyncFunctionDef)
            return Predictor(file, node.name, name, is_async)
    raise SourceInvalid(f"{node.name} in {file} has neither run nor predict")


def _refuse_conflicts(folder: Path) -> None:
    for name in ("algo.toml", "src/cog", "src/cog.py", "cog.py", "cog"):
        if (folder / name).exists():
            raise SourceUnsupported(
                f"{folder.name} has {name} already, which is ours",
                hint=f"mv {shlex.quote(str(folder / name))} {shlex.quote(str(folder / name))}.old",
            )


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name in _LEFT or (path.is_symlink() and not _inside(path, folder)):
            continue
        if path.is_dir():
            yield from _files(path)
        elif path.is_file():
            yield path


def _inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _named(paths: list[Path], folder: Path) -> dict[str, Copied]:
    """Return files of weights as models, each at its own place and by a name of its own."""
    found: dict[str, Copied] = {}
    for path in paths:
        name = re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-") or "weights"
        name = name if name not in found else f"{name}-{len(found) + 1}"
        found[name] = Copied(path, path.relative_to(folder).as_posix())
    return found


def _notes(config: CogFile, folder: Path) -> Iterator[str]:
    if config.build.run or config.build.pre_install:
        count = len(config.build.run) + len(config.build.pre_install)
        yield f"its {count} commands under build are not run: bring what they fetch yourself"
    if config.environment:
        names = ", ".join(one.partition("=")[0] for one in config.environment)
        yield f"its environment is not taken over: set {names} where it runs"
    if config.train:
        yield "train is not taken over; run it with algo exec"
    if config.build.python_version:
        yield f"it was made for Python {config.build.python_version}; the image has its own"
    if (folder / ".dockerignore").is_file():
        yield "its .dockerignore is not read: .algoignore says what stays out of the image"
