"""A working tree that says what the test says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from algo.environments.errors import Unsatisfiable
from algo.project.errors import EntrypointMissing
from msgspec.structs import replace

if TYPE_CHECKING:
    from algo.engines.interface import Shared
    from algo.events import Notify
    from algo.serving.interface import Servable


@dataclass(frozen=True)
class FakeSays:
    """What manifest and requirements say: packages, a base, or why they cannot be had."""

    packages: tuple[str, ...] = ()
    base: str = ""
    error: str = ""
    missing: str = ""


class FakeTree:
    """Set `says` to what the files say now."""

    def __init__(self) -> None:
        self.says = self.prepared = FakeSays()

    def concerned(self, path: str) -> bool:
        return path in ("algo.toml", "requirements.in")

    def is_code(self, path: str) -> bool:
        return not self.concerned(path)

    def writes(self, path: str) -> bool:
        return path == "algo.lock"

    def changed(self) -> bool:
        return self.says != self.prepared

    def prepare(self, current: Servable, shared: Shared | None, notify: Notify) -> Servable:
        self.prepared = self.says
        if self.says.missing:
            raise EntrypointMissing(self.says.missing)
        if self.says.error:
            raise Unsatisfiable(self.says.error)
        at = f"/packages/{'/'.join(self.says.packages)}"
        return replace(current, packages=self.says.packages, packages_at=at, base=self.says.base)
