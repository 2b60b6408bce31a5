"""The Python packages of an image, from the metadata that they were installed with."""

from __future__ import annotations

import hashlib
import re
from email.parser import HeaderParser
from typing import TYPE_CHECKING
from urllib.parse import quote

from algo.images.sbom.document import License, LicenseChoice
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message

    from algo.images.image import LayerKind
    from algo.images.sbom.contents import Contents
    from algo.oci.descriptor import Platform

_METADATA = re.compile(r"(?:.*/)?[^/]+\.(?:dist-info/METADATA|egg-info/PKG-INFO)")
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_LONGEST_NAME = 100
_CLASSIFIER = "License :: "
# What the classifiers that packages still use mean in SPDX; those that leave the version open
# are kept as names.
_SPDX = {
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "Zope Public License": "ZPL-2.1",
    "Boost Software License 1.0 (BSL-1.0)": "BSL-1.0",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v2 (LGPLv2)": "LGPL-2.0-only",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0-1.0",
}


class PythonPackage(Value, frozen=True):
    """An installed package.

    Args:
        name: By PEP 503, as indexes call it.
        version: Its version.
        summary: One line.
        licenses: What it says of its licence.
        homepage: Its address, empty when it gives none.
        requires: The lines of `Requires-Dist`.
        record: SHA-256, in hex, of the record of its files; empty without one.
        kind: Of the layer that holds it.
    """

    name: str
    version: str
    summary: str
    licenses: tuple[LicenseChoice, ...]
    homepage: str
    requires: tuple[str, ...]
    record: str
    kind: LayerKind

    @property
    def purl(self) -> str:
        """Its package URL (https://github.com/package-url/purl-spec, type pypi)."""
        return f"pkg:pypi/{self.name}@{quote(self.version, safe=':')}"


def python_packages(contents: Contents) -> list[PythonPackage]:
    """Return the packages in `contents`, sorted by name."""
    return sorted(_read(contents), key=lambda one: (one.name, one.version, one.kind))


def needs(package: PythonPackage, python: str, platform: Platform) -> list[str]:
    """Return the names of what `package` needs with this `python` on `platform`."""
    from packaging.requirements import InvalidRequirement, Requirement

    environment = {
        "extra": "",
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": _MACHINES.get(platform.architecture, platform.architecture),
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": platform.os,
    }
    found = []
    for line in package.requires:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if requirement.marker is None or requirement.marker.evaluate(environment):
            found.append(_normal(requirement.name))
    return found


def _read(contents: Contents) -> Iterator[PythonPackage]:
    for path, (data, kind) in contents.files.items():
        if not _METADATA.fullmatch(path):
            continue
        head = HeaderParser().parsestr(data.decode("utf-8", "replace"))
        record = contents.files.get(f"{path.rpartition('/')[0]}/RECORD")
        yield PythonPackage(
            name=_normal(str(head.get("Name", ""))),
            version=str(head.get("Version", "")),
            summary=str(head.get("Summary", "")).strip(),
            licenses=_licenses(head),
            homepage=_homepage(head),
            requires=tuple(str(one) for one in head.get_all("Requires-Dist", [])),
            record=hashlib.sha256(record[0]).hexdigest() if record else "",
            kind=kind,
        )


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def _licenses(head: Message) -> tuple[LicenseChoice, ...]:
    expression = str(head.get("License-Expression", "")).strip()
    if expression:
        return (LicenseChoice(expression=expression, acknowledgement="declared"),)
    classified = [
        str(one).rpartition(" :: ")[2]
        for one in head.get_all("Classifier", [])
        if str(one).startswith(_CLASSIFIER) and not str(one).endswith(":: OSI Approved")
    ]
    said = str(head.get("License", "")).strip()
    if not classified and said and said != "UNKNOWN":
        classified = [said.splitlines()[0][:_LONGEST_NAME]]
    return tuple(_license(name) for name in dict.fromkeys(classified))


def _license(name: str) -> LicenseChoice:
    known = _SPDX.get(name, name if name in _SPDX.values() else "")
    named = License(id=known, acknowledgement="declared") if known else None
    return LicenseChoice(license=named or License(name=name, acknowledgement="declared"))


def _homepage(head: Message) -> str:
    addresses = [str(head.get("Home-page", "")).strip()]
    for line in head.get_all("Project-URL", []):
        label, _, address = str(line).partition(",")
        if label.strip().lower() in {"homepage", "home", "repository", "source", "source code"}:
            addresses.append(address.strip())
    return next((one for one in addresses if one.startswith(("https://", "http://"))), "")
