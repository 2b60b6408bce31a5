"""The only user of rich: results on stdout, the story on stderr."""

from __future__ import annotations

import contextlib
import io
import re
import sys
import time
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any, TextIO

from algo import events
from algo.errors import INTERRUPTED, AlgoError, ResultLost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID
    from rich.status import Status
    from rich.text import Text


@dataclass(frozen=True, slots=True)
class Table:
    """Rows for people: column names, then one tuple of cells per row.

    A cell may begin with a mark (`ok`, `failed`, `missing`), which a terminal shows in colour.
    """

    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Running:
    """A step that runs since `began`, as a terminal shows it: with its time once that is long."""

    text: str
    began: float
    clock: Callable[[], float]

    def __rich__(self) -> Text:
        """Return the line as it is now."""
        from rich.text import Text

        seconds = int(self.clock() - self.began)
        line = Text(self.text)  # what is in brackets is no markup
        return line.append(f"  {_lasting(seconds)}", "dim") if seconds >= _SOON else line


# A step that is done by then needs no clock.
_SOON = 3
_GAP, _WIDEST = "  ", 72
# What can be pasted is one line of a terminal where it can be.
_LINE = 80
_DIGEST = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")
_COLOURS = {
    "ok": "green",
    "passed": "green",
    "verified": "green",
    "failed": "red",
    "error": "red",
    "missing": "yellow",
    "warning": "yellow",
}


@contextlib.contextmanager
def _writing() -> Iterator[None]:
    """Name what keeps a result from being written; a reader that went away is no error."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ResultLost(f"the result cannot be written: {error.strerror}") from error


@dataclass(slots=True)
class Output:
    """Shows results, events and errors, as text for people or as JSON for programs."""

    stdout: TextIO
    stderr: TextIO
    json: bool = False
    terminal: bool = False
    colour: bool = False
    clock: Callable[[], float] = time.monotonic
    _console: Console | None = None
    _status: Status | None = None
    _progress: RichProgress | None = None
    _tasks: dict[str, TaskID] = field(default_factory=dict)

    @classmethod
    def for_process(cls, *, json: bool) -> Output:
        """Build the output of this process; NO_COLOR and TERM=dumb are respected."""
        import os

        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                # A terminal of another encoding still shows what it cannot write, as `\xfc`.
                stream.reconfigure(errors="backslashreplace")
        terminal = sys.stderr.isatty()
        plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
        return cls(sys.stdout, sys.stderr, json=json, terminal=terminal, colour=not plain)

    def result(self, value: object, *, human: str | Table | None = None) -> None:
        """Write the result: one JSON document with `--json`, else `human` as text.

        Args:
            value: Dataclasses, msgspec structs, mappings and sequences of plain values.
            human: A line, a table, or None when people need to see nothing.
        """
        self._quiet()
        with _writing():
            if self.json:
                self._write_json(value)
            elif isinstance(human, Table):
                self._table(human, self.stdout)
            elif human is not None:
                self.stdout.write(human if human.endswith("\n") or not human else human + "\n")
            self.stdout.flush()

    def aside(self, table: Table) -> None:
        """Show a table on stderr, to people at a terminal alone; the result is another one."""
        if self.terminal and not self.json:
            self._quiet()
            self._table(table, self.stderr)

    def raw(self, data: bytes) -> None:
        """Write bytes to stdout untouched: an algorithm's binary answer."""
        self._quiet()
        with _writing():
            self.stdout.flush()
            self.stdout.buffer.write(data)
            self.stdout.buffer.flush()

    def event(self, event: events.Event) -> None:
        """Show progress on stderr. The `notify` of every use case."""
        if isinstance(event, events.Progress):
            self._show_progress(event)
            return
        if isinstance(event, events.Step):
            self._step(event.text)
            return
        line, style = _story(event)
        self._quiet()
        self._line(line, style)

    def stream(self, event: events.Event) -> None:
        """Write one line per event of a service: JSON on stdout with `--json`, else as text."""
        if not self.json:
            if isinstance(event, events.Ready):
                self._quiet()
                self.stdout.write(_ready(event))
                self.stdout.flush()
            else:
                self.event(event)
            return
        document = _service_event(event)
        if document is None:
            self.event(event)
        else:
            self._write_json(document)
            self.stdout.flush()

    def error(self, error: AlgoError) -> None:
        """Show an error: one document on stdout with `--json`, else three parts on stderr."""
        self._quiet()
        if self.json:
            document: dict[str, Any] = {"code": error.code}
            if error.algorithm_code:
                document["algorithm_code"] = error.algorithm_code
            document["message"] = error.message
            document |= {"hint": error.hint} if error.hint else {}
            document |= {"details": error.details} if error.details else {}
            document |= {"problems": error.problems} if error.problems else {}
            try:
                self._write_json({"error": document})
                self.stdout.flush()
                return
            except BrokenPipeError:
                raise
            except OSError:
                pass  # the document cannot be had; people are told
        interrupted = error.exit_code == INTERRUPTED
        self._line(
            error.message if interrupted else f"error[{error.code}]: {_foreign(error.message)}",
            "yellow" if interrupted else "bold red",
        )
        for line in error.details.splitlines():
            self._line(f"  {_foreign(line)}", "dim")
        if error.hint:
            self._line(f"hint: {error.hint}", "cyan")

    def ask(self, question: str) -> str:
        """Ask on the terminal and return the answer, without its newline."""
        self._quiet()
        self.stderr.write(question)
        self.stderr.flush()
        return sys.stdin.readline().rstrip("\n")

    def close(self) -> None:
        """End spinners and progress bars, and flush."""
        self._quiet()
        self.stderr.flush()

    def _write_json(self, value: object) -> None:
        import msgspec

        document = plain(value)
        text = msgspec.json.encode(document).decode()
        if not text.isascii() and (self.stdout.encoding or "").lower() not in {"utf-8", "utf8"}:
            import json

            text = json.dumps(document, separators=(",", ":"))
        self.stdout.write(text + "\n")

    def _line(self, text: str, style: str = "") -> None:
        if self.terminal and self.colour and style:
            from rich.text import Text

            self._rich().print(Text(text, style=style), soft_wrap=True)
        else:
            self.stderr.write(text + "\n")
            self.stderr.flush()

    def _step(self, text: str) -> None:
        if not self.terminal:
            self._line(text)
            return
        self._end_progress()
        if self._status is None:
            self._status = self._rich().status(self._running(text), spinner="dots")
            self._status.start()
        else:
            self._status.update(self._running(text))

    def _running(self, text: str) -> Running:
        return Running(text, self.clock(), self.clock)

    def _show_progress(self, event: events.Progress) -> None:
        if not self.terminal:
            return
        if self._progress is None:
            self._quiet()
            from rich import progress as bars

            self._progress = bars.Progress(
                bars.TextColumn("{task.description}"),
                bars.BarColumn(),
                bars.DownloadColumn(),
                bars.TransferSpeedColumn(),
                bars.TimeRemainingColumn(),
                console=self._rich(),
                transient=True,
            )
            self._progress.start()
        if event.text not in self._tasks:
            self._tasks[event.text] = self._progress.add_task(event.text, total=event.total)
        self._progress.update(self._tasks[event.text], completed=event.done, total=event.total)

    def _table(self, table: Table, stream: TextIO) -> None:
        if not stream.isatty():
            self._plain_table(table, stream)
            return
        from rich.console import Console
        from rich.table import Table as RichTable
        from rich.text import Text

        grid = RichTable(title=table.title or None, box=None, pad_edge=False, title_justify="left")
        for column in table.columns:
            grid.add_column(column, header_style="bold", overflow="fold")
        console = Console(file=stream, no_color=not self.colour, highlight=False)
        widths = [max(map(len, column)) for column in zip(table.columns, *table.rows, strict=True)]
        narrow = sum(widths) + len(_GAP) * (len(widths) - 1) > console.width
        for row in table.rows:
            # Half a digest in the next line is of no more use than a short one.
            cells = [_DIGEST.sub(r"\1…", cell) if narrow else cell for cell in row]
            grid.add_row(*(Text(cell, _COLOURS.get(cell.split(" ")[0], "")) for cell in cells))
        console.print(grid)

    def _plain_table(self, table: Table, stream: TextIO) -> None:
        rows = [table.columns, *table.rows]
        # One long cell does not push the next column out of sight in all rows.
        widths = [
            max((len(cell) for cell in column if len(cell) <= _WIDEST), default=0)
            for column in zip(*rows, strict=True)
        ]
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            stream.write(_GAP.join(cells).rstrip() + "\n")

    def _rich(self) -> Console:
        if self._console is None:
            from rich.console import Console

            self._console = Console(file=self.stderr, no_color=not self.colour, highlight=False)
        return self._console

    def _quiet(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None
        self._end_progress()

    def _end_progress(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
            self._tasks.clear()


def _lasting(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def plain(value: object) -> Any:
    """Return `value` as what JSON has: nested dataclasses, structs, paths and digests included."""
    import msgspec

    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, msgspec.Struct):
        return plain(msgspec.structs.asdict(value))
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if value is None or isinstance(value, int | float | bool):
        return value
    # Half a surrogate pair, or a file's name that is no UTF-8, has no other form in JSON.
    return str(value).encode(errors="backslashreplace").decode()


def _ready(event: events.Ready) -> str:
    body = event.sample.replace("'", "'\\''")
    token = ' -H "Authorization: Bearer $ALGO_TOKEN"' if event.token else ""
    kind = " -H 'Content-Type: application/json'"
    call = f"curl -s {event.url}{kind}{token} -d '{body}'"
    if len(call) > _LINE:  # what curl says of itself is taken as JSON, too
        call = f"curl -s {event.url}{token} -d '{body}'"
    grpc = f"gRPC at {event.grpc}\n" if event.grpc else ""
    return f"{event.url}\n{grpc}{call}\n"


def _story(event: events.Event) -> tuple[str, str]:
    """Return the line and the style that tell `event` to people."""
    match event:
        case events.Warned(text):
            return f"warning: {text}", "yellow"
        case events.Log(text, source):
            return (f"[{source}] {text}" if source else text), "dim"
        case events.Reloaded():
            return _reloaded(event), "green"
        case events.ReloadFailed(trigger, message, file, line, details, serves):
            # A package that is missing is of a whole file in some languages.
            place = f" ({file}:{line})" if line else f" ({file})" if file else ""
            # A parser draws the line: the place belongs to the sentence above, and the rest below.
            said, _, drawn = message.partition("\n")
            shown = details if drawn in details else f"{drawn}\n{details}"
            tail = "".join(f"\n  {_foreign(text)}" for text in shown.splitlines())
            what = f"{_foreign(said)}{place}"
            now = "the old code goes on serving" if serves else "nothing serves yet: edit it again"
            return f"✗ {trigger} → {what}; {now}{tail}", "red"
        case events.Stopped(reason):
            return (f"stopped: {reason}" if reason else "stopped"), ""
        case events.Ready(url):
            return f"ready at {url}", "green"
        case events.Step(text) | events.Note(text) | events.Progress(text):
            return text, ""


def _foreign(text: str) -> str:
    """Return what somebody's code or server said, unable to move the cursor or to look like us."""
    safe = "".join(
        one if one.isprintable() or one in "\n\t" else one.encode("unicode_escape").decode()
        for one in text
    )
    return safe.replace("\n", "\n  ")


_RUNGS = {
    "swap": "swapped in {}, weights kept",
    "worker": "new worker in {}",
    "none": "nothing to do",
    "limits": "new limits in {}, weights kept",
    "environment": "new environment in {}",
    "program": "compiled, new worker in {}",
    "container": "new container in {}",
}


def _reloaded(event: events.Reloaded) -> str:
    if event.rung == "environment" and event.packages:
        done = f"{events.counted(event.packages, 'package')} changed, installed and swapped in {{}}"
    else:
        done = _RUNGS.get(event.rung, f"{event.rung} in {{}}")
    return f"↻ {event.trigger} → {done.format(events.elapsed(event.milliseconds))}"


def _service_event(event: events.Event) -> dict[str, Any] | None:
    """Return the stable JSON form of a service's event, None when it has none."""
    match event:
        case events.Ready():
            return {"event": "ready", **plain(event)}
        case events.Reloaded():
            return {"event": "reload", **plain(event)}
        case events.ReloadFailed():
            return {"event": "error", **plain(event)}
        case events.Stopped():
            return {"event": "stopped", **plain(event)}
    return None
