"""Build the wheel of one source distribution, the same bytes each time.

python3 build.py FOLDER, with no network. In FOLDER: `sdist/` with the one archive, `tools/` with
the packages that build it. Written to FOLDER: `wheel/` with the wheel; or `requires.json`, the list
of what else the build asks for, when `tools/` lacks it.
"""

import importlib
import json
import os
import re
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import distributions
from pathlib import Path

LEGACY = "setuptools.build_meta:__legacy__"
# The earliest time a zip archive can say.
EPOCH = 315532800


def main(folder: Path) -> None:
    """Build in `folder`."""
    os.umask(0o022)
    os.environ.update(SOURCE_DATE_EPOCH=str(EPOCH), TZ="UTC", LC_ALL="C.UTF-8", HOME="/tmp")
    tools = str(folder / "tools")
    sys.path.insert(0, tools)
    os.environ["PYTHONPATH"] = tools
    os.environ["PATH"] = f"{tools}/bin:{os.environ.get('PATH', '/usr/bin:/bin')}"
    root = unpack(folder)
    os.chdir(root)
    backend = load_backend(root)
    ask = getattr(backend, "get_requires_for_build_wheel", None)
    requires = list(ask(None)) if ask else []
    if lacking(requires, tools):
        (folder / "requires.json").write_text(json.dumps(requires), encoding="utf-8")
        return
    (folder / "wheel").mkdir()
    built = folder / "built"
    built.mkdir()
    name = backend.build_wheel(str(built), None)
    settle(built / name, folder / "wheel" / name)


def unpack(folder: Path) -> Path:
    """Unpack the archive and return the folder in it."""
    (archive,) = (folder / "sdist").iterdir()
    source = folder / "source"
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(source)
    else:
        with tarfile.open(archive) as opened:
            opened.extractall(source, filter="data")
    (root,) = (path for path in source.iterdir() if path.is_dir())
    for path in sorted(root.rglob("*")):
        os.utime(path, (EPOCH, EPOCH), follow_symlinks=False)
    return root


def load_backend(root: Path):
    """Return the object that builds, as PEP 517 says."""
    path = root / "pyproject.toml"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    system = tomllib.loads(text).get("build-system", {})
    for place in reversed(system.get("backend-path", [])):
        sys.path.insert(0, str(root / place))
    module, _, name = system.get("build-backend", LEGACY).partition(":")
    found = importlib.import_module(module)
    for part in filter(None, name.split(".")):
        found = getattr(found, part)
    return found


def lacking(requires: list, tools: str) -> list:
    """Return those of `requires` whose package is not in `tools`."""
    there = {plain(found.name) for found in distributions(path=[tools])}
    names = (re.match(r"[A-Za-z0-9._-]+", line) for line in requires)
    return [name[0] for name in names if name and plain(name[0]) not in there]


def plain(name: str) -> str:
    """Return the normalised name of a package."""
    return re.sub(r"[-_.]+", "-", name).lower()


def settle(built: Path, wheel: Path) -> None:
    """Write the wheel anew without what depends on when and by whom it was built."""
    with zipfile.ZipFile(built) as source, zipfile.ZipFile(wheel, "w") as target:
        for info in sorted(source.infolist(), key=lambda one: one.filename):
            if info.is_dir():
                continue
            kept = zipfile.ZipInfo(info.filename, (1980, 1, 1, 0, 0, 0))
            executable = (info.external_attr >> 16) & 0o111
            kept.external_attr = (0o100755 if executable else 0o100644) << 16
            kept.compress_type = zipfile.ZIP_STORED
            kept.create_system = 3
            target.writestr(kept, source.read(info))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
