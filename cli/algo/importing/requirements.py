"""Requirements of what is imported: which package a module is in, and lines put together."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

# Only these are taken from PyPI without being asked for: a module of the user's own could have
# the name of somebody else's package.
_PACKAGES = {
    "catboost": "catboost",
    "category_encoders": "category-encoders",
    "cloudpickle": "cloudpickle",
    "dill": "dill",
    "feature_engine": "feature-engine",
    "imblearn": "imbalanced-learn",
    "joblib": "joblib",
    "lightgbm": "lightgbm",
    "numpy": "numpy",
    "pandas": "pandas",
    "polars": "polars",
    "pyarrow": "pyarrow",
    "scipy": "scipy",
    "skl2onnx": "skl2onnx",
    "sklearn": "scikit-learn",
    "sklearn_pandas": "sklearn-pandas",
    "skorch": "skorch",
    "statsmodels": "statsmodels",
    "torch": "torch",
    "umap": "umap-learn",
    "xgboost": "xgboost",
}
_OLD = {"__builtin__", "copy_reg", "exceptions"}
_NAME = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)")


def known(modules: Collection[str]) -> list[str]:
    """Return the packages that `modules` are in, those of the standard library left out."""
    return sorted({_PACKAGES[name] for name in modules if name in _PACKAGES})


def unknown(modules: Collection[str], extra: Sequence[str]) -> list[str]:
    """Return the modules that nobody knows a package for: neither here, nor as one of `extra`."""
    named = {normal(name_of(line)).replace("-", "_") for line in extra}
    settled = {*sys.stdlib_module_names, *_PACKAGES, *_OLD, *named} - {"__main__"}
    return sorted(name for name in modules if name not in settled)


def merged(lines: Iterable[str], extra: Iterable[str]) -> list[str]:
    """Return one line for each package, the later one where there are two, sorted by name.

    Lines that name none, such as options, come first and stay as they are.
    """
    found: dict[str, str] = {}
    for line in (*lines, *extra):
        name = normal(name_of(line))
        # Two lines of a package may be for two platforms.
        found[f"{name} {line.partition(';')[2].strip()}" if name else line] = line.strip()
    return [found[name] for name in sorted(found)]


def lines_of(text: str) -> list[str]:
    """Return the requirements in the text of a file, without comments."""
    joined = re.sub(r"\\\n", " ", text.removeprefix("\ufeff"))
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in joined.splitlines())
    return [line for line in lines if line]


def loosened(line: str) -> str:
    """Return a line that takes newer versions, too, where it pins one."""
    wanted, marked, marker = line.partition(";")
    loose = re.sub(r"\s*===?\s*([^,\s]+?)(\.\*)?(?=\s*(,|$))", r">=\1", wanted, count=1)
    return f"{loose}{marked}{marker}"


def name_of(line: str) -> str:
    """Return the package that a line of requirements names, empty for none."""
    match = _NAME.match(line)
    return match[1] if match else ""


def normal(name: str) -> str:
    """Return the name of a package as an index has it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def order(version: str) -> tuple[int, ...]:
    """Return what versions are sorted by; what is no number counts as none."""
    return tuple(int(part) for part in re.findall(r"\d+", version))
