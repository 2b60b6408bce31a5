"""Which edits keep what `load` returned: never one after which a fresh `load` would differ."""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtimes.conftest import RunnerProcess

    Start = Callable[..., RunnerProcess]


@dataclass(frozen=True)
class Case:
    """Files of a project (`it.py` is the entry), an edit of one of them, the rung it wants."""

    name: str
    rung: str
    files: dict[str, str]
    edit: tuple[str, str, str] = ("it.py", "APPLY", "apply")
    hello: dict[str, Any] = field(default_factory=dict)


LOAD = "def load():\n    return 7\n"
APPLY = "def apply(value, state):\n    'APPLY'\n    return state\n"
PLAIN = LOAD + APPLY

CASES = [
    Case("apply alone", "swap", {"it.py": PLAIN}),
    Case("load itself", "worker", {"it.py": PLAIN}, ("it.py", "7", "8")),
    Case("a comment in load", "swap", {"it.py": PLAIN}, ("it.py", "return 7", "return 7  # so")),
    Case(
        "a constant that load names",
        "worker",
        {"it.py": f"N = 7\ndef load():\n    return N\n{APPLY}"},
        ("it.py", "N = 7", "N = 8"),
    ),
    Case(
        "the order of two assignments",
        "worker",
        {"it.py": f"N = 1\nN = 2\ndef load():\n    return N\n{APPLY}"},
        ("it.py", "N = 1\nN = 2\n", "N = 2\nN = 1\n"),
    ),
    Case(
        "a name that hides a builtin",
        "worker",
        {"it.py": f"def sum(x):\n    return 1\ndef load():\n    return sum([2])\n{APPLY}"},
        ("it.py", "return 1", "return 3"),
    ),
    Case(
        "through a module's attribute",
        "worker",
        {
            "it.py": f"import helpers\ndef load():\n    return helpers.make()\n{APPLY}",
            "helpers.py": "def make():\n    return 7\n",
        },
        ("helpers.py", "7", "8"),
    ),
    Case(
        "another function of a module whose one is imported",
        "swap",
        {
            "it.py": f"from helpers import make\ndef load():\n    return make()\n{APPLY}",
            "helpers.py": "def make():\n    return 7\ndef other():\n    return 1\n",
        },
        ("helpers.py", "return 1", "return 2"),
    ),
    Case(
        "through a star",
        "worker",
        {
            "it.py": f"from helpers import *\ndef load():\n    return make()\n{APPLY}",
            "helpers.py": "from deeper import *\n",
            "deeper.py": "def make():\n    return 7\n",
        },
        ("deeper.py", "7", "8"),
    ),
    Case(
        "a module that stars another, by attribute",
        "worker",
        {
            "it.py": f"import helpers\ndef load():\n    return helpers.make()\n{APPLY}",
            "helpers.py": "from deeper import *\n",
            "deeper.py": "def make():\n    return 7\n",
        },
        ("deeper.py", "7", "8"),
    ),
    Case(
        "a module of a package",
        "worker",
        {
            "it.py": f"from parts import helpers\ndef load():\n    return helpers.make()\n{APPLY}",
            "parts/__init__.py": "",
            "parts/helpers.py": "def make():\n    return 7\n",
        },
        ("parts/helpers.py", "7", "8"),
    ),
    Case(
        "a package's own file",
        "worker",
        {
            "it.py": f"import parts.helpers\ndef load():\n    return parts.make()\n{APPLY}",
            "parts/__init__.py": "def make():\n    return 7\n",
            "parts/helpers.py": "",
        },
        ("parts/__init__.py", "7", "8"),
    ),
    Case(
        "a relative import in a package",
        "worker",
        {
            "it.py": f"from parts.one import make\ndef load():\n    return make()\n{APPLY}",
            "parts/__init__.py": "",
            "parts/one.py": "from . import two\ndef make():\n    return two.N\n",
            "parts/two.py": "N = 7\n",
        },
        ("parts/two.py", "7", "8"),
    ),
    Case(
        "a conditional import",
        "worker",
        {
            "it.py": "try:\n    import nowhere as helpers\n"
            f"except ImportError:\n    import helpers\ndef load():\n    return helpers.N\n{APPLY}",
            "helpers.py": "N = 7\n",
        },
        ("helpers.py", "7", "8"),
    ),
    Case(
        "importlib with a name",
        "worker",
        {
            "it.py": "import importlib\ndef load():\n"
            f"    return importlib.import_module('helpers').N\n{APPLY}",
            "helpers.py": "N = 7\n",
        },
        ("helpers.py", "7", "8"),
    ),
    Case(
        "importlib with what only a run knows",
        "worker",
        {
            "it.py": "import importlib\nWHICH = 'helpers'\ndef load():\n"
            f"    return importlib.import_module(WHICH).N\n{APPLY}",
            "helpers.py": "N = 7\n",
        },
    ),
    Case("exec", "worker", {"it.py": f"def load():\n    exec('x = 1')\n    return 7\n{APPLY}"}),
    Case(
        "a decorator of load",
        "worker",
        {
            "it.py": "def twice(f):\n    return lambda: [f(), 7]\n"
            f"@twice\ndef load():\n    return 1\n{APPLY}"
        },
        ("it.py", "7", "8"),
    ),
    Case(
        "a decorator that load and apply share",
        "swap",
        {
            "it.py": "def timed(f):\n    return f\n"
            f"@timed\ndef load():\n    return 1\n@timed\n{APPLY}"
        },
    ),
    Case(
        "a class whose instance is the state",
        "worker",
        {"it.py": f"class Model:\n    n = 7\ndef load():\n    return [Model()]\n{APPLY}"},
    ),
    Case(
        "a class that only helps to make the state",
        "swap",
        {"it.py": f"class Model:\n    n = 7\ndef load():\n    return [Model().n]\n{APPLY}"},
    ),
    Case(
        "a base class",
        "worker",
        {
            "it.py": "from helpers import Base\nclass Model(Base):\n    pass\n"
            f"def load():\n    return Model().n\n{APPLY}",
            "helpers.py": "class Base:\n    n = 7\n",
        },
        ("helpers.py", "7", "8"),
    ),
    Case(
        "the default of a dataclass",
        "worker",
        {
            "it.py": "from dataclasses import dataclass\nN = 7\n@dataclass\nclass Model:\n"
            f"    n: int = N\ndef load():\n    return Model().n\n{APPLY}"
        },
        ("it.py", "N = 7", "N = 8"),
    ),
    Case(
        "a named tuple as the state",
        "worker",
        {
            "it.py": "from collections import namedtuple\nPoint = namedtuple('Point', 'x')\n"
            f"def load():\n    return Point(1)\n{APPLY}"
        },
    ),
    Case(
        "a global that load sets",
        "worker",
        {"it.py": f"M = None\ndef load():\n    global M\n    M = [7]\n    return 1\n{APPLY}"},
    ),
    Case(
        "a variable that load fills",
        "worker",
        {"it.py": f"CACHE = {{}}\ndef load():\n    CACHE.update(a=1)\n    return 1\n{APPLY}"},
    ),
    Case(
        "a variable that load fills deep inside",
        "worker",
        {
            "it.py": "class Box:\n    def __init__(self):\n        self.inner = {'a': []}\n"
            "BOX = Box()\ndef load():\n    BOX.inner['a'].append(1)\n    return 1\n" + APPLY
        },
    ),
    Case(
        "a variable that load only reads",
        "swap",
        {"it.py": f"NAMES = ['a', 'b']\ndef load():\n    return len(NAMES)\n{APPLY}"},
    ),
    Case(
        "a variable that load returns",
        "worker",
        {"it.py": f"NAMES = ['a', 'b']\ndef load():\n    return NAMES\n{APPLY}"},
    ),
    Case(
        "a module's attribute that load sets",
        "worker",
        {
            "it.py": f"import helpers\ndef load():\n    helpers.M = 7\n    return 1\n{APPLY}",
            "helpers.py": "M = None\n",
        },
    ),
    Case(
        "a class attribute that load sets",
        "worker",
        {
            "it.py": "class Model:\n    pass\ndef load():\n    Model.weights = 7\n    return 1\n"
            + APPLY
        },
    ),
    Case(
        "a closure that counts",
        "worker",
        {
            "it.py": "def counter():\n    n = [0]\n    def step():\n        n[0] += 1\n"
            "        return n[0]\n    return step\nSTEP = counter()\n"
            f"def load():\n    return STEP()\n{APPLY}"
        },
    ),
    Case(
        "a registry that a decorator fills",
        "worker",
        {
            "it.py": "KNOWN = []\ndef register(f):\n    KNOWN.append(f)\n    return f\n"
            "@register\ndef one():\n    return 1\n"
            f"def load():\n    return [f() for f in KNOWN]\n{APPLY}"
        },
        ("it.py", "return 1\n", "return 2\n"),
    ),
    Case(
        "a registry that another module fills",
        "worker",
        {
            "it.py": "import registry, plugin\ndef load():\n    return len(registry.KNOWN)\n"
            + APPLY,
            "registry.py": "KNOWN = []\n",
            "plugin.py": "import registry\n_ = registry.KNOWN.append(1)\n",
        },
        ("plugin.py", "append(1)", "extend([1, 2])"),
    ),
    Case(
        "a class that registers itself",
        "worker",
        {
            "it.py": "KNOWN = []\nclass Base:\n    def __init_subclass__(cls):\n"
            "        KNOWN.append(cls)\nclass One(Base):\n    n = 1\n"
            f"def load():\n    return [kind.n for kind in KNOWN]\n{APPLY}"
        },
        ("it.py", "n = 1", "n = 2"),
    ),
    Case(
        "a loop that fills a variable",
        "worker",
        {
            "it.py": "TABLE = {}\nfor n in range(3):\n    TABLE[n] = n\n"
            f"def load():\n    return sum(TABLE)\n{APPLY}"
        },
        ("it.py", "range(3)", "range(4)"),
    ),
    Case(
        "a logger is no variable",
        "swap",
        {
            "it.py": "import logging\nlog = logging.getLogger(__name__)\ndef retried(f):\n"
            "    log.debug('x')\n    return f\ndef load():\n    log.debug('y')\n    return 7\n"
            f"@retried\n{APPLY}"
        },
    ),
    Case(
        "a module that load imports when it runs",
        "worker",
        {
            "it.py": f"def load():\n    import helpers\n    return helpers.N\n{APPLY}",
            "helpers.py": "N = 7\n",
        },
        ("helpers.py", "7", "8"),
    ),
    Case(
        "source that load reads as data",
        "worker",
        {
            "it.py": "from pathlib import Path\ndef load():\n"
            f"    return len(Path(__file__).with_name('rules.py').read_text())\n{APPLY}",
            "rules.py": "x = 1\n",
        },
        ("rules.py", "1", "10"),
    ),
    Case(
        "data that load reads",
        "worker",
        {
            "it.py": "from pathlib import Path\ndef load():\n"
            f"    return Path(__file__).with_name('labels.md').read_text()\n{APPLY}",
            "labels.md": "a\n",
        },
        ("labels.md", "a", "b"),
    ),
    Case(
        "prose that load does not read",
        "swap",
        {"it.py": PLAIN, "prompt.md": "a\n"},
        ("prompt.md", "a", "b"),
    ),
    Case(
        "data that code of C may read",
        "worker",
        {"it.py": PLAIN, "vocabulary.txt": "a\n"},
        ("vocabulary.txt", "a", "b"),
    ),
    Case(
        "a module that nobody imports",
        "none",
        {"it.py": PLAIN, "alone.py": "x = 1\n"},
        ("alone.py", "1", "2"),
    ),
    Case(
        "source that the import runs as data",
        "swap",
        {
            "it.py": "from pathlib import Path\n"
            f"R = len(Path(__file__).with_name('rules.py').read_text())\n{PLAIN}",
            "rules.py": "x = 1\n",
        },
        ("rules.py", "1", "10"),
    ),
    Case(
        "a call that may import meanwhile",
        "worker",
        {"it.py": f"{LOAD}def other():\n    import helpers\n{APPLY}", "helpers.py": "N = 7\n"},
        hello={"concurrency": 2},
    ),
    Case(
        "an effect of the import",
        "worker",
        {"it.py": f"import os\nos.environ.setdefault('X_OF_TESTS', '1')\n{PLAIN}"},
        ("it.py", "'1'", "'2'"),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_rung_of_an_edit(runner: Start, case: Case) -> None:
    started = runner(case.files["it.py"], **case.hello)
    source = started.app / "src"
    for name, text in case.files.items():
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_text(textwrap.dedent(text))
    assert started.load()["type"] == "ready"
    name, old, new = case.edit
    text = (source / name).read_text()
    assert old in text
    (source / name).write_text(text.replace(old, new))
    started.write({"type": "reload", "changed": [f"src/{name}"]})
    said, _ = started.read()
    assert (said["type"], said.get("rung")) == ("reloaded", case.rung), said
    # Twice the same question has the same answer.
    started.write({"type": "discard"})
    started.write({"type": "reload", "changed": [f"src/{name}"]})
    assert started.read()[0]["rung"] == case.rung


COLLECTED = """
import ast, gc, sys

MEANWHILE = []

def note(phase, told):
    caller = sys._getframe().f_back
    if caller and caller.f_code is ast.parse.__code__:
        MEANWHILE.append(phase)

def load():
    gc.callbacks.append(note)
    gc.set_threshold(3)
    return MEANWHILE

def apply(value, state):
    return [value, [value, [value, state]]]
"""


def test_no_thread_of_the_authors_comes_between_while_a_reload_parses(runner: Start) -> None:
    # CPython before 3.11.9 and 3.12.3 fails with a SystemError where another one parses, too, and
    # they change places in what a collection calls.
    started = runner(COLLECTED)
    assert started.load()["type"] == "ready"
    (started.app / "src" / "it.py").write_text(COLLECTED.replace("[value, state]", "state"))
    started.write({"type": "reload", "changed": ["src/it.py"]})
    assert started.read()[0]["type"] == "reloaded"
    started.write({"type": "discard"})
    assert json.loads(started.call(b"0")[1]) == [0, [0, [0, []]]]
