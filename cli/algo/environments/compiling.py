"""One resolution by `uv pip compile`, in the forms that are needed of it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from algo.environments.errors import Unsatisfiable
from algo.environments.pins import parse_pins
from algo.environments.pylock import select
from algo.project.lock import UNBUILT
from algo.resources import scratch
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from algo.environments.uv import Uv
    from algo.errors import AlgoError
    from algo.project.lock import Pin, Target

# How uv says that a package would have to be built.
_NO_WHEEL = re.compile(r"Wheels are required for `([^`]+)`")
_ROUNDS = 20


class Compiling(Value, frozen=True):
    """What to resolve.

    Args:
        uv: The program.
        root: The folder whose settings count.
        asking: The arguments that say what is wanted, and for what.
        prefer: Versions to keep where that is possible.
        fixed: Packages whose versions are settled.
        failure: What to raise when it cannot be done.
    """

    uv: Uv
    root: Path
    asking: Sequence[str]
    prefer: Mapping[str, str]
    fixed: Sequence[Pin]
    failure: AlgoError

    def text(self, *more: str) -> str:
        """Return the packages as requirements with the hashes of all their files."""
        kept = "".join(f"{name}=={self.prefer[name]}\n" for name in sorted(self.prefer))
        form = ["--generate-hashes", "--no-annotate", "--emit-index-annotation"]
        return self._run("locked.txt", kept, [*form, *more])

    def pylock(self, *more: str) -> str:
        """Return the packages as a `pylock.toml` with the files that fit."""
        kept = 'lock-version = "1.0"\ncreated-by = "algo"\n' + "".join(
            f'[[packages]]\nname = "{name}"\nversion = "{self.prefer[name]}"\nwheels = []\n'
            for name in sorted(self.prefer)
        )
        return self._run(
            "pylock.toml", kept if self.prefer else "", ["--format", "pylock.toml", *more]
        )

    def for_image(self, where: str, target: Target, folders: Sequence[Path]) -> tuple[Pin, ...]:
        """Return the packages, with wheels where there are any.

        Args:
            where: What the requirements are called.
            target: The image's.
            folders: Where package files lie on this machine.

        Raises:
            Unsatisfiable: There are no such packages.
        """
        try:
            return parse_pins(self.text("--only-binary", ":all:"), where, folders)
        except Unsatisfiable as error:
            if not _lacking(error):
                raise
            return self._with_sources(error, where, target)

    def _with_sources(self, error: AlgoError, where: str, target: Target) -> tuple[Pin, ...]:
        """Return the packages, source alone only where nothing else can be had; those `UNBUILT`.

        uv can forbid sources for all packages or for named ones, not for all but some: so those
        that came along are named until none is left that has wheels of another version.

        Args:
            error: Why it cannot be done with wheels alone.
            where: What the requirements are called.
            target: The image's.
        """
        sources, wheels = set(_lacking(error)), set[str]()
        for _ in range(_ROUNDS):
            try:
                only = [f"--only-binary={name}" for name in sorted(wheels - sources)]
                pins, without = select(self.pylock(*only), where, target)
            except Unsatisfiable as again:
                more = set(_lacking(again)) - sources
                if not more:
                    raise
                sources |= more
                continue
            if without <= sources:
                return tuple(replace(p, wheel=UNBUILT) if p.name in without else p for p in pins)
            wheels |= {pin.name for pin in pins}
        raise error

    def _run(self, name: str, kept: str, form: list[str]) -> str:
        with scratch("lock") as folder:
            output, constraints = Path(folder, name), Path(folder, "fixed.txt")
            if kept:
                output.write_text(kept, encoding="utf-8")
            lines = "".join(f"{pin.name}=={pin.version}\n" for pin in self.fixed)
            constraints.write_text(lines, encoding="utf-8")
            arguments = ["pip", "compile", *self.asking, "--output-file", str(output)]
            arguments += ["--constraint", str(constraints), "--no-header", "--quiet", *form]
            self.uv.run(arguments, self.root, self.failure)
            return output.read_text(encoding="utf-8")


def _lacking(error: AlgoError) -> list[str]:
    return _NO_WHEEL.findall(error.details)
