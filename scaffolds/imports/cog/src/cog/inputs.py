"""`Input`: what a parameter of a predictor says of itself."""

from dataclasses import dataclass
from typing import Any

NOTHING = object()


@dataclass(frozen=True)
class InputInfo:
    """A default and bounds; a parameter without a default must be given."""

    default: Any = NOTHING
    description: str = ""
    ge: float | None = None
    le: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    regex: str | None = None
    choices: list | None = None
    deprecated: bool = False

    def keywords(self):
        """Return the bounds as JSON Schema has them."""
        pattern = None if self.regex is None else f"^(?:{self.regex})"
        found = {
            "minimum": self.ge,
            "maximum": self.le,
            "minLength": self.min_length,
            "maxLength": self.max_length,
            "pattern": pattern,
            "description": self.description or None,
            "deprecated": self.deprecated or None,
        }
        return {name: value for name, value in found.items() if value is not None}


def Input(default: Any = NOTHING, **about: Any) -> Any:
    """Describe a parameter; what Cog knows besides is left out."""
    known = {name: value for name, value in about.items() if name in InputInfo.__annotations__}
    return InputInfo(default, **known)
