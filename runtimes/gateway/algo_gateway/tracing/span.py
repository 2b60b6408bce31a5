"""A span: something that began and ended within a trace."""

from __future__ import annotations

from dataclasses import dataclass, field

INTERNAL, SERVER = 1, 2
Attribute = str | bool | int | float


@dataclass(slots=True)
class Event:
    """Something that happened at `time`, in nanoseconds since 1970."""

    name: str
    time: int
    attributes: dict[str, Attribute] = field(default_factory=dict)


@dataclass(slots=True)
class Span:
    """One span; ids are in hex, times in nanoseconds since 1970.

    `error` is why it failed, None when it did not; `remote`: its parent is another process'.
    """

    trace: str
    span: str
    parent: str
    name: str
    kind: int
    start: int
    end: int
    state: str = ""
    attributes: dict[str, Attribute] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    error: str | None = None
    remote: bool = False
