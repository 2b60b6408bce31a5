"""Results with arrays for a caller that reads them: numpy's own format (.npy), alone or in parts.

Only what the author's code has imported is used.
"""

from __future__ import annotations

import io
import json
import struct
import sys
from typing import Any

from algo_runner.values import BINARY, JSON, PARTS, encode, encode_json

# The parameter of a call's content type that asks for this.
RESULTS = "; results=npy"
_NPY = "application/x-npy"


def encode_arrays(value: Any) -> tuple[str, bytes]:
    """Return the content type and the bytes of a result; arrays as they are in memory.

    An array of numbers is a .npy file, an object with such arrays comes in parts; everything
    else is what it always is.

    Raises:
        BadResult: It has no form.
    """
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return encode(value)
    if _is_plain(numpy, value):
        return _NPY, _npy(numpy, value)
    if type(value) is not dict or not any(_is_plain(numpy, one) for one in value.values()):
        return encode(value)
    told, contents = [], []
    for name, one in value.items():
        kind, content = _part(numpy, one)
        told.append({"path": [str(name)], "content_type": kind, "length": len(content)})
        contents.append(content)
    head = json.dumps(told).encode()
    return PARTS, b"".join([struct.pack("<I", len(head)), head, *contents])


def _part(numpy: Any, value: Any) -> tuple[str, bytes]:
    if _is_plain(numpy, value):
        return _NPY, _npy(numpy, value)
    if isinstance(value, bytes | bytearray | memoryview):
        return BINARY, bytes(value)
    return JSON, encode_json(value)


def _is_plain(numpy: Any, value: Any) -> bool:
    return (
        isinstance(value, numpy.ndarray) and value.dtype.kind in "biuf" and value.dtype.itemsize < 9
    )


def _npy(numpy: Any, array: Any) -> bytes:
    array = numpy.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")
    file = io.BytesIO()
    numpy.lib.format.write_array(file, array, version=(1, 0), allow_pickle=False)
    return file.getvalue()
