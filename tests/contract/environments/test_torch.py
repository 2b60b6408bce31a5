"""Which build of PyTorch is locked, on an index laid out like PyTorch's."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from algo.environments.accelerator import wanted
from algo.environments.errors import IndexUnreachable
from algo.environments.interpreters import this_interpreter
from algo.environments.locking import Locking, ensure_lock, make_lock
from algo.environments.pip import Pip
from algo.environments.upgrade import NOTHING, Upgrade
from algo.environments.virtualenv import ensure_environment
from algo.events import silent
from algo.project.lock import Lock, Target
from algo.project.project import Project
from algo.resources import user_folders

from tests.fakes.index import Index, serving
from tests.fakes.pytorch import PyTorchIndex, pytorch_index
from tests.fakes.wheels import wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOST = this_interpreter()
TARGETS = (Target("linux/amd64", "3.13"), Target("linux/arm64", "3.13"))
MACHINES = ("x86_64", "aarch64")
CUDA = "nvidia_cuda_runtime_cu12"


@dataclass
class Site:
    """A project that needs torch, PyPI with the large build, and PyTorch's own index."""

    root: Path
    env: dict[str, str]
    pytorch: PyTorchIndex
    lines: list[str] = field(default_factory=list)

    def project(self, environment: str) -> Project:
        head = '[algorithm]\nname = "acme/p"\nlanguage = "python"\nentrypoint = "p.py:apply"\n'
        (self.root / "algo.toml").write_text(f"{head}[environment]\n{environment}\n")
        (self.root / "requirements.in").write_text("torch\n")
        return Project.open(self.root)

    def locking(self, project: Project, driver: str = "") -> Locking:
        build = wanted(project.manifest.environment, lambda: driver)
        return Locking(Pip(self.env), HOST, "3.13", build)

    def lock(self, environment: str, driver: str = "", upgrade: Upgrade = NOTHING) -> Lock:
        project = self.project(environment)
        locking = self.locking(project, driver)
        return make_lock(project, locking, notify=silent, upgrade=upgrade).lock


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    pypi, whl = tmp_path / "pypi", tmp_path / "site" / "whl"
    cuda = [f"{CUDA}; platform_machine == 'x86_64'"]
    for machine in MACHINES:
        tag = f"py3-none-manylinux_2_28_{machine}"
        wheel(pypi, "torch", "2.9.0", "BUILD = 'large'\n", cuda, tag)
        for build in ("cpu", "cu118", "cu128"):
            needs = cuda if build != "cpu" else []
            wheel(whl / build, "torch", f"2.9.0+{build}", f"BUILD = '{build}'\n", needs, tag)
    wheel(pypi, CUDA, "12.8.90", "")
    (tmp_path / "p").mkdir()
    with serving(Index(pypi)) as index, pytorch_index(whl.parent, tmp_path / "tls") as (own, more):
        env = {**os.environ, **more, "UV_DEFAULT_INDEX": index.url()}
        yield Site(tmp_path / "p", env | {"UV_CACHE_DIR": str(tmp_path / "uv")}, own)


def versions(lock: Lock) -> dict[str, str]:
    """Return what the images have, which must be the same for both but for CUDA itself."""
    amd64, arm64 = ({pin.name: pin.version for pin in lock.pins(one)} for one in TARGETS)
    assert amd64["torch"] == arm64["torch"]
    return amd64


def test_without_a_gpu_it_is_the_cpu_build_everywhere(site: Site, tmp_path: Path) -> None:
    lock = site.lock("gpu = false")
    assert versions(lock) == {"torch": "2.9.0+cpu"}
    text = (site.root / "algo.lock").read_text()
    assert 'source = "pytorch/cpu"' in text
    assert "pytorch.org" not in text

    (pin,) = lock.pins(TARGETS[0])
    pip, project = Pip(site.env), Project.open(site.root)
    pip.install([pin], TARGETS[1], tmp_path / "t", project=project)
    assert (tmp_path / "t" / "torch.py").read_text() == "BUILD = 'cpu'\n"
    folders = user_folders(str(tmp_path / "home"))
    made = ensure_environment(lock, HOST, pip, folders, tests=False, notify=silent, project=project)
    (module,) = made.root.glob("lib/*/site-packages/torch.py")
    assert module.read_text() == "BUILD = 'cpu'\n"


def test_with_a_gpu_it_is_the_cuda_that_the_driver_runs_and_stays_it(site: Site) -> None:
    found = versions(site.lock("gpu = true", driver="470.82.01"))
    assert found == {"torch": "2.9.0+cu118", "nvidia-cuda-runtime-cu12": "12.8.90"}
    # A colleague without a GPU, and one with a newer driver, lock the same.
    assert versions(site.lock("gpu = true"))["torch"] == "2.9.0+cu118"
    assert versions(site.lock("gpu = true", driver="560.35.03"))["torch"] == "2.9.0+cu118"
    newer = site.lock("gpu = true", driver="560.35.03", upgrade=Upgrade(everything=True))
    assert versions(newer)["torch"] == "2.9.0+cu128"


def test_with_a_gpu_elsewhere_it_is_the_cuda_of_the_usual_index(site: Site) -> None:
    found = versions(site.lock("gpu = true"))
    assert found == {"torch": "2.9.0", "nvidia-cuda-runtime-cu12": "12.8.90"}
    assert site.pytorch.asked == []


def test_algo_toml_can_name_the_build_and_a_change_makes_a_new_lock(site: Site) -> None:
    assert versions(site.lock('torch = "cu128"'))["torch"] == "2.9.0+cu128"
    project = site.project('torch = "index"')
    lock = ensure_lock(project, site.locking(project), notify=silent)
    assert versions(lock)["torch"] == "2.9.0"


def test_an_index_of_pytorch_that_cannot_be_reached_is_told_as_such(site: Site) -> None:
    site.env["HTTPS_PROXY"] = "http://127.0.0.1:9"
    with pytest.raises(IndexUnreachable, match=r"index of PyTorch \(download\.pytorch\.org\)") as c:
        site.lock("gpu = false")
    assert 'torch = "index"' in c.value.hint
    assert not (site.root / "algo.lock").exists()
