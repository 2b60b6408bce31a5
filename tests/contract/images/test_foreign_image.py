"""An image for another processor, made without running anything of it, run under emulation."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest
from algo.main import run

from tests.machine.lacking import lacking

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = """
[algorithm]
name = "acme/foreign"
language = "python"
entrypoint = "src/foreign.py:apply"
[environment]
system-packages = ["libsndfile1"]
"""
CODE = """
import numpy


def apply(input):
    return float(numpy.dot(input, input))
"""
ASK = """
import ctypes, importlib.util, platform, ssl, sys, sysconfig
sys.path[:0] = ["/opt/algo/gateway", "/opt/algo/packages", "/opt/algo/app/src"]
import algo_gateway.config, foreign, msgspec, numpy
ctypes.CDLL("libsndfile.so.1")
print(platform.machine(), foreign.apply([3, 4]), numpy.__cached__.split("/")[-1])
print(sysconfig.__cached__, len(ssl.create_default_context().get_ca_certs()) > 50)
"""


def unpacked(archive: Path, folder: Path) -> Path:
    """Lay the layers of the image in `archive` over each other in `folder`."""
    with tarfile.open(archive) as whole:
        listed = whole.extractfile("manifest.json")
        assert listed is not None
        (entry,) = json.load(listed)
        for name in entry["Layers"]:
            with tarfile.open(fileobj=whole.extractfile(name)) as layer:
                layer.extractall(folder, filter="fully_trusted")
    return folder


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("algo_home", "engine")
def test_an_arm64_image_made_here_runs_with_its_packages(
    tmp_path: Path, qemu: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        lacking("only root may change the root")
    want_another_processor()
    root = tmp_path / "foreign"
    (root / "src").mkdir(parents=True)
    (root / "algo.toml").write_text(MANIFEST)
    (root / "requirements.in").write_text("numpy\n")
    (root / "src" / "foreign.py").write_text(CODE)
    monkeypatch.chdir(root)

    assert run(["build", "--platform", "linux/arm64", "-o", str(tmp_path / "image.tar")]) == 0

    system = unpacked(tmp_path / "image.tar", tmp_path / "system")
    shutil.copy(qemu, system / "qemu")
    words = ["chroot", str(system), "/qemu", "/usr/bin/python3", "-c", ASK]
    said = subprocess.run(words, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    assert said.stdout.splitlines() == [
        "aarch64 25.0 __init__.cpython-313.pyc",
        "/usr/lib/python3.13/sysconfig/__pycache__/__init__.cpython-313.pyc True",
    ]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("algo_home", "engine")
def test_a_package_that_must_be_run_to_be_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    want_another_processor()
    (tmp_path / "src").mkdir()
    (tmp_path / "algo.toml").write_text(MANIFEST.replace("libsndfile1", "postfix"))
    (tmp_path / "src" / "foreign.py").write_text("def apply(input):\n    return input\n")
    monkeypatch.chdir(tmp_path)

    assert run(["build", "--platform", "linux/arm64", "--into", "store"]) == 3
    said = capsys.readouterr().err
    assert "error[runtime_unavailable]: " in said
    assert "postfix" in said
    assert "hint: docker pull --platform linux/arm64" in said


def want_another_processor() -> None:
    if os.uname().machine in {"aarch64", "arm64"}:
        reason = "this machine has the processor that the image is for: run it on another"
        lacking(reason)
