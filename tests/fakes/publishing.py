"""A project that can be published without building, installing or running anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from algo.contract.record import Contract
from algo.contract.report import TestReport
from algo.environments.interpreters import Interpreter
from algo.environments.locking import Locking
from algo.events import Step
from algo.images.sbom.generate import sbom
from algo.models.cache import ModelCache
from algo.models.ensure import Models
from algo.project.project import Project
from algo.publish.ci import Run
from algo.publish.mounts import Mounts
from algo.publish.prepare import Publishing
from algo.trust.keyring import Keyring
from algo.trust.pins import Pins

from tests.fakes.built import AMD64, built_image
from tests.fakes.packages import FakePackages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from algo.contract.compare import Finding
    from algo.contract.interface import Check
    from algo.events import Notify
    from algo.images.image import BuiltImage
    from algo.images.models import Part
    from algo.models.interface import Origin
    from algo.oci.descriptor import Platform
    from algo.project.lock import Lock
    from algo.project.models import Origin as OriginKind
    from algo.publish.source import Checkout
    from algo.registry.interface import Registry

MANIFEST = """[algorithm]
name = "acme/digits"
language = "python"
entrypoint = "src/digits.py:apply"
"""
HOST = Interpreter(Path("/usr/bin/python3"), "3.11.7", "linux/amd64")


@dataclass
class Bench:
    """A project in `root`, and all that it is published with to `registry`.

    Its image holds the content of `src/digits.py`; each publish is a second later.
    """

    root: Path
    registry: Registry
    seconds: int = 0
    tested: int = 0
    checkouts: Checkout | None = None
    findings: tuple[Finding, ...] = ()
    packages: FakePackages = field(default_factory=FakePackages)

    @property
    def home(self) -> Path:
        """The user's folders."""
        return self.root.parent / "home"

    @property
    def project(self) -> Project:
        """The project as it is now, made when it is not there."""
        if not self.root.is_dir():
            (self.root / "src").mkdir(parents=True)
            (self.root / "algo.toml").write_text(MANIFEST)
            (self.root / "src" / "digits.py").write_text("def apply(x): return x\n")
        return Project.open(self.root)

    def edit(self, code: str) -> None:
        """Change the code."""
        assert self.project
        (self.root / "src" / "digits.py").write_text(code)

    @property
    def tools(self) -> Publishing:
        """What it is published with, by somebody who began a second later than before."""
        self.seconds += 1
        return Publishing(
            open=lambda host: self.registry,
            images=self,
            locks=self,
            tests=self,
            sources=self,
            models=Models(ModelCache(self.home / "models"), _no_origin),
            run=Run(),
            keyring=Keyring(self.home / "keys", {}),
            pins=Pins(self.home / "pins"),
            mounts=Mounts(self.home / "mounts"),
            now=datetime.fromtimestamp(1_000_000_000 + self.seconds, UTC),
        )

    def build(
        self, project: Project, lock: Lock, *, platform: Platform | None = None, notify: Notify
    ) -> BuiltImage:
        """See publish.interface.Images."""
        notify(Step("Making the code layer"))
        code = (project.root / "src" / "digits.py").read_bytes()
        blobs = self.home / "blobs"
        blobs.mkdir(parents=True, exist_ok=True)
        return built_image(blobs, project.name, platform or AMD64, code=code)

    def model_parts(self, project: Project, lock: Lock, name: str) -> Sequence[Part]:
        """See publish.interface.Images: `algo.toml` names no model."""
        raise AssertionError(name)

    def sbom(self, project: Project, lock: Lock, image: BuiltImage, *, version: str = "") -> bytes:
        """See publish.interface.Images."""
        return sbom(image, version=version)

    def locking(self, project: Project) -> Locking:
        """See publish.interface.Locks."""
        return Locking(self.packages, HOST, "3.13")

    def run(
        self, project: Project, previous: Contract | None, check: Check | None = None
    ) -> TestReport:
        """See publish.interface.Tests."""
        if check is not None:
            check(self.findings)
        self.tested += 1
        return TestReport(project.name, (), Contract(), self.findings)

    def checkout(self, project: Project) -> Checkout | None:
        """See publish.interface.Sources."""
        return self.checkouts


def _no_origin(kind: OriginKind) -> Origin:
    raise AssertionError(f"nothing is fetched here, {kind} neither")
