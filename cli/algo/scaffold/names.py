"""From an algorithm's name to the words its files need."""

from __future__ import annotations

import keyword
import re
import sys
from typing import TYPE_CHECKING

from msgspec import field

from algo.project.manifest import check_name
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

# What pytest imports by these names: a module of the project would hide it from the tests.
_PYTEST = frozenset({"py", "pytest", "pluggy", "iniconfig", "packaging", "pygments"})


class Variables(Value, frozen=True):
    """What a template may name: `{{ owner }}`, `{{ name }}`, `{{ module }}` and `more`."""

    owner: str
    name: str
    module: str
    more: Mapping[str, str] = field(default_factory=dict)

    def value(self, variable: str) -> str | None:
        """Return the value of `variable`, None when there is none of this name."""
        own = {"owner": self.owner, "name": self.name, "module": self.module}
        return own.get(variable, self.more.get(variable))


def variables(
    full_name: str,
    reserved: Collection[str] = (),
    more: Mapping[str, str] | None = None,
    endings: Collection[str] = (),
) -> Variables:
    """Return the variables of an algorithm called `full_name` (`owner/name`).

    Args:
        full_name: The algorithm's name.
        reserved: Modules that the template imports, which the entry file must not hide, and words
            that its language cannot have there.
        more: What else the template may name.
        endings: What a module's name must not end in.

    Raises:
        BadName: It is not `owner/name` by the rules of OCI repositories.
    """
    owner, name = check_name(full_name).split("/", 1)
    return Variables(owner, name, module_name(name, reserved, endings), more or {})


def module_name(name: str, reserved: Collection[str] = (), endings: Collection[str] = ()) -> str:
    """Return the module for an algorithm called `name`.

    Hyphens and dots become underscores. A name that Python could not import, or that would
    hide a module of the standard library, of pytest or one in `reserved`, gets the prefix `algo_`;
    one that then ends in one of `endings` gets the suffix `_algo`.
    """
    module = re.sub(r"[^a-z0-9_]+", "_", name)
    taken = module in sys.stdlib_module_names or module in reserved or module in _PYTEST
    if taken or not module.isidentifier() or keyword.iskeyword(module):
        module = f"algo_{module}"
    return f"{module}_algo" if module.endswith(tuple(endings)) else module
