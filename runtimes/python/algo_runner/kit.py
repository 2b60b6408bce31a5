"""Code that was written for Algorithmia: its modules are ours, and its kit says what to call."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

_COMPAT = Path(__file__).resolve().parent.parent / "compat"


def provide(root: Path) -> None:
    """Let `adk` and `Algorithmia` be ours, and relative paths begin at the project's folder.

    They come before the installed packages of these names, which fail on the Pythons of today.
    """
    sys.path.insert(0, str(_COMPAT))
    os.chdir(root)


def forget() -> None:
    """Forget what an import has registered that came to nothing."""
    importlib.import_module("adk.ADK").take()


def functions(module: ModuleType) -> SimpleNamespace:
    """Return `apply`, and `load` where there is one, that calls are to go to.

    What `ADK(apply, load)` registered, or `apply` alone: without the kit nothing called `load`.
    Annotations said nothing, so none of them is seen.
    """
    kit = importlib.import_module("adk.ADK").take()
    plain = getattr(module, "apply", None)
    if kit is None and not callable(plain):
        return SimpleNamespace()

    def apply(value, state=None):  # type: ignore[no-untyped-def]
        return plain(value) if kit is None else kit.apply(value, state)

    found = SimpleNamespace(apply=apply)
    if kit is not None and kit.load_func is not None:
        found.load = lambda: kit.load()
    return found
