"""`environment.yml`: what it asks of conda, what of pip, and from which channels."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from algo.environments.conda.yaml import load, places
from algo.environments.direct import refuse_place
from algo.environments.errors import RequirementInvalid
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# conda-lock knows these selectors in comments at the end of a line: `- mkl  # [linux64]`.
_SELECTOR = re.compile(r"(.+?)\s*(#.*)\[([^\[\]]+)\](?(2)[^\(\)]*)$")
_SELECTED = {
    "linux-64": {"linux64", "unix", "linux"},
    "linux-aarch64": {"aarch64", "unix", "linux"},
    "osx-64": {"osx64", "osx", "unix"},
    "osx-arm64": {"arm64", "osx", "unix"},
}
_PATHS = re.compile(r"(-r|--requirement|-c|--constraint)[\s=]+(\S+)")


class CondaEnvironment(Value, frozen=True):
    """An `environment.yml`.

    Args:
        name: The file's name.
        text: Its text.
        channels: The channels that it names, the most wanted first.
        platforms: The conda platforms that it is for; empty for any.
    """

    name: str
    text: str
    channels: tuple[str, ...]
    platforms: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> CondaEnvironment:
        """Read the file at `path`.

        Raises:
            RequirementInvalid: It is no environment as conda has them.
        """
        try:
            text = path.read_text(encoding="utf-8")
            found = load(text, path.name)
        except UnicodeDecodeError as error:
            raise RequirementInvalid(f"{path.name} is not UTF-8 at byte {error.start}") from error
        except ValueError as error:
            raise RequirementInvalid(f"{path.name} is no YAML", details=str(error)) from error
        if not isinstance(found, dict) or not isinstance(found.get("dependencies"), list):
            raise RequirementInvalid(
                f"{path.name} has no list of dependencies",
                hint=f"write `dependencies:` with one `- NAME` a line into {path.name}, "
                "then: algo lock",
            )
        for item in found["dependencies"]:
            _check(item, path)
        channels = [one for one in _texts(found.get("channels")) if one != "nodefaults"]
        return cls(path.name, text, tuple(channels), tuple(_texts(found.get("platforms"))))

    def for_conda(self, channels: Sequence[str]) -> str:
        """Return the text without its pip section, and with `channels` when it names none.

        Selectors stay, as they are comments. `pip` itself is asked for, as conda does.
        """
        text = self.text
        listed = any(
            isinstance(item, str) and re.match(r"pip\b(?!-)", item.strip())
            for item in load(text, self.name)["dependencies"]
        )
        for place in reversed(places(text, "dependencies", "pip")):
            instead = "" if listed else place.item("pip")
            text, listed = text[: place.start] + instead + text[place.end :], True
        if not self.channels:
            text = re.sub(r"(?m)^channels:.*\n(?:[ ]*-.*\n)*", "", text)
            text = f"{text.rstrip()}\nchannels:\n" + "".join(f"  - {one}\n" for one in channels)
        return text

    def for_pip(self, subdir: str, root: Path) -> tuple[str, ...]:
        """Return the lines of the pip section that count on `subdir`; `-r` leads from `root`."""
        lines = [line for line in self.text.splitlines() if _counts(line, subdir)]
        found: Any = load("\n".join(lines), self.name)
        sections = [item for item in found["dependencies"] or () if isinstance(item, dict)]
        return tuple(
            _PATHS.sub(lambda match: f"{match[1]} {root / match[2]}", str(line).strip())
            for section in sections
            for line in section.get("pip") or ()
        )


def _check(item: object, path: Path) -> None:
    if isinstance(item, str):
        return
    if not (
        isinstance(item, dict) and set(item) == {"pip"} and isinstance(item["pip"], list | None)
    ):
        raise RequirementInvalid(f"{path.name}: {item!r} under dependencies is no requirement")
    for line in item["pip"] or ():
        refuse_place(str(line), f"{path.name} (pip)", path.parent)


def _counts(line: str, subdir: str) -> bool:
    if line.lstrip().startswith("#"):
        return False
    match = _SELECTOR.match(line)
    return match is None or match[3] in _SELECTED.get(subdir, ())


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []
