"""Files of models that `algo import` reads: pickles and ONNX."""

from __future__ import annotations

import collections
import datetime
import decimal
import pickle
import tempfile
from pathlib import Path

from algo.importing import onnx_file
from algo.importing.pickles import NoPickle, Stub, look_into
from algo.importing.protobuf import Malformed

_FOLDER = tempfile.TemporaryDirectory(prefix="algo-fuzz-")
_FILE = Path(_FOLDER.name, "model")

_VALUES = (
    {"a": [1, 2.5, None, True, "text", b"bytes"], 3: (1, (2,))},
    collections.OrderedDict(x=datetime.datetime(2026, 1, 2), y=decimal.Decimal("1.5")),
    [collections.Counter("text"), {1, 2}, frozenset({"a"}), bytearray(b"bytes"), 1 << 90],
)
PICKLE_SEEDS = [pickle.dumps(value, number) for value in _VALUES for number in range(6)]
PICKLE_WORDS = [
    *(bytes([number]) for number in range(256)),
    b"cos\nsystem\n",
    b"cbuiltins\neval\n",
    b"\x8c\x02os\x8c\x06system\x93",
    b"\xff\xff\xff\xff\xff\xff\xff\x7f",
]


def a_pickle(data: bytes) -> None:
    """Nothing is made of it but stand-ins and plain values."""
    _FILE.write_bytes(data)
    try:
        found = look_into(_FILE)
    except NoPickle:
        return
    plain = (int, float, str, bytes, bytearray, bool, type(None), list, dict, tuple, set, frozenset)
    assert isinstance(found.root, (Stub, type, *plain)) or callable(found.root)


def _part(number: int, content: bytes | int) -> bytes:
    if isinstance(content, int):
        return bytes([number << 3, content])
    return bytes([number << 3 | 2, len(content)]) + content


def _tensor(name: bytes, kind: int) -> bytes:
    lengths = _part(1, _part(2, b"batch")) + _part(1, _part(1, 4))
    return _part(1, name) + _part(2, _part(1, _part(1, kind) + _part(2, lengths)))


_WEIGHTS = _part(8, b"w") + _part(14, 1) + _part(13, _part(1, b"location") + _part(2, b"w.bin"))
_GRAPH = _part(5, _WEIGHTS) + _part(11, _tensor(b"x", 1)) + _part(12, _tensor(b"y", 7))
ONNX_SEEDS = [_part(1, 9) + _part(7, _GRAPH) + _part(8, _part(2, 17))]
ONNX_WORDS = [b"\xff" * 9 + b"\x01", b"\x0a\x00", _tensor(b"z", 8), _part(5, _WEIGHTS)]


def an_onnx_file(data: bytes) -> None:
    """It is a model, or it is said to be none."""
    _FILE.write_bytes(data)
    for read in (onnx_file.read, onnx_file.read_tensor):
        try:
            read(_FILE)
        except Malformed:
            continue
