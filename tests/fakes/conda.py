"""A conda channel of packages made here, one of which is the real Python that runs the tests."""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from algo.environments.conda import locker

from tests.machine import pinned
from tests.machine.commands import output_of
from tests.machine.places import cache_folder, locked
from tests.machine.say import say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# What the builds of real packages have in place of their prefix; long, as it can only be shortened.
PLACEHOLDER = "/placehold" + "_placehold" * 24
VERSION = platform.python_version()
MINOR = ".".join(VERSION.split(".")[:2])
_OUT = {"site-packages", "dist-packages", "test", "tests", "idlelib", "tkinter", "turtledemo"}
_OUT |= {"ensurepip", "lib2to3", "pydoc_data", "__pycache__"}
_NEWER = """
import os, sys
from conda_package_streaming.transmute import transmute
transmute(sys.argv[1], os.path.dirname(sys.argv[1]), compression_level=3)
"""
_INDEX = """
import asyncio, os, sys
from rattler.index import index_fs
asyncio.run(index_fs(sys.argv[1]))
os._exit(0)
"""


@dataclass
class Content:
    """What a package holds.

    Args:
        files: Content by path.
        executable: Paths with the mode 0755.
        links: The aim of symbolic links by path.
        prefixed: `text` or `binary` by path, of files that name the prefix.
        points: Console scripts, `NAME = MODULE:FUNCTION`.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    executable: set[str] = field(default_factory=set)
    links: dict[str, str] = field(default_factory=dict)
    prefixed: dict[str, str] = field(default_factory=dict)
    points: list[str] = field(default_factory=list)


def package(
    channel: Path,
    name: str,
    version: str,
    content: Content,
    depends: Sequence[str] = (),
    *,
    subdir: str = "noarch",
    build: str = "0",
) -> Path:
    """Write a package into a channel; `index` makes it known. In `noarch` it is of Python."""
    identity = {"name": name, "version": version, "build": build, "build_number": 0}
    about = identity | {"depends": list(depends), "subdir": subdir, "license": "MIT"}
    about |= {"noarch": "python"} if subdir == "noarch" else {}
    paths = [_path(place, data, content) for place, data in sorted(content.files.items())]
    paths += [{"_path": place, "path_type": "softlink"} for place in sorted(content.links)]
    info: dict[str, object] = {
        "index.json": about,
        "paths.json": {"paths": paths, "paths_version": 1},
    }
    if subdir == "noarch":
        noarch = {"type": "python", "entry_points": content.points}
        info["link.json"] = {"noarch": noarch, "package_metadata_version": 1}
    path = channel / subdir / f"{name}-{version}-{build}.tar.bz2"
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:bz2", compresslevel=1) as archive:
        for place, value in info.items():
            _add(archive, f"info/{place}", json.dumps(value).encode(), executable=False)
        for place, data in content.files.items():
            _add(archive, place, data, executable=place in content.executable)
        for place, aim in content.links.items():
            member = tarfile.TarInfo(place)
            member.type, member.linkname = tarfile.SYMTYPE, aim
            archive.addfile(member)
    return path


def index(channel: Path) -> Path:
    """Write the indexes of a channel, as a real one has them."""
    (channel / "noarch").mkdir(parents=True, exist_ok=True)
    # py-rattler may crash at the exit of a process, so that is one of its own.
    output_of([sys.executable, "-c", _INDEX, str(channel)], timeout=120)
    return channel


def module(name: str, version: str, source: str, points: Sequence[str] = ()) -> Content:
    """Return a Python package of one module."""
    info = f"site-packages/{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    record = "".join(f"{one},,\n" for one in (f"{name}.py", f"{name}-{version}.dist-info/METADATA"))
    return Content(
        files={
            f"site-packages/{name}.py": source.encode(),
            f"{info}/METADATA": metadata.encode(),
            f"{info}/RECORD": record.encode(),
        },
        points=list(points),
    )


def newer_form(path: Path) -> Path:
    """Turn a package into the form that channels have today: `.conda`, compressed by zstd."""
    python = pinned.interpreter(Path(locker.__file__).with_name("conda-lock.txt"))
    output_of([str(python), "-c", _NEWER, str(path)], timeout=120)
    path.unlink()
    return path.with_name(path.name.removesuffix(".tar.bz2") + ".conda")


def real_python() -> Content:
    """Return the Python that runs here as a package: it finds its library by its prefix alone."""
    content = Content()
    base = Path(sys.base_prefix)
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "python")
        shutil.copyfile(Path(sys._base_executable).resolve(), program)  # type: ignore[attr-defined]
        library = str(sysconfig.get_config_var("INSTSONAME") or "")
        shared = Path(sysconfig.get_config_var("LIBDIR"), library)
        if sysconfig.get_config_var("Py_ENABLE_SHARED") and _needs(program, library):
            output_of(["patchelf", "--set-rpath", f"{PLACEHOLDER}/lib", str(program)])
            content.files[f"lib/{library}"] = shared.read_bytes()
            content.prefixed[f"bin/python{MINOR}"] = "binary"
        content.files[f"bin/python{MINOR}"] = program.read_bytes()
    content.executable.add(f"bin/python{MINOR}")
    content.links |= {"bin/python": f"python{MINOR}", "bin/python3": f"python{MINOR}"}
    stdlib = Path(sysconfig.get_path("stdlib"))
    for path in sorted(stdlib.rglob("*")):
        parts = path.relative_to(stdlib).parts
        if _OUT & set(parts) or parts[0].startswith("config-") or not path.is_file():
            continue
        place, data = f"lib/python{MINOR}/{'/'.join(parts)}", path.read_bytes()
        if path.name.startswith("_sysconfigdata"):
            data = re.sub(re.escape(str(base)).encode(), PLACEHOLDER.encode(), data)
            content.prefixed[place] = "text"
        content.files[place] = data
    content.files[f"lib/python{MINOR}/site-packages/README.txt"] = b"Packages lie here.\n"
    return content


def stand_in(version: str = VERSION) -> Content:
    """Return a Python that only looks like one: for platforms that cannot run here."""
    minor = ".".join(version.split(".")[:2])
    return Content(
        files={
            f"bin/python{minor}": b"#!/bin/sh\nexit 9\n",
            f"lib/python{minor}/os.py": b"",
            f"lib/python{minor}/site-packages/README.txt": b"",
        },
        executable={f"bin/python{minor}"},
        links={"bin/python": f"python{minor}"},
    )


def _needs(program: Path, library: str) -> bool:
    done = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    return library in done.stdout


def _path(place: str, data: bytes, content: Content) -> Mapping[str, object]:
    found = {
        "_path": place,
        "path_type": "hardlink",
        "sha256": hashlib.sha256(data).hexdigest(),
        "size_in_bytes": len(data),
    }
    mode = content.prefixed.get(place)
    return found | ({"file_mode": mode, "prefix_placeholder": PLACEHOLDER} if mode else {})


def _add(archive: tarfile.TarFile, place: str, data: bytes, *, executable: bool) -> None:
    member = tarfile.TarInfo(place)
    member.size, member.mode = len(data), 0o755 if executable else 0o644
    archive.addfile(member, io.BytesIO(data))


def make_channel(folder: Path) -> Path:
    """Return a channel with a Python for each platform, `pip`, and a few packages on top."""
    here = {"x86_64": "linux-64", "aarch64": "linux-aarch64"}[os.uname().machine]
    for subdir in ("linux-64", "linux-aarch64"):
        content = real_python() if subdir == here else stand_in()
        build = f"h{subdir[-2:]}_0"
        newer_form(package(folder, "python", VERSION, content, subdir=subdir, build=build))
    for name, version, source in (
        ("pip", "24.0", ""),
        ("greeting", "1.0", "NUMBER = 1\n\n\ndef main():\n    print('one')\n"),
        ("greeting", "2.0", "NUMBER = 2\n\n\ndef main():\n    print('two')\n"),
    ):
        points = ["greet = greeting:main"] if name == "greeting" else []
        package(folder, name, version, module(name, version, source, points), ["python >=3.8"])
    tool = Content(
        files={"bin/tool": f"#!/bin/sh\necho {PLACEHOLDER}/share/tool\n".encode()},
        executable={"bin/tool"},
        links={"share/nowhere": "not/there", "share/tool": "../bin/tool"},
        prefixed={"bin/tool": "text"},
    )
    for subdir in ("linux-64", "linux-aarch64"):
        package(folder, "tool", "3.1", tool, subdir=subdir)
    package(folder, "old", "1.0", module("old", "1.0", ""), ["python >=3.8", "greeting <2"])
    return index(folder)


def channel() -> Path:
    """Return a channel of `make_channel`, made once and kept; to change one, copy it.

    Raises:
        MachineError: It cannot be made here.
    """
    said = Path(__file__).read_bytes() + sys.version.encode() + sys.base_prefix.encode()
    place = cache_folder("conda-channels") / hashlib.sha256(said).hexdigest()[:12]
    with locked(f"conda-channel-{place.name}"):
        if not place.is_dir():
            say(f"making a conda channel of Python {VERSION} and a few packages")
            with tempfile.TemporaryDirectory(dir=place.parent) as folder:
                made = make_channel(Path(folder, "channel"))
                made.rename(place)
    return place
