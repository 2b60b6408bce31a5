"""The base image `debian:trixie-slim` in the engine.

It is pulled where a registry can be reached; elsewhere a stand-in of the same name is made
from Debian's own packages, so no test knows the difference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.machine import apt
from tests.machine.commands import output_of, succeeds
from tests.machine.places import cache_folder, locked
from tests.machine.say import say

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = "debian:trixie-slim"
SUITE = "trixie"
PULL_SECONDS = 120


def ensure() -> None:
    """Make sure that the engine has the base image.

    Raises:
        MachineError: It can neither be pulled nor made.
    """
    with locked("base"):
        if succeeds(["docker", "image", "inspect", IMAGE]):
            say(f"base image {IMAGE} is there")
        elif succeeds(["docker", "pull", "--quiet", IMAGE], timeout=PULL_SECONDS):
            say(f"pulled {IMAGE}")
        else:
            output_of(["docker", "import", _tree(), IMAGE], timeout=300)
            say(f"{IMAGE} can't be pulled here: imported one made from Debian's packages")


def _tree() -> Path:
    """Return the archive of a minimal Debian root, made on first use."""
    archive = cache_folder("base") / f"debian-{SUITE}-slim.tar"
    if archive.is_file():
        return archive
    apt.install("mmdebstrap")
    say(f"making a minimal Debian {SUITE}, once")
    unfinished = archive.with_suffix(".unfinished.tar")
    include = "--include=ca-certificates"
    mmdebstrap = ["mmdebstrap", "--quiet", "--variant=minbase", include]
    output_of([*mmdebstrap, SUITE, str(unfinished), apt.mirror()], timeout=900)
    return unfinished.replace(archive)
