"""What a project is called that was given no name."""

from __future__ import annotations

import re

from algo.project.manifest import check_name

_NOBODY = "local"


def choose_name(given: str, source: str, user: str) -> str:
    """Return `given`, or a name made of the user's and the source's.

    Args:
        given: `owner/name`, empty for none.
        source: What is imported, or the folder that it goes to.
        user: Who imports it; may be empty.

    Raises:
        BadName: `given` breaks the rules of OCI repositories.
    """
    if given:
        return check_name(given)
    return check_name(f"{_component(user) or _NOBODY}/{_component(source) or 'model'}")


def _component(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60].strip("-")
