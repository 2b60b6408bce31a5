"""What a new lock takes anew, and what it keeps."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from algo.environments.errors import UnknownPackage
from algo.values import Value

if TYPE_CHECKING:
    from algo.project.lock import Lock, Pin, Target


class Upgrade(Value, frozen=True):
    """What a new lock takes the newest versions of: everything, some packages, or nothing."""

    everything: bool = False
    packages: tuple[str, ...] = ()

    def kept(self, lock: Lock) -> dict[Target, tuple[Pin, ...]]:
        """Return the packages of `lock` that stay where the requirements allow it.

        Raises:
            UnknownPackage: A package is not in the lock.
        """
        versions = lock.versions()
        names = {_normal(name): name for name in self.packages}
        for plain, name in names.items():
            if plain not in versions:
                near = difflib.get_close_matches(plain, versions, n=1)
                also = f"algo lock --upgrade {near[0]}" if near else "algo lock --upgrade"
                raise UnknownPackage(f"{name} is not in the lock", hint=also)
        return {
            target: tuple(pin for pin in pins if not (self.everything or pin.name in names))
            for target, pins in lock.targets.items()
        }


NOTHING = Upgrade()


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
