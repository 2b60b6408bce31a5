"""pandas data frames: records, columns or `split` in JSON, or CSV."""

from __future__ import annotations

import io
import sys
from typing import Any

from algo_runner.typed.kinds import BadAnnotation, Compiler, Kind, Schema
from algo_runner.typed.parts import File
from algo_runner.typed.problems import MOST, Bad, Problem, expected

CSV = "text/csv"
_CELL: Schema = {"type": ["string", "number", "boolean", "null"]}
_CELLS = frozenset({str, int, float, bool, type(None)})


def make(compiler: Compiler, annotation: Any, metadata: tuple[Any, ...]) -> Kind | None:
    """Return the kind of `pandas.DataFrame`; a dictionary beside it names columns and types."""
    pandas = sys.modules.get("pandas")
    if pandas is None or annotation is not getattr(pandas, "DataFrame", None):
        return None
    columns: dict[str, Kind] = {}
    about = {}
    for mark in metadata:
        if isinstance(mark, dict):
            columns = {str(name): compiler.kind(kind) for name, kind in mark.items()}
        elif isinstance(mark, str):
            about = {"description": mark}
        else:
            raise BadAnnotation(f"{mark!r} beside DataFrame is no dictionary of column to type")
    frame = _Frame(pandas, columns)
    return Kind(
        frame.convert,
        {**frame.schema(output=compiler.output), **about},
        frozenset({list, dict}),
        whole=lambda body, kind: frame.read(body),
        accepts=(CSV,),
        marked=True,
    )


class _Frame:
    def __init__(self, pandas: Any, columns: dict[str, Kind]) -> None:
        self._pandas = pandas
        self._columns = columns

    def schema(self, *, output: bool) -> Schema:
        """Return the schema; results are records always."""
        cells = {name: kind.schema or _CELL for name, kind in self._columns.items()}
        record: Schema = {"type": "object", "additionalProperties": _CELL}
        lists: Schema = {"type": "object"}
        lists["additionalProperties"] = {"type": "array", "items": _CELL}
        if cells:
            record |= {"properties": cells, "required": list(cells)}
            arrays = {name: {"type": "array", "items": cell} for name, cell in cells.items()}
            lists |= {"properties": arrays, "required": list(cells)}
        records = {"type": "array", "items": record, "title": "Records"}
        if output:
            return records
        names = {"type": "array", "items": {"type": "string"}}
        rows = {"type": "array", "items": {"type": "array", "items": _CELL}}
        split = {
            "type": "object",
            "properties": {"columns": names, "data": rows, "index": {"type": "array"}},
            "required": ["columns", "data"],
            "additionalProperties": False,
        }
        return {
            "anyOf": [records, {**lists, "title": "Columns"}, {**split, "title": "Split"}],
        }

    def convert(self, value: Any) -> Any:
        if isinstance(value, File):
            return self.read(value)
        if isinstance(value, self._pandas.DataFrame):
            return value
        if type(value) is list:
            return self._frame(self._records(value), lambda name, at: (at, name))
        if type(value) is not dict:
            raise expected("an array of records, or an object of columns", value)
        if "columns" in value and "data" in value and set(value) <= {"columns", "data", "index"}:
            columns = self._split(value["columns"], value["data"])
            at = value["columns"].index
            return self._frame(columns, lambda name, row: ("data", row, at(name)))
        return self._frame(self._lists(value), lambda name, at: (name, at))

    def read(self, body: bytes) -> Any:
        """Return the frame that a CSV file holds.

        Raises:
            Bad: It is none, or its columns are others.
        """
        try:
            frame = self._pandas.read_csv(io.BytesIO(body))
        except (ValueError, UnicodeDecodeError) as error:
            raise Bad(f"expected CSV: {error}") from None
        if not self._columns:
            return frame
        plain = frame.astype(object).where(frame.notna(), None)
        columns = {str(name): list(plain[name]) for name in plain}
        return self._frame(columns, lambda name, at: (at, name))

    def _records(self, rows: list[Any]) -> dict[str, list[Any]]:
        names: dict[str, None] = {}
        problems: list[Problem] = []
        for at, row in enumerate(rows):
            if type(row) is not dict:
                problems += expected("an object", row).under(at)
                continue
            names |= dict.fromkeys(row)
            problems += [((at, name), "is missing") for name in self._columns if name not in row]
            if len(problems) >= MOST:
                break
        if problems:
            raise Bad(problems)
        return {name: [row.get(name) for row in rows] for name in names}

    def _split(self, names: Any, rows: Any) -> dict[str, list[Any]]:
        if type(names) is not list or not all(type(name) is str for name in names):
            raise Bad([(("columns",), "expected an array of strings")])
        if type(rows) is not list:
            raise Bad(expected("an array of rows", rows).under("data"))
        for at, row in enumerate(rows):
            if type(row) is not list or len(row) != len(names):
                raise Bad([(("data", at), f"expected an array of {len(names)}")])
        return {name: [row[at] for row in rows] for at, name in enumerate(names)}

    def _lists(self, columns: dict[str, Any]) -> dict[str, list[Any]]:
        lengths = {}
        for name, cells in columns.items():
            if type(cells) is not list:
                raise Bad(expected("an array", cells).under(name))
            lengths[name] = len(cells)
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
            raise Bad(f"expected columns of one length: {told[:200]}")
        return columns

    def _frame(self, columns: dict[str, list[Any]], path: Any) -> Any:
        problems: list[Problem] = []
        # Without any row there is nothing that could lack a column.
        rows = len(next(iter(columns.values()), []))
        found: dict[str, Any] = {name: [] for name in self._columns} if not rows else {}
        for name in self._columns:
            if rows and name not in columns:
                problems.append(((name,), "is missing"))
        for name, cells in columns.items():
            kind = self._columns.get(name)
            found[name] = converted = []
            for at, cell in enumerate(cells):
                try:
                    converted.append(_cell(cell) if kind is None else kind.convert(cell))
                except Bad as bad:
                    where = path(name, at)
                    problems += [((*where, *below), text) for below, text in bad.problems]
                if len(problems) >= MOST:
                    raise Bad(problems)
        if problems:
            raise Bad(problems)
        return self._pandas.DataFrame(found)


def _cell(value: Any) -> Any:
    if type(value) in _CELLS:
        return value
    raise expected("a string, number, true, false or null", value)
