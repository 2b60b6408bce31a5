"""Where the folders of languages are: those that were named, then ours."""

from __future__ import annotations

import difflib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from algo.errors import UsageError
from algo.languages.errors import LanguageMismatch, LanguageUnknown, RuntimeInvalid
from algo.languages.spec import FILE, RuntimeSpec, extends, read_spec
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

GATEWAY = "gateway"


class Runtimes(Value, frozen=True):
    """The languages that are known.

    Args:
        shipped: The folder of the gateway and of our languages.
        more: Folders that hold others, or ours in another form: they come first.
    """

    shipped: Path
    more: tuple[Path, ...] = ()

    @property
    def gateway(self) -> Path:
        """The folder of the gateway."""
        return self.shipped / GATEWAY

    @property
    def known(self) -> tuple[str, ...]:
        """The names of the languages, sorted."""
        return tuple(sorted({path.name for path in self._all()}))

    def folder(self, language: str) -> Path:
        """Return the folder of `language`: its runner, its steps and its Dockerfiles.

        Raises:
            LanguageUnknown: There is none.
        """
        own = self._own(language)
        extended = extends(own)
        return self._own(extended) if extended else own

    def _own(self, language: str) -> Path:
        for root in (*self.more, self.shipped):
            if "/" not in language and (root / language / FILE).is_file():
                return root / language
        # `golang` is go, and half of its letters say so.
        near = difflib.get_close_matches(language.lower(), self.known, n=1, cutoff=0.5)
        meant = f"did you mean {near[0]}? " if near else ""
        raise LanguageUnknown(
            f"there is no language {language!r}",
            hint=f"{meant}set language to one of: {', '.join(self.known)}; or pass --runtimes DIR",
        )

    def spec(self, language: str) -> RuntimeSpec:
        """Return what the `runtime.toml` of `language` says.

        Raises:
            LanguageUnknown: There is none.
            RuntimeInvalid: It cannot be read, or is of another language.
        """
        folder = self._own(language)
        extended = extends(folder)
        spec = read_spec(folder, self._own(extended) if extended else None)
        if spec.language != language:
            raise RuntimeInvalid(
                f"{folder.name}/{FILE} is of {spec.language!r}",
                hint=f'write language = "{language}" there',
            )
        return spec

    def suffixes(self, language: str, file: str) -> tuple[str, ...]:
        """Return how files of `language` end, where the entry `file` may be one of them.

        Raises:
            LanguageMismatch: It ends as those of another language do.
        """
        suffix, own = PurePosixPath(file).suffix, self.spec(language).suffixes
        if not suffix or not own or suffix in own:
            return own
        others = [one for one in self.known if suffix in self.spec(one).suffixes]
        if others:
            raise LanguageMismatch(
                f"{file} is no file of {language}, whose files end in {' or '.join(own)}",
                hint=f'set language = "{others[0]}" in algo.toml, or name another file there',
            )
        return own

    def _all(self) -> list[Path]:
        roots = (*self.more, self.shipped)
        return [path.parent for root in roots for path in root.glob(f"*/{FILE}")]


def check_named(folders: Iterable[Path], where: str) -> None:
    """Refuse folders that bring no language; `where` is what named them.

    Raises:
        UsageError: One is not there, or holds neither a language nor templates for one.
    """
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(
                f"{where} names {folder}, which is no folder",
                hint="name the folder that holds the folder of the language",
            )
        if any(any(folder.glob(form)) for form in (f"*/{FILE}", "*/scaffolds/*/")):
            continue
        within = (folder / FILE).is_file()
        meant = f"name the folder above it: {folder.parent}" if within else ""
        raise UsageError(
            f"{where} names {folder}, which holds no folder of a language",
            hint=meant or f"a language is a folder there with a {FILE}, as LANGUAGE/{FILE}",
        )
