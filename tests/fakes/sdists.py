"""Source archives of tiny packages, one pure and one with a C extension."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SETUP = """
from setuptools import Extension, setup
setup(name="{name}", version="{version}", {what})
"""
_C = """
#include <Python.h>
static PyObject *answer(PyObject *self, PyObject *args) {{ return PyLong_FromLong({answer}); }}
static PyMethodDef methods[] = {{{{"answer", answer, METH_NOARGS, NULL}}, {{NULL}}}};
static const char *when = __DATE__ __TIME__;
static struct PyModuleDef module = {{PyModuleDef_HEAD_INIT, "{name}", NULL, -1, methods}};
PyMODINIT_FUNC PyInit_{name}(void) {{ module.m_doc = when; return PyModule_Create(&module); }}
"""


def pure(folder: Path, name: str, version: str, source: str) -> Path:
    """Write the archive of a package that is one module with the text `source`."""
    setup = _SETUP.format(name=name, version=version, what=f'py_modules=["{name}"]')
    return _archive(folder, name, version, {"setup.py": setup, f"{name}.py": source})


def compiled(folder: Path, name: str, version: str, answer: int, head: str = "") -> Path:
    """Write the archive of a package whose `answer()` is written in C, and when it was compiled.

    Args:
        folder: Where the archive goes.
        name: The package and its module.
        version: Its version.
        answer: What it answers.
        head: What stands above all else in its source.
    """
    what = f'ext_modules=[Extension("{name}", ["{name}.c"])]'
    setup = _SETUP.format(name=name, version=version, what=what)
    code = head + _C.format(name=name, answer=answer)
    return _archive(folder, name, version, {"setup.py": setup, f"{name}.c": code})


def _archive(folder: Path, name: str, version: str, files: dict[str, str]) -> Path:
    root = f"{name}-{version}"
    # From 2.2 on the metadata of a source are those of its wheel: nothing is built to know them.
    info = f"Metadata-Version: 2.2\nName: {name}\nVersion: {version}\n"
    files = {**files, "PKG-INFO": info}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{root}.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for place, text in files.items():
            member = tarfile.TarInfo(f"{root}/{place}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return path
