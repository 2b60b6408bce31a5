"""Files that run code when they are loaded are told by what is in them."""

from __future__ import annotations

import bz2
import collections
import gzip
import io
import json
import lzma
import os
import pickle
import tarfile
import zipfile
import zlib
from typing import TYPE_CHECKING

import pytest
from algo.models.formats import look
from algo.models.pickles import UNKNOWN, NotPickle, imports

if TYPE_CHECKING:
    from collections.abc import Callable


class Evil:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("true",)


class Estimator:
    """An object of a library."""


Estimator.__module__, Estimator.__qualname__ = "tests.unit.models.test_formats", "Estimator"


def said(data: bytes, name: str = "model.bin") -> list[str]:
    return [str(danger) for danger in look(io.BytesIO(data), name)]


def zipped(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return target.getvalue()


def tarred(name: str, data: bytes) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return target.getvalue()


def npy(described: str, data: bytes) -> bytes:
    header = f"{{'descr': {described}, 'fortran_order': False, 'shape': (1,), }}".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_is_told_by_what_it_imports(protocol: int) -> None:
    data = pickle.dumps({"a": [Estimator(), 1.5]}, protocol)
    found = [name for name in imports(io.BytesIO(data)) if not name.startswith("cop")]

    assert [name for name in found if "object" not in name] == [
        "tests.unit.models.test_formats.Estimator"
    ]
    (text,) = said(data, "model.pkl")
    assert "imports tests.unit.models.test_formats.Estimator" in text


@pytest.mark.parametrize("protocol", range(6))
def test_what_no_model_needs_is_said(protocol: int) -> None:
    (danger,) = look(io.BytesIO(pickle.dumps(Evil(), protocol)), "weights.pkl")

    assert danger.alarming
    assert f"{os.system.__module__}.system" in danger.detail


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_of_plain_values_is_safe(protocol: int) -> None:
    value = {
        "a": [1, 2.5, "x" * 9000, b"y" * 70_000, None, (True,)],
        "o": collections.OrderedDict(),
    }

    assert said(pickle.dumps(value, protocol), "model.pkl") == []


def test_the_content_counts_and_not_the_suffix() -> None:
    assert said(pickle.dumps(Evil()), "model.safetensors")
    assert said(b"just a text", "model.pkl") == []
    assert said(b"", "model.pkl") == []


def test_payloads_are_skipped_and_not_read() -> None:
    class Counting(io.BytesIO):
        most = 0

        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            Counting.most = max(Counting.most, len(data))
            return data

    assert imports(Counting(pickle.dumps([bytes(5_000_000), Evil()]))) == ("posix.system",)
    assert Counting.most < 10_000


def test_a_pickle_that_hides_what_it_imports_is_said_to() -> None:
    # builtins and eval, each through the memo; then names put together, which nobody can know.
    memo = b"\x80\x04\x8c\x08builtins\x94\x8c\x04eval\x940h\x00h\x01\x93."
    assert imports(io.BytesIO(memo)) == ("builtins.eval",)
    computed = b"\x80\x04\x8c\x02os\x8c\x06system(\x93."
    assert imports(io.BytesIO(computed)) == (UNKNOWN,)
    (danger,) = look(io.BytesIO(computed), "m")
    assert danger.alarming


def test_what_follows_a_first_pickle_counts_too() -> None:
    assert imports(io.BytesIO(pickle.dumps(1) + pickle.dumps(Evil()))) == ("posix.system",)


def test_joblib_writes_arrays_between_opcodes() -> None:
    begins = pickle.dumps(Estimator(), 4)[:-1]
    data = begins + b"\xff" * 1000 + pickle.dumps(Evil(), 4)[11:]

    assert "tests.unit.models.test_formats.Estimator" in imports(io.BytesIO(data))
    assert "posix.system" in imports(io.BytesIO(data))


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, bz2.compress, lzma.compress])
def test_what_is_packed_is_looked_into(pack: Callable[[bytes], bytes]) -> None:
    assert said(pack(pickle.dumps(Evil())), "model.joblib")
    assert said(pack(tarred("a/model.pkl", pickle.dumps(Evil()))), "model.tar.gz")
    assert said(pack(b"nothing"), "model.gz") == []


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (zipped({"net/data.pkl": pickle.dumps(Evil()), "net/data/0": b"x" * 100}), "torch"),
        (zipped({"config.json": b'{"layers": [{"class_name": "Lambda"}]}'}), "keras"),
        (zipped({"a.npy": npy("'|O'", pickle.dumps([Evil()]))}), "npy"),
        (npy("'|O'", pickle.dumps([Evil()])), "npy"),
        (b"\x89HDF\r\n\x1a\n" + bytes(9000) + b'{"class_name": "Lambda"}', "keras"),
        (b"\xac\xed\x00\x05sr\x00", "java"),
        (tarred("x.pkl", pickle.dumps(Evil())), "pickle"),
    ],
)
def test_every_format_that_runs_code_is_named(data: bytes, kind: str) -> None:
    assert [danger.format for danger in look(io.BytesIO(data), "model")] == [kind]


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (zipped({"net/data.pkl": pickle.dumps(collections.OrderedDict(a=1))}), "m.pt"),
        (zipped({"config.json": b'{"layers": [{"class_name": "Dense"}]}'}), "m.keras"),
        (npy("'<f8'", bytes(8)), "m.npy"),
        ((20).to_bytes(8, "little") + json.dumps({"a": 1}).encode() + bytes(20), "m.safetensors"),
        (b"\x08\x07\x12\x07pytorch" + bytes(300), "m.onnx"),
        (b"GGUF\x03\x00\x00\x00", "m.gguf"),
        (json.dumps({"learner": {}}).encode(), "m.json"),
        (b"{L\x00\x00learner", "m.ubj"),
        (os.urandom(5000), "m.bin"),
    ],
)
def test_formats_that_hold_data_alone_are_safe(data: bytes, name: str) -> None:
    assert said(data, name) == []


def test_code_in_a_model_is_code() -> None:
    assert said(b"import os", "custom/modeling.py")
    assert said(b"\x0a\x04PyFunc ", "saved_model.pb")


def test_what_is_no_pickle_is_refused_as_one() -> None:
    with pytest.raises(NotPickle):
        imports(io.BytesIO(b"hello"))
