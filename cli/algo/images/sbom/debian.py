"""The Debian packages of an image, from dpkg's own records."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from algo.images.sbom.document import License, LicenseChoice
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from algo.images.sbom.contents import Contents

_FIELD = re.compile(r"([A-Za-z0-9-]+):[ \t]*(.*)")
_FORMAT = "www.debian.org/doc/packaging-manuals/copyright-format"


class System(Value, frozen=True):
    """The system below: `debian`, `13`."""

    id: str
    version: str


class DebianPackage(Value, frozen=True):
    """An installed package.

    Args:
        name: Its name.
        version: Its version.
        architecture: `amd64`, `all`.
        source: The source package, with its version where that differs.
        summary: One line.
        licenses: What its copyright file names, empty where that says it in prose.
        needs: Each a choice of names, of which one must be there.
        provides: What else it counts as.
    """

    name: str
    version: str
    architecture: str
    source: str
    summary: str
    licenses: tuple[LicenseChoice, ...]
    needs: tuple[tuple[str, ...], ...]
    provides: tuple[str, ...]

    def purl(self, system: System) -> str:
        """Return its package URL (https://github.com/package-url/purl-spec, type deb)."""
        version = quote(self.version, safe=":")
        distro = f"&distro={system.id}-{system.version}" if system.version else ""
        where = f"{system.id}/{quote(self.name, safe='')}@{version}"
        return f"pkg:deb/{where}?arch={self.architecture}{distro}"


def system_of(contents: Contents) -> System | None:
    """Return which system the image stands on, None when it does not say."""
    lines = (line.partition("=") for line in contents.text("usr/lib/os-release").splitlines())
    said = {name: value.strip("\"'") for name, _, value in lines}
    return System(said["ID"], said.get("VERSION_ID", "")) if said.get("ID") else None


def debian_packages(contents: Contents) -> list[DebianPackage]:
    """Return the packages in `contents` that are installed, sorted by name."""
    texts = [
        contents.text(path)
        for path in sorted(contents.files)
        if path.startswith("var/lib/dpkg/status") and not path.endswith(".md5sums")
    ]
    found = [_read(said, contents) for text in texts for said in _paragraphs(text)]
    return sorted((one for one in found if one), key=lambda one: (one.name, one.architecture))


def _paragraphs(text: str) -> Iterator[dict[str, str]]:
    for block in re.split(r"\n\s*\n", text):
        said: dict[str, str] = {}
        last = ""
        for line in block.splitlines():
            match = _FIELD.fullmatch(line)
            if match:
                last = match[1]
                said[last] = match[2].strip()
            elif last:
                said[last] += f"\n{line.strip()}"
        if said:
            yield said


def _read(said: dict[str, str], contents: Contents) -> DebianPackage | None:
    # The records of an image without dpkg (status.d) have no status: what is there is installed.
    if not said.get("Status", "install ok installed").endswith(" installed"):
        return None
    needs = ",".join(said[name] for name in ("Pre-Depends", "Depends") if said.get(name))
    return DebianPackage(
        name=said.get("Package", ""),
        version=said.get("Version", ""),
        architecture=said.get("Architecture", ""),
        source=said.get("Source", said.get("Package", "")),
        summary=said.get("Description", "").split("\n", maxsplit=1)[0],
        licenses=_licenses(contents.text(f"usr/share/doc/{said.get('Package', '')}/copyright")),
        needs=tuple(tuple(_names(choice, "|")) for choice in needs.split(",") if choice.strip()),
        provides=tuple(_names(said.get("Provides", ""), ",")),
    )


def _names(text: str, separator: str) -> Iterator[str]:
    for one in text.split(separator):
        name = one.strip().split(" ")[0].split(":")[0]
        if name:
            yield name


def _licenses(copyright_file: str) -> tuple[LicenseChoice, ...]:
    """Return the licences of a machine-readable copyright file (DEP 5), by Debian's names."""
    if _FORMAT not in copyright_file[:500]:
        return ()
    named = {
        said["License"].split("\n", maxsplit=1)[0].strip()
        for said in _paragraphs(copyright_file)
        if "License" in said
    }
    return tuple(
        LicenseChoice(license=License(name=name, acknowledgement="declared"))
        for name in sorted(named)
        if name
    )
