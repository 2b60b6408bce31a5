"""What goes in and comes out: JSON is the language's natural value, str is text, bytes binary.

Annotations add to it (`typed/`); this is what happens without any.
"""

from __future__ import annotations

import base64
import collections
import dataclasses
import datetime
import enum
import io
import json
import math
import re
import sys
from typing import Any

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
TEXT = "text/plain; charset=utf-8"
BINARY = "application/octet-stream"
PARTS = "application/vnd.algo.parts"


class BadInput(Exception):
    """The request's body is not what its content type says."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class BadResult(Exception):
    """The algorithm's result cannot be sent."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def decode(body: bytes, content_type: str) -> Any:
    """Return the value of a request's body.

    A form, which plain `curl -d` claims to send, counts as JSON.

    Args:
        body: The bytes.
        content_type: What they claim to be.

    Raises:
        BadInput: It is not valid JSON (with the position), or not UTF-8 (with the byte).
    """
    if content_type == JSON:
        return _decode_json(body)
    kind, _, parameters = content_type.partition(";")
    kind = kind.strip().lower() or JSON
    if kind in {JSON, FORM} or kind.endswith("+json"):
        return _decode_json(body)
    if kind.startswith("text/"):
        return _decode_text(body, parameters)
    if kind == PARTS:
        from algo_runner.typed.parts import read_parts

        return read_parts(body, natural=True)
    return body


def _decode_json(body: bytes) -> Any:
    try:
        text = body.decode()
        try:
            value, end = _scan(text, 0)
            if end < len(text):
                value = _decoder.decode(text)
        except StopIteration:
            value = _decoder.decode(text)  # white space before the value, or the error's position
        if _may_be_infinite(text) or (len(text) >= _LONG and _has_long_number(text)):
            _refuse_infinite(text)
        return value
    except UnicodeDecodeError as error:
        raise BadInput("not_utf8", f"the body is not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        # Some of its messages end with "at", for a place that follows.
        what = f"the body is not JSON: {error.msg.removesuffix(' at')} at {_place(error)}"
        raise BadInput("malformed_json", what) from error
    except RecursionError as error:
        raise BadInput("malformed_json", "the body is JSON nested too deep") from error
    except _ConstantError as error:
        raise BadInput("malformed_json", f"the body is not JSON: {error.at(text)}") from error
    except ValueError as error:
        raise BadInput("malformed_json", f"the body is not JSON: {error}") from error


def _place(error: json.JSONDecodeError) -> str:
    """Return where a text goes wrong, as every language tells it.

    Python points behind the backslash of an escape, and from 3.13 on at the comma before the end.
    """
    at = error.pos
    if error.msg.startswith("Invalid \\u"):
        at -= 1
    elif error.msg.startswith("Illegal trailing comma"):
        rest = error.doc[at + 1 :]
        at += 1 + len(rest) - len(rest.lstrip(" \t\r\n"))
    found = json.JSONDecodeError(error.msg, error.doc, at)
    return f"line {found.lineno}, column {found.colno}"


def _decode_text(body: bytes, parameters: str) -> str:
    name, _, charset = parameters.partition("=")
    named = charset.strip().strip('"') if name.strip().lower() == "charset" else ""
    try:
        return body.decode(named or "utf-8")
    except LookupError as error:
        raise BadInput("unknown_charset", f"there is no charset {named}") from error
    except UnicodeDecodeError as error:
        name = "UTF-8" if error.encoding.lower() in {"utf-8", "utf8"} else error.encoding
        raise BadInput("not_utf8", f"the body is not {name} at byte {error.start}") from error


def encode(value: Any) -> tuple[str, bytes]:
    """Return the content type and the bytes of a result.

    Raises:
        BadResult: JSON has no such value; the message names its type or that it is NaN.
    """
    kind = type(value)
    if kind is int:
        return JSON, b"%d" % value
    if kind is dict or kind is list:
        return JSON, encode_json(value)
    if isinstance(value, str):
        return TEXT, _encode_text(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return BINARY, bytes(value)
    if _is(value, "PIL.Image", "Image"):
        return "image/png", _png(value)
    return JSON, encode_json(value)


def encode_json(value: Any) -> bytes:
    """Return `value` in JSON.

    Raises:
        BadResult: It has no form in JSON.
    """
    try:
        return _encoder.encode(value).encode()
    except UnicodeEncodeError:
        return json.dumps(value, allow_nan=False, default=_natural).encode()
    except TypeError as error:
        raise BadResult("result_not_serialisable", f"the result is not JSON: {error}") from error
    except (ValueError, RecursionError) as error:
        if "JSON compliant" in str(error):
            message = "the result holds NaN or Infinity, which JSON has not"
            raise BadResult("result_not_finite", message) from error
        raise BadResult("result_not_serialisable", f"the result is not JSON: {error}") from error


def _encode_text(value: str) -> bytes:
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        what = f"the result is text with half a surrogate pair at character {error.start}"
        raise BadResult("result_not_serialisable", what) from error


class _ConstantError(ValueError):
    """A constant that Python's parser takes and JSON has not."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is no JSON value")

    def at(self, text: str) -> str:
        """Return the message with the position: the parser tells none, but stops at the first."""
        found = next((one for one in _strings_and_constants(text) if one[0][0] != '"'), None)
        start = found.start() if found else 0
        line, column = text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)
        return f"{self} at line {line}, column {column}"


def _refuse_constant(name: str) -> float:
    raise _ConstantError(name)


def _has_long_number(text: str) -> bool:
    """Tell whether `_LONG` digits stand together: of those, a whole block is looked at."""
    starts = range(0, len(text), _BLOCK)
    return any(text[at].isdigit() and text[at : at + _BLOCK].isdigit() for at in starts)


def _refuse_infinite(text: str) -> None:
    for found in _strings_and_numbers(text):
        number = found[0]
        if number[0] != '"' and not number.lstrip("-").isdigit() and math.isinf(float(number)):
            raise json.JSONDecodeError("the number is too large", text, found.start())


def _natural(value: Any) -> Any:
    """Return what JSON has for a value that it has not (the encoder's `default`)."""
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return duration(value)
    if isinstance(value, set | frozenset | collections.deque):
        return list(value)
    if _is(value, "uuid", "UUID") or _is(value, "decimal", "Decimal"):
        return str(value)
    if hasattr(value, "model_dump"):  # pydantic, whose model says how each field is written
        return value.model_dump(mode="json")
    if hasattr(value, "__struct_fields__"):
        return _struct(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if _is(value, "pandas", "DataFrame") or _is(value, "pandas", "Series"):
        return _frame(value)
    if _is(value, "PIL.Image", "Image"):
        return f"data:image/png;base64,{base64.b64encode(_png(value)).decode()}"
    if callable(convert := getattr(value, "tolist", None)):  # numpy
        return convert()
    raise TypeError(f"{type(value).__module__}.{type(value).__qualname__} has no JSON form")


def _is(value: Any, module: str, name: str) -> bool:
    """Tell whether `value` is of a class of a module that somebody else has imported."""
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(value, kind)


def duration(value: datetime.timedelta) -> str:
    """Return a length of time as ISO 8601 writes it: `PT1.5S`, `-P1DT2S`."""
    sign = "-" if value < datetime.timedelta() else ""
    value = abs(value)
    seconds = f"{value.seconds}.{value.microseconds:06d}".rstrip("0").rstrip(".")
    text = f"{sign}P{value.days}D" if value.days else f"{sign}P"
    return text if value.days and seconds == "0" else f"{text}T{seconds}S"


def _struct(value: Any) -> Any:
    """Return what msgspec makes of a struct: its own names, tags and omissions."""
    return sys.modules["msgspec"].to_builtins(value, str_keys=True, enc_hook=_natural)


def _frame(value: Any) -> Any:
    """Return the records of a frame, the list of a series; a missing value is null."""
    plain = value.astype(object)
    plain = plain.where(value.notna(), None)
    return plain.to_dict("records") if hasattr(value, "columns") else plain.tolist()


def _png(image: Any) -> bytes:
    file = io.BytesIO()
    if image.mode not in {"1", "L", "LA", "I", "I;16", "P", "RGB", "RGBA"}:  # what PNG has
        image = image.convert("RGBA" if "A" in image.getbands() else "RGB")
    image.save(file, "PNG")
    return file.getvalue()


# What no double holds would become Infinity, which is no value of JSON.
_may_be_infinite = re.compile(r"[eE]\+?\d{3}").search
# With an exponent of two digits, a shorter number fits.
_BLOCK, _LONG = 100, 200
_strings_and_numbers = re.compile(
    r'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?', re.DOTALL
).finditer
_strings_and_constants = re.compile(r'"(?:[^"\\]|\\.)*"|-?Infinity|NaN', re.DOTALL).finditer
_decoder = json.JSONDecoder(parse_constant=_refuse_constant)
_scan = _decoder.scan_once
_encoder = json.JSONEncoder(
    allow_nan=False, ensure_ascii=False, separators=(",", ":"), default=_natural
)
