"""`algo build` where nothing has changed: what the last one showed, in a tenth of a second.

It imports neither what builds nor what locks: that alone takes longer than to look at the files.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import field

from algo.events import Note, Warned
from algo.images.unchanged import Reading, Shown, state
from algo.output import Table, plain
from algo.project.project import root_above
from algo.resources import data_folder
from algo.values import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from algo.deps import Deps
    from algo.events import Event
    from algo.images.deliver import BuildReport
    from algo.images.image import BuiltImage

_VARIABLES = ("SOURCE_DATE_EPOCH",)
_OURS = "ALGO_"


class Again(Record):
    """One run of `algo build` with nothing but a place and platforms asked for.

    Args:
        deps: What the command may reach.
        reading: What a build of the project reads.
        into: `docker` or `store`, empty for docker when it answers.
        before: The state before anything is done, empty when it says nothing.
    """

    deps: Deps
    reading: Reading
    into: str
    before: str
    lines: list[tuple[bool, str]] = field(default_factory=list)

    @classmethod
    def of(cls, deps: Deps, into: str, platforms: str) -> Again | None:
        """Look at the files of the project around; None when there is none."""
        root = root_above(deps.cwd)
        if root is None:
            return None
        given = {name: text for name, text in deps.env.items() if name.startswith(_OURS)}
        given |= {name: deps.env.get(name, "") for name in _VARIABLES}
        words = (into, platforms, *(f"{name}={text}" for name, text in sorted(given.items())))
        code = Path(__file__).resolve().parents[2]
        others = (code, data_folder("runtimes"), *deps.languages)
        reading = Reading(root, tuple(dict.fromkeys(others)), words, deps.image_cache())
        return cls(deps, reading, into, reading.state())

    def shown(self) -> bool:
        """Show what the last build did, if nothing changed since and its image is still there."""
        found = self.reading.recall(self.before)
        if found is None or not self._there(found):
            return False
        output = self.deps.output
        for warning, text in found.lines:
            output.event(Warned(text) if warning else Note(text))
        for columns, rows in found.tables:
            output.aside(Table(columns, rows))
        output.result(found.result, human=found.human)
        return True

    def notify(self, event: Event) -> None:
        """Show what every build of the project says, and keep it."""
        if isinstance(event, Warned | Note):
            self.lines.append((isinstance(event, Warned), event.text))
        self.deps.output.event(event)

    def remember(
        self,
        images: Sequence[BuiltImage],
        tables: Sequence[Table],
        result: BuildReport | Sequence[BuildReport],
        human: str,
    ) -> None:
        """Keep what a build that does nothing would show of `images`, which are in place."""
        tags, held = self._places(images)
        self.reading.remember(
            Shown(
                state=self.before,
                lines=tuple(self.lines),
                tables=tuple((table.columns, tuple(table.rows)) for table in tables),
                result=plain(result),
                human=human,
                tags=tags,
                held=held,
                held_state=_state(held) if held else "",
            )
        )

    def _places(self, images: Sequence[BuiltImage]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the names of the images in the engine, or the files in the store."""
        if self.into != "store" and self.deps.image_engine() is not None:
            return tuple(image.tag for image in images), ()
        store, held = self.deps.store(), dict[str, None]()
        for image in images:
            blobs = store.folder(image.name) / "blobs" / "sha256"
            digests = [layer.descriptor.digest for layer in image.layers]
            for digest in (image.digest, image.config.digest, *digests):
                held[str(blobs / digest.hex)] = None
        return (), tuple(held)

    def _there(self, found: Shown) -> bool:
        if not found.tags:
            engine = self.deps.image_engine() if self.into != "store" else None
            return engine is None and found.held_state == _state(found.held)
        engine = self.deps.image_engine()
        return engine is not None and all(map(engine.has, found.tags))


def _state(blobs: Sequence[str]) -> str:
    """Return the state of `blobs`; they were compared with their digests after being written."""
    return state(map(Path, blobs), tick=0)
