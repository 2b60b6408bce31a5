"""A pickled scikit-learn estimator becomes a project that serves its predictions."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from algo.importing import literals, requirements, tensors
from algo.importing.errors import PickleDangerous, SourceInvalid, SourceUnsupported
from algo.importing.interface import Copied, Draft, Example
from algo.importing.pickles import NoPickle, Stub, look_into
from algo.values import Value

if TYPE_CHECKING:
    from pathlib import Path

    from algo.contract.values import Json
    from algo.importing.interface import Ask
    from algo.importing.pickles import Pickled

SUFFIXES = (".pkl", ".pickle", ".joblib", ".p", ".sav", ".model")
_PACKAGE = "scikit-learn"
# Packages whose estimators have the methods of scikit-learn's.
_ESTIMATORS = {"sklearn", "lightgbm", "xgboost", "catboost", "imblearn"}
_VERSION = "_sklearn_version"
_RESERVED = ("joblib", "numpy", "pandas", "pytest", "scipy", "sklearn", "threadpoolctl")
# What each method's answer is called; those with two numbers a row are no schema for several.
_METHODS = {"predict": "predictions", "predict_proba": "probabilities", "transform": "transformed"}


class Facts(msgspec.Struct, frozen=True):
    """What the estimator says of itself where it was read (`scaffolds/imports/sklearn_probe`).

    Args:
        kind: `array`, `frame` or `text`: what it takes.
        estimator: The class of it, or of a pipeline's last step.
        methods: Those of `_METHODS` that it has.
        features: How many columns it takes, None where it does not say.
        names: What they are called.
        texts: The values that columns of texts were fitted with, by name.
        classes: What it tells apart, as JSON has it.
        labels: The dtype of what it predicts.
        outputs: How many values it predicts for a row.
    """

    kind: str
    estimator: str
    methods: tuple[str, ...]
    features: int | None = None
    names: tuple[str, ...] = ()
    texts: dict[str, tuple[str, ...]] = {}
    classes: tuple[Any, ...] = ()
    labels: str = "float64"
    outputs: int = 1


class SklearnSource(Value, frozen=True):
    """A file that `pickle`, `cloudpickle` or `joblib` wrote.

    Args:
        path: The file.
        loosen: Take newer versions than the one that it was pickled with.
        extra: Further requirements.
        code: Modules that it needs and that are in no package.
    """

    path: Path
    loosen: bool = False
    extra: tuple[str, ...] = ()
    code: tuple[Path, ...] = ()

    def draft(self, ask: Ask) -> Draft:
        """Look into the pickle for what to install, then ask the estimator what it takes.

        Raises:
            SourceInvalid: It is no pickle of scikit-learn.
            SourceUnsupported: It needs what cannot be had.
        """
        path = self._file()
        pickled = _look(path)
        versions = sorted(pickled.values(_VERSION), key=requirements.order)
        self._check(pickled, versions, path)
        version = versions[-1] if versions else ""
        needed = self._requirements(pickled, version)
        draft = Draft(
            parts=("sklearn_probe",),
            name=path.stem,
            models={"estimator": Copied(path, f"models/{path.name}")},
            words={"requirements": "\n".join(needed), "file": path.name, "version": version},
            files=tuple(Copied(one, f"src/{one.name}") for one in self.code),
            reserved=_RESERVED,
            pickled=True,
            notes=tuple(_notes(version, versions, loosen=self.loosen))
            + self._unpinned(pickled, version),
            advice=f"algo import sklearn {shlex.quote(str(self.path))} --with REQUIREMENT "
            "--code MODULE.py, for what it cannot import",
            loosen=""
            if self.loosen
            else f"algo import sklearn {shlex.quote(str(self.path))} --loosen",
        )
        return _complete(draft, msgspec.convert(ask(draft), Facts), needed)

    def _file(self) -> Path:
        path = self.path
        if path.is_dir():
            found = sorted(one for one in path.iterdir() if one.suffix in SUFFIXES)
            if len(found) != 1:
                names = ", ".join(one.name for one in found) or "no pickle"
                raise SourceInvalid(
                    f"{path} holds {names}",
                    hint=f"algo import sklearn {shlex.quote(str(found[0] if found else path))}",
                )
            return found[0]
        if not path.is_file():
            raise SourceInvalid(f"{path} is not there", hint="give the file of the estimator")
        return path

    def _check(self, pickled: Pickled, versions: list[str], path: Path) -> None:
        if pickled.dangerous:
            raise PickleDangerous(f"to read {path.name} calls {', '.join(pickled.dangerous[:5])}")
        package = _package(pickled)
        if package not in _ESTIMATORS:
            holds = _told(pickled)
            raise SourceInvalid(
                f"{path.name} is a pickle, but of no scikit-learn estimator: it holds {holds}",
                hint="pickle the estimator itself: joblib.dump(estimator, FILE)",
            )
        if not versions and package == "sklearn":
            raise SourceUnsupported(
                f"{path.name} does not say which scikit-learn wrote it: older than 0.18",
                hint="fit and dump it again with a version of today",
            )
        if pickled.has_code:
            raise SourceUnsupported(
                f"{path.name} holds functions as bytecode, which only the Python that wrote them "
                "can run, and images have their own",
                hint="put the functions into a module, dump it again, and add --code MODULE.py",
            )
        own = {one.stem for one in self.code}
        strange = requirements.unknown(pickled.modules - own, self.extra)
        if strange:
            raise SourceUnsupported(
                f"{path.name} needs {', '.join(strange)}, and no package is known by that name",
                hint=f"add --with REQUIREMENT for a package, --code {strange[0]}.py "
                "for a module of yours",
            )

    def _requirements(self, pickled: Pickled, version: str) -> list[str]:
        sign = ">=" if self.loosen else "=="
        lines = [f"{_PACKAGE}{sign}{version}" if version else _PACKAGE]
        newer = any(module.startswith("numpy._core") for module, _ in pickled.names)
        lines.append("numpy>=2" if newer else "numpy")
        lines += requirements.known(pickled.modules - {"sklearn", "numpy", "joblib", "scipy"})
        return requirements.merged(lines, self.extra)

    def _unpinned(self, pickled: Pickled, version: str) -> tuple[str, ...]:
        """Return notes on packages whose versions the pickle does not tell."""
        settled = {"numpy", *(requirements.name_of(line) for line in self.extra)}
        settled |= {_PACKAGE} if version else set()
        names = [one for one in requirements.known(pickled.modules) if one not in settled]
        names = [one for one in names if one not in {"joblib", "scipy"}]
        if not names:
            return ()
        told = " and ".join(names)
        return (f"it does not say which {told} wrote it: pin it with --with {names[0]}==VERSION",)


def _package(pickled: Pickled) -> str:
    """Return the package that the pickled object's class is of, empty where it is no object."""
    root = pickled.root
    return root.module.split(".")[0] if isinstance(root, Stub) else ""


def _look(path: Path) -> Pickled:
    try:
        return look_into(path)
    except NoPickle as error:
        skops = path.suffix == ".skops"
        raise SourceInvalid(
            f"{path.name} is no pickle that can be followed: {error}",
            hint="load it with skops and dump it with joblib" if skops else None,
        ) from error


def _told(pickled: Pickled) -> str:
    root = pickled.root
    if isinstance(root, Stub):
        return f"{root.module}.{root.name}"
    return f"a {type(root).__name__}"


def _notes(version: str, versions: list[str], *, loosen: bool) -> list[str]:
    notes = ["it is a pickle: reading it runs its code, in the project's environment"]
    if len(versions) > 1:
        notes.append(f"its parts were pickled by scikit-learn {' and '.join(versions)}")
    if loosen:
        notes.append(
            f"it was pickled by scikit-learn {version}, and others may read it wrongly; "
            f"the pin that fits is {_PACKAGE}=={version}"
        )
    return notes


def _complete(draft: Draft, facts: Facts, needed: list[str]) -> Draft:
    """Return the project of an estimator that said what it takes."""
    methods = [one for one in _METHODS if one in facts.methods]
    if not methods:
        raise SourceUnsupported(
            f"{draft.words['file']} is a {facts.estimator}, which neither predicts nor transforms",
            hint="import an estimator that has predict or transform",
        )
    if "predict" in methods:
        methods = [one for one in methods if one != "transform"]
    if facts.outputs > 1:
        methods = [one for one in methods if one != "predict_proba"]
    frame = facts.kind == "frame"
    lines = requirements.merged([*needed, "pandas"], ()) if frame else needed
    words = {
        **draft.words,
        "requirements": "\n".join(lines),
        "rows": _rows(facts),
        "outputs": literals.entries({_METHODS[one]: _output(one, facts) for one in methods}, 8),
        "methods": literals.entries({_METHODS[one]: literals.quoted(one) for one in methods}, 4),
        "estimator": facts.estimator,
        "takes": _takes(facts),
        "answers": _answers(methods, facts),
    }
    return replace(
        draft,
        parts=("sklearn", f"sklearn_{facts.kind}"),
        words=words,
        examples=(Example("rows of the right form", _examples(facts)),),
    )


def _rows(facts: Facts) -> str:
    """Return the annotation of the rows, or of a frame's columns."""
    if facts.kind == "frame":
        kinds = {name: "str" if name in facts.texts else "float" for name in facts.names}
        return literals.entries(kinds, 4)
    return tensors.annotation("float64", (None, facts.features))


def _output(method: str, facts: Facts) -> str:
    if method == "predict":
        shape = (None,) if facts.outputs == 1 else (None, facts.outputs)
        known = tensors.has_array(facts.labels)
        return tensors.annotation(facts.labels, shape) if known else "list"
    width = len(facts.classes) or None if method == "predict_proba" else None
    return tensors.annotation("float64", (None, width))


def _examples(facts: Facts) -> tuple[Json, ...]:
    if facts.kind == "text":
        return (["The quick brown fox jumps over the lazy dog."],)
    if facts.kind == "frame":
        return ([{name: _cell(name, at, facts) for at, name in enumerate(facts.names)}],)
    widths = (facts.features,) if facts.features else (1, 2, 4, 10)
    return tuple([tensors.nested("float64", (width,), 1)] for width in widths)


def _cell(name: str, at: int, facts: Facts) -> Json:
    texts = facts.texts.get(name)
    return tensors.nested("float64", (), at + 1) if texts is None else (*texts, "text")[0]


def _takes(facts: Facts) -> str:
    if facts.kind == "text":
        return "a list of texts"
    if facts.kind == "frame":
        return (
            f"rows of {len(facts.names)} named columns, as records, columns, `split` or CSV: "
            + ", ".join(f"`{name}`" for name in facts.names)
        )
    return f"rows of {facts.features} numbers each" if facts.features else "rows of numbers"


def _answers(methods: list[str], facts: Facts) -> str:
    names = " and ".join(f"`{_METHODS[one]}`" for one in methods)
    if not facts.classes or facts.outputs > 1:
        return names
    classes = ", ".join(f"`{re.sub('[`|]', ' ', str(one))}`" for one in facts.classes[:20])
    return f"{names}; it tells apart {classes}{', …' if len(facts.classes) > 20 else ''}"
