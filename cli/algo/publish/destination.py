"""Where a version goes: `--to`, else the manifest's registry, else the embedded store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from algo.oci.errors import BadReference
from algo.oci.reference import Reference
from algo.publish.errors import BadDestination

if TYPE_CHECKING:
    from algo.project.project import Project


def destination(to: str, project: Project) -> Reference:
    """Return the repository that `project` is published to, without tag or digest.

    `HOST` alone takes the project's own name, `HOST/OWNER` its short name below that owner,
    `HOST/OWNER/NAME` is taken as it is; `OWNER/NAME` is another name in the embedded store.

    Raises:
        BadDestination: `to` is none of these.
    """
    return place_of(to or project.manifest.registry.url, project.name)


def place_of(to: str, name: str) -> Reference:
    """Return the repository that `owner/name` has at `to`, see `destination`.

    Raises:
        BadDestination: `to` is none.
    """
    text = to.removeprefix("https://").removeprefix("http://").rstrip("/")
    if not text:
        return Reference("", name)
    first, _, rest = text.partition("/")
    is_host = "." in first or ":" in first or first == "localhost"
    if to.startswith(("https://", "http://")) and not is_host:
        raise BadDestination(f"{first!r} is not a registry's host: it has neither domain nor port")
    if is_host and not rest:
        text = f"{first}/{name}"
    elif is_host and "/" not in rest:
        text = f"{text}/{name.split('/', 1)[1]}"
    try:
        found = Reference.parse(text)
    except BadReference as error:
        raise BadDestination(error.message) from error
    if found.tag or found.digest:
        place = replace(found, tag="", digest=None)
        hint = f"algo publish --to {place} --version {found.tag or 'V'}"
        raise BadDestination(f"{to!r} names a version", hint=hint)
    return found
