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

# Modules that Python 3 calls otherwise, or has not.
_RENAMED = frozenset(
    {
        "ConfigParser",
        "Cookie",
        "HTMLParser",
        "Queue",
        "StringIO",
        "Tkinter",
        "__builtin__",
        "cPickle",
        "cStringIO",
        "cookielib",
        "httplib",
        "md5",
        "sets",
        "urllib2",
        "urlparse",
        "xmlrpclib",
    }
)
_BUILTINS = frozenset(
    ("basestring", "cmp", "execfile", "long", "raw_input", "reduce", "unichr", "unicode", "xrange")
)
_REWRITE = (
    "where it is Python 2: pip install fissix && python3 -m fissix -w -n src "
    "rewrites it for Python 3; then start it again"
)

_COMPAT = Path(__file__).resolve().parent.parent / "compat"


def provide(root: Path) -> None:
    """Let `adk` and `Algorithmia` be ours, and relative paths begin at the project's folder.

    They come before the installed packages of these names, which fail on the Pythons of today.
    """
    sys.path.insert(0, str(_COMPAT))
    os.chdir(root)


def hint(error: BaseException) -> str:
    """Return what to do about code that Python 3 does not take, empty for another fault."""
    renamed = isinstance(error, ModuleNotFoundError) and error.name in _RENAMED
    old = isinstance(error, SyntaxError) or renamed
    old = old or (isinstance(error, NameError) and error.name in _BUILTINS)
    return _REWRITE if old else ""


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
