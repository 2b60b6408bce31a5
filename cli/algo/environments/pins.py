"""Requirements files in which every line is a version with hashes."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from algo.environments.accelerator import PYTORCH, TORCH_INDEX
from algo.environments.errors import RequirementInvalid
from algo.project.lock import Pin

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)\s*(.*)")
_HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")
_TORCH = re.compile(rf"# from https://{re.escape(TORCH_INDEX)}/whl/(\w+)")


def read_pins(path: Path) -> tuple[Pin, ...]:
    """Read a requirements file in which every line has hashes.

    Raises:
        RequirementInvalid: As `parse_pins`.
    """
    return parse_pins(path.read_text(encoding="utf-8"), path.name)


def parse_pins(text: str, where: str, folders: Sequence[Path] = ()) -> tuple[Pin, ...]:
    """Read a requirements file in which every line is `name==version --hash=…`.

    Args:
        text: Its text. A comment below a line may name the index that the package is from.
        where: What to call it in an error.
        folders: Where packages lie that no index has hashes of.

    Raises:
        RequirementInvalid: A line is not of this form, or has no hash.
    """
    pins: list[Pin] = []
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        if pins and (index := _TORCH.fullmatch(line.strip())):
            pins[-1] = replace(pins[-1], source=f"{PYTORCH}{index[1]}")
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _PIN.fullmatch(line.strip())
        if not match:
            raise RequirementInvalid(
                f"{where}: {line.split(' --hash')[0].strip()!r} cannot be locked",
                details="A lock holds names, versions and hashes; not addresses and folders.",
                hint="publish the package to an index and require it by name",
            )
        hashes = tuple(sorted(set(_HASH.findall(match[3]))))
        if not hashes and folders:
            from algo.environments.indexes import local_hashes

            hashes = local_hashes(match[1].lower(), match[2], folders)
        if not hashes:
            raise RequirementInvalid(f"{where}: the index gives no SHA-256 for {match[1]}")
        pins.append(Pin(match[1].lower(), match[2], hashes))
    return tuple(sorted(pins))


def render_pins(pins: Iterable[Pin], options: Iterable[str] = ()) -> str:
    """Return `pins` as a requirements file with hashes, below `options`."""
    return "".join(f"{option}\n" for option in options) + "".join(
        f"{pin.name}=={pin.version}" + "".join(f" --hash={one}" for one in pin.hashes) + "\n"
        for pin in pins
    )
