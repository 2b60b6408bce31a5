"""From a call's body to the input of `apply`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from algo_runner.typed.parts import Field, File, again, read_parts
from algo_runner.typed.problems import Bad, InvalidInput
from algo_runner.values import FORM, JSON, PARTS, BadInput, decode

if TYPE_CHECKING:
    from collections.abc import Callable

    from algo_runner.typed.kinds import Kind

_JSON_BEGINS = (b"[", b"{", b'"')


def reader(kind: Kind) -> Callable[[bytes, str], Any]:
    """Return what reads bodies for `kind`: takes a body and its content type.

    It raises BadInput where the body is not what its content type says, InvalidInput where its
    value is not what the annotation says.
    """
    convert = kind.convert

    def read(body: bytes, content_type: str) -> Any:
        try:
            if content_type == JSON:
                return convert(decode(body, JSON))
            return _other(kind, body, content_type)
        except Bad as bad:
            raise InvalidInput(bad) from bad.__cause__
        except UnicodeError as error:
            raise InvalidInput(Bad("a string holds half a surrogate pair")) from error
        except RecursionError as error:
            raise InvalidInput(Bad("the value is nested too deep")) from error

    return read


def _other(kind: Kind, body: bytes, content_type: str) -> Any:
    name = content_type.partition(";")[0].strip().lower() or JSON
    if name == PARTS:
        return _assembled(kind, read_parts(body, natural=False))
    if name == FORM and kind.whole is not None:
        return _claimed(kind, body)
    if name in {JSON, FORM} or name.endswith("+json"):
        return kind.convert(decode(body, content_type))
    if kind.whole is not None:
        return kind.whole(body, name)
    if name.startswith("text/"):
        return _converted(kind, Field(decode(body, content_type)))
    file = File(body)
    file.content_type = name
    try:
        return _converted(kind, file)
    except Bad as bad:
        raise Bad(f"expected JSON, got a body of {name}") from bad


def _claimed(kind: Kind, body: bytes) -> Any:
    """Read what plain curl sends: JSON by `-d`, a file by `--data-binary`, both called a form."""
    assert kind.whole is not None
    try:
        return kind.convert(decode(body, JSON))
    except (BadInput, Bad) as error:
        try:
            return kind.whole(body, "")
        except Bad:
            if isinstance(error, Bad) or body.lstrip()[:1] in _JSON_BEGINS:
                raise error from None
            raise


def _assembled(kind: Kind, value: Any) -> Any:
    """Convert the parts of a form: its object, or its only part where no object is wanted."""
    if isinstance(value, dict) and len(value) == 1 and dict not in kind.takes:
        (value,) = value.values()
    return _converted(kind, value)


def _converted(kind: Kind, value: Any) -> Any:
    if isinstance(value, File) and kind.whole is not None:
        return kind.whole(value, value.content_type)
    try:
        return kind.convert(value)
    except Bad as bad:
        return again(kind.convert, value, bad)
