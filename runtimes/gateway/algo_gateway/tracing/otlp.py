"""Spans as OTLP's `ExportTraceServiceRequest`, in protobuf's wire form or in JSON.

Source: opentelemetry-proto 1.x (trace.proto, common.proto) and protobuf's encoding guide. Written
by hand, as the generated classes would bring protobuf into every image.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from algo_gateway.tracing.span import Attribute, Span

SCOPE = "algo"
ERROR = 2
# Of Span.flags: the trace was sampled; it is known whether the parent is remote; it is.
_SAMPLED, _KNOWN, _REMOTE = 1, 0x100, 0x200


def protobuf(resource: Mapping[str, Attribute], spans: Sequence[Span]) -> bytes:
    """Return the request in protobuf's wire form."""
    scope = _bytes(1, _text(1, SCOPE))
    inside = b"".join([scope, *(_bytes(2, _span(span)) for span in spans)])
    about = b"".join(_bytes(1, _pair(key, value)) for key, value in resource.items())
    return _bytes(1, _bytes(1, about) + _bytes(2, inside))


def json(resource: Mapping[str, Attribute], spans: Sequence[Span]) -> bytes:
    """Return the request in JSON (OTLP/HTTP: ids in hex, 64-bit numbers as text)."""
    scope = {"scope": {"name": SCOPE}, "spans": [_json_span(span) for span in spans]}
    about = {"attributes": _json_pairs(resource)}
    return msgspec.json.encode({"resourceSpans": [{"resource": about, "scopeSpans": [scope]}]})


def _span(span: Span) -> bytes:
    parts = [
        _bytes(1, bytes.fromhex(span.trace)),
        _bytes(2, bytes.fromhex(span.span)),
        _text(3, span.state) if span.state else b"",
        _bytes(4, bytes.fromhex(span.parent)) if span.parent else b"",
        _text(5, span.name),
        _number(6, span.kind),
        _fixed(7, span.start),
        _fixed(8, span.end),
        *(_bytes(9, _pair(key, value)) for key, value in span.attributes.items()),
    ]
    for event in span.events:
        pairs = (_bytes(3, _pair(key, value)) for key, value in event.attributes.items())
        parts.append(_bytes(11, b"".join((_fixed(1, event.time), _text(2, event.name), *pairs))))
    if span.error is not None:
        parts.append(_bytes(15, _text(2, span.error) + _number(3, ERROR)))
    parts.append(_tag(16, 5) + struct.pack("<I", _flags(span)))
    return b"".join(parts)


def _flags(span: Span) -> int:
    return _SAMPLED | _KNOWN | (_REMOTE if span.remote else 0)


def _pair(key: str, value: Attribute) -> bytes:
    if isinstance(value, bool):
        encoded = _number(2, int(value))
    elif isinstance(value, int):
        encoded = _number(3, value)
    elif isinstance(value, float):
        encoded = _tag(4, 1) + struct.pack("<d", value)
    else:
        encoded = _text(1, value)
    return _text(1, key) + _bytes(2, encoded)


def _tag(field: int, kind: int) -> bytes:
    return _varint(field << 3 | kind)


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1  # a negative number has ten bytes
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(field: int, value: int) -> bytes:
    return _tag(field, 0) + _varint(value)


def _fixed(field: int, value: int) -> bytes:
    return _tag(field, 1) + struct.pack("<Q", value)


def _bytes(field: int, value: bytes) -> bytes:
    return _tag(field, 2) + _varint(len(value)) + value


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode(errors="replace"))


def _json_span(span: Span) -> dict[str, Any]:
    found: dict[str, Any] = {
        "traceId": span.trace,
        "spanId": span.span,
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": str(span.start),
        "endTimeUnixNano": str(span.end),
        "attributes": _json_pairs(span.attributes),
        "flags": _flags(span),
    }
    if span.parent:
        found["parentSpanId"] = span.parent
    if span.state:
        found["traceState"] = span.state
    if span.events:
        found["events"] = [
            {
                "timeUnixNano": str(event.time),
                "name": event.name,
                "attributes": _json_pairs(event.attributes),
            }
            for event in span.events
        ]
    if span.error is not None:
        found["status"] = {"code": ERROR, "message": span.error}
    return found


def _json_pairs(attributes: Mapping[str, Attribute]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _json_value(value)} for key, value in attributes.items()]


def _json_value(value: Attribute) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": value}
