"""Imports go one way. This table is the structure; a change of it is a commit of its own."""

from __future__ import annotations

import ast
import gc
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CLI = ROOT / "cli" / "algo"
RUNTIMES = ROOT / "runtimes"

EVERYWHERE = {"algo", "children", "errors", "events", "signals", "values"}
NOUNS = {
    "project": set[str](),
    "access": set[str](),
    "oci": set[str](),
    "storage": {"oci", "resources"},
    "watch": set[str](),
    "languages": set[str](),
    "scaffold": {"languages", "resources", "project"},
    "environments": {"languages", "project", "resources", "storage"},
    "images": {"languages", "project", "oci", "resources", "storage", "watch"},
    "registry": {"oci", "resources", "storage"},
    "engines": {"languages", "oci", "project", "resources", "storage"},
    "contract": {"languages", "project", "resources"},
    "versions": {"oci"},
    "trust": {"oci", "resources", "storage"},
    "models": {"oci", "project", "registry", "resources", "storage"},
    "serving": {"engines", "languages", "project", "watch", "resources"},
}
# What ties the nouns together, and the shell around them.
ABOVE = {
    "publish": {*NOUNS, "resources"},
    "importing": {"contract", "project", "resources", "scaffold"},
    "resources": set[str](),
    "errors": set[str](),
    "events": set[str](),
    "signals": set[str](),
    "children": set[str](),
    "values": set[str](),
    "output": set[str](),
    "deps": {*NOUNS, "publish", "output", "resources"},
    "commands": {*NOUNS, "importing", "publish", "output", "deps", "resources"},
    "app": {"commands"},
    "main": {"app", "deps", "output"},
    "elsewhere": {"main"},
}
ALLOWED = NOUNS | ABOVE

# Rooms of the gateway, by what is imported when it runs (types may point both ways).
GATEWAY = {
    "config": set[str](),
    "local": set[str](),
    "data": {"calls"},
    "net": set[str](),
    "wire": set[str](),
    "calls": {"wire"},
    "access": {"calls"},
    "tracing": set[str](),
    "observe": {"calls", "wire"},
    "workers": {"calls", "config", "observe", "wire"},
    "control": {"config", "workers"},
    "files": {"calls", "config", "net"},
    "jobs": {"calls", "config", "net"},
    "inference": {"calls", "config", "observe", "tracing"},
    "http": {
        *("access", "calls", "config", "data", "files", "inference", "jobs", "local", "net"),
        *("observe", "tracing", "workers"),
    },
    "handover": {"http", "net", "workers"},
    "serve": {
        *("access", "calls", "config", "control", "files", "handover", "http", "inference"),
        *("jobs", "net", "observe", "tracing", "wire", "workers"),
    },
    "__main__": {"config", "local", "serve", "wire"},
}

# An SDK stays inside the adapters that are written on it.
SDK = {
    "rich": {"output.py"},
    "docker": {"engines/docker.py", "engines/docker_images.py", "engines/docker_client.py"},
    "httpx": {"models/web.py", "serving/call.py", "serving/probe.py"},
    "huggingface_hub": {"models/hub.py"},
    "mlflow": {"models/mlflow.py"},
    "watchdog": {"watch"},
    "cryptography": {"trust"},
    "tomlkit": {"project"},
    "rattler": {"environments/conda/program.py", "environments/conda/worker.py"},
    "yaml": {"environments/conda/yaml.py", "importing/yaml_file.py"},
}


def modules() -> list[Path]:
    return sorted(path for path in CLI.rglob("*.py") if "_data" not in path.parts)


@cache
def parsed(path: Path) -> ast.Module:
    # A thread of an earlier test may parse (a trace does) in what a collection calls, and then the
    # parser of CPython before 3.11.9 fails (python/cpython gh-106905).
    gc.disable()
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    finally:
        gc.enable()


def imported(path: Path, *, typing: bool = True) -> list[str]:
    """The modules that `path` imports; without `typing` not those below `if TYPE_CHECKING`."""
    names: list[str] = []
    tree = parsed(path)
    skipped = set() if typing else {id(below) for node in _typing(tree) for below in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.append(node.module)
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def _typing(tree: ast.AST) -> list[ast.If]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.If)
        and isinstance(node.test, ast.Name)
        and node.test.id == "TYPE_CHECKING"
    ]


def room(path: Path) -> str:
    first = path.relative_to(CLI).parts[0]
    return first.removesuffix(".py")


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(CLI)))
def test_a_module_imports_only_what_its_room_may(path: Path) -> None:
    here = room(path)
    if here in {"__init__", "__main__"}:
        return
    assert here in ALLOWED, f"{here} is not in the table of tests/test_architecture.py"
    permitted = ALLOWED[here] | EVERYWHERE | {here}
    for name in imported(path):
        parts = name.split(".")
        if parts[0] != "algo" or len(parts) < 2 or not _is_room(parts[1]):
            continue
        assert parts[1] in permitted, f"{here} imports {name}"
        if here == "serving" and parts[1] == "engines" and len(parts) > 2:
            assert parts[2] in {"interface", "errors", "sessions"}, f"serving imports {name}"


def _is_room(name: str) -> bool:
    return (CLI / name).is_dir() or (CLI / f"{name}.py").is_file()


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(CLI)))
def test_an_sdk_stays_inside_its_adapters(path: Path) -> None:
    where = path.relative_to(CLI).as_posix()
    for name in imported(path):
        allowed = SDK.get(name.split(".", maxsplit=1)[0])
        if allowed is not None:
            assert where in allowed or where.split("/")[0] in allowed, f"{where} imports {name}"


def test_the_container_side_never_imports_the_command_line() -> None:
    for path in RUNTIMES.rglob("*.py"):
        for name in imported(path):
            assert name.split(".")[0] != "algo", f"{path.relative_to(ROOT)} imports {name}"


def test_a_room_of_the_gateway_imports_only_what_it_may() -> None:
    base = RUNTIMES / "gateway" / "algo_gateway"
    for path in sorted(base.rglob("*.py")):
        here = path.relative_to(base).parts[0].removesuffix(".py")
        if here == "__init__":
            continue
        assert here in GATEWAY, f"{here} is not in the table of tests/test_architecture.py"
        for name in imported(path, typing=False):
            parts = name.split(".")
            if parts[0] == "algo_gateway" and len(parts) > 1:
                assert parts[1] in GATEWAY[here] | {here}, f"{path.name} imports {name}"


# Looks for one file in a package's source, which pip unpacks with its own care.
READS_TARS = {"environments/wheels.py"}


def test_tars_are_read_by_our_own_reader_alone() -> None:
    for path in modules():
        if path.relative_to(CLI).as_posix() in READS_TARS:
            continue
        for node in ast.walk(parsed(path)):
            called = node.func if isinstance(node, ast.Call) else None
            if not isinstance(node, ast.Call) or not isinstance(called, ast.Attribute):
                continue
            assert called.attr not in {"extractfile", "extractall", "getmembers"}, path
            if called.attr == "open" and ast.unparse(called.value) == "tarfile":
                modes = [ast.unparse(one.value) for one in node.keywords if one.arg == "mode"]
                written = len(modes) == 1 and modes[0].startswith("'w")
                assert written, f"{path}:{node.lineno} reads a tar without storage.tar"


def test_nothing_imports_a_scaffold() -> None:
    for path in modules():
        assert not any(name.startswith("scaffolds") for name in imported(path)), path


def test_no_file_is_over_500_lines() -> None:
    folders = (ROOT / "cli", ROOT / "runtimes", ROOT / "tests", ROOT / "benchmarks")
    long = {
        str(path.relative_to(ROOT)): count
        for folder in folders
        for path in folder.rglob("*.py")
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > 500
    }
    assert not long


def test_no_file_of_a_runner_is_over_400_lines() -> None:
    kinds = {".py", ".js", ".mjs", ".rb", ".R", ".java", ".scala", ".go", ".rs"}
    long = {
        str(path.relative_to(ROOT)): count
        for folder in (ROOT / "runtimes").iterdir()
        if folder.is_dir() and folder.name != "gateway"
        for path in folder.rglob("*")
        if path.suffix in kinds
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert not long


def test_a_command_holds_no_loop_over_results_and_no_try() -> None:
    for path in (CLI / "commands").rglob("*.py"):
        for node in ast.walk(parsed(path)):
            assert not isinstance(node, ast.Try), f"{path.name}:{node.lineno} has a try"
            assert not isinstance(node, ast.While), f"{path.name}:{node.lineno} has a loop"


def test_only_output_and_the_boundary_touch_the_terminal() -> None:
    for path in modules():
        if path.name in {"output.py", "main.py", "deps.py"}:
            continue
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in {"print", "input"}, f"{path}:{node.lineno}"


SKIPS = {"skip", "skipif", "skipIf", "skipUnless", "SkipTest", "importorskip"}
# It alone knows whether this is continuous integration, where nothing may be skipped.
MAY_SKIP = {"machine/lacking.py"}


def skips(code: str) -> list[str]:
    """The places of a test's code that skip: `line: what`."""
    tree = ast.parse(code)
    attributes = [
        (node.lineno, ast.unparse(node))
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in SKIPS
    ]
    names = [
        (node.lineno, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name in SKIPS
    ]
    return [f"{line}: {name}" for line, name in sorted(attributes + names)]


def test_no_test_skips_but_through_lacking() -> None:
    found = {
        path.relative_to(ROOT / "tests").as_posix(): places
        for path in (ROOT / "tests").rglob("*.py")
        if (places := skips(path.read_text(encoding="utf-8")))
    }
    assert found.keys() == MAY_SKIP, f"use tests.machine.lacking or the mark `program`: {found}"


@pytest.mark.parametrize(
    "code",
    [
        '@pytest.mark.skipif(not shutil.which("node"), reason="no node")\ndef test_it(): ...',
        'pytestmark = pytest.mark.skip("later")',
        'def test_it():\n    pytest.skip("no node")',
        'torch = pytest.importorskip("torch")',
        "from pytest import skip",
    ],
)
def test_each_way_to_skip_is_seen(code: str) -> None:
    assert skips(code)
