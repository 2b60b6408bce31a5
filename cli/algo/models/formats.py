"""Which files of a model run code when they are loaded, told by what is in them."""

from __future__ import annotations

import bz2
import lzma
import re
import zipfile
import zlib
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

from algo.models.pickles import UNKNOWN, NotPickle, imports
from algo.storage.errors import UnsafeArchive
from algo.storage.tar import SYSTEM
from algo.storage.windows import files_in
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_HEAD = 4096
# What is packed is looked into this far: a joblib file of any size begins with its imports.
_INFLATED = 64 << 20
_MEMBERS = 2000
_DEPTH = 3
_HDF5 = b"\x89HDF\r\n\x1a\n"
_NPY = b"\x93NUMPY"
_JAVA = b"\xac\xed\x00\x05"
_LAMBDA = re.compile(rb'"class_name"\s*:\s*"Lambda"')
_TENSORFLOW_OPS = re.compile(rb"\b(ReadFile|WriteFile|PyFunc|EagerPyFunc|ImmutableConst)\b")
_TEXT_PICKLE = re.compile(r"\.(pkl|pickle|p|joblib|sav|pt|pth|bin|ckpt|model|dat)$")

# What rebuilds plain tensors and collections, as torch.load(weights_only=True) allows it.
_HARMLESS = re.compile(
    r"collections\.(OrderedDict|defaultdict|Counter)"
    r"|(builtins|__builtin__)\.(set|frozenset|list|dict|tuple|int|float|complex|bool|str|bytes"
    r"|bytearray|slice|range|object)"
    r"|_codecs\.encode|copyreg\._reconstructor|copy_reg\._reconstructor"
    r"|numpy\.(_?core)\.(multiarray|numeric)\.(_reconstruct|scalar|_frombuffer)"
    r"|numpy\.(ndarray|dtype|bool_|(u?int|float|complex)\d+|dtypes\.\w+)"
    r"|torch\.(\w*Storage|Size|device|dtype|u?int\d+|float\d+|bfloat16|bool|complex\d+|half|double)"
    r"|torch\.storage\.\w*Storage|torch\._utils\._rebuild_(tensor(_v2)?|parameter|\w*qtensor)"
    r"|torch\.nn\.parameter\.Parameter|__torch__\..*"
)
# What no model needs, and whoever wants to take a machine over does.
_ALARMING = re.compile(
    r"(os|posix|nt|subprocess|sys|socket|shutil|pty|runpy|importlib|code|codeop|ctypes|webbrowser"
    r"|commands|pip|pdb|bdb|timeit|cProfile|profile|multiprocessing|asyncio|threading|signal"
    r"|pickle|_pickle|marshal|http|urllib|urllib2|requests|httplib|ftplib|smtplib|aiohttp"
    r"|tempfile|pathlib|platform|atexit|inspect|gc|types)(\..*)?"
    r"|(builtins|__builtin__)\.(eval|exec|compile|open|getattr|setattr|__import__|apply|execfile"
    r"|globals|vars|input|breakpoint|delattr)"
    r"|(operator|_operator)\.(attrgetter|methodcaller|itemgetter)|functools\.partial"
    r"|numpy\.testing\._private\.utils\.runstring|torch\.(hub|jit)\..*"
)


class Danger(Value, frozen=True):
    """A file that runs code when it is loaded.

    Args:
        path: The file.
        format: What it is: `pickle`, `torch`, `npy`, `keras`, …
        detail: What it does: what it imports.
        alarming: Whether that is something that no model needs.
    """

    path: str
    format: str
    detail: str
    alarming: bool = False

    def __str__(self) -> str:
        mark = " (no model needs that)" if self.alarming else ""
        return f"{self.path} ({self.format}) runs code when it is loaded: {self.detail}{mark}"


def look(file: BinaryIO, path: str) -> tuple[Danger, ...]:
    """Return what in a file runs code when it is loaded, nothing for a safe one.

    Args:
        file: Its content, which can be read from anywhere.
        path: Its name, which counts where the content does not tell.
    """
    return tuple(_Look(path).all(file, path, 0))


def dangers(file: Path, path: str) -> tuple[Danger, ...]:
    """Return what `look` finds in the file at `file`."""
    with file.open("rb") as opened:
        return look(opened, path)


class _Look(Value, frozen=True):
    """Looks into one file, and into the files in it."""

    path: str

    def all(self, file: BinaryIO, name: str, depth: int) -> Iterator[Danger]:
        """Yield what `file` holds; `name` is its name where it lies."""
        file.seek(0)
        head = file.read(_HEAD)
        file.seek(0)
        for begins, reader in self._readers():
            if begins(head):
                yield from reader(file, name, depth)
                return
        if name.endswith((".py", ".pyc")):
            yield Danger(self.path, "python", "it is code", False)
        elif name.endswith("saved_model.pb"):
            yield from self._search(file, "tensorflow", _TENSORFLOW_OPS, "its graph has ")
        elif _TEXT_PICKLE.search(name.lower()):
            yield from self._pickle(file, name, depth)

    def _readers(
        self,
    ) -> tuple[
        tuple[
            Callable[[bytes], bool],
            Callable[[BinaryIO, str, int], Iterator[Danger]],
        ],
        ...,
    ]:
        return (
            (lambda head: head[:4] in (b"PK\x03\x04", b"PK\x05\x06"), self._zip),
            (lambda head: head[:8] == _HDF5, self._keras),
            (lambda head: head[:6] == _NPY, self._npy),
            (lambda head: head[:4] == _JAVA, self._java),
            (lambda head: head[257:262] == b"ustar", self._tar),
            (_is_packed, self._packed),
            (lambda head: head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05", self._pickle),
        )

    def _pickle(
        self, file: BinaryIO, name: str, depth: int, kind: str = "pickle"
    ) -> Iterator[Danger]:
        try:
            found = imports(file)
        except NotPickle:
            return
        foreign = [one for one in found if not _HARMLESS.fullmatch(one)]
        worst = [one for one in foreign if one == UNKNOWN or _ALARMING.fullmatch(one)]
        if foreign:
            shown = sorted(foreign, key=lambda one: one not in worst)
            more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
            yield Danger(self.path, kind, f"it imports {', '.join(shown[:3])}{more}", bool(worst))

    def _zip(self, file: BinaryIO, name: str, depth: int) -> Iterator[Danger]:
        try:
            archive = zipfile.ZipFile(file)
            members = archive.infolist()[:_MEMBERS]
        except (zipfile.BadZipFile, ValueError, OSError):
            yield Danger(self.path, "zip", "it cannot be looked into", False)
            return
        names = {member.filename for member in members}
        kind = "torch" if any(one.endswith("data.pkl") for one in names) else "zip"
        with archive:
            for member in members:
                yield from self._zip_member(archive, member, kind, depth)

    def _zip_member(
        self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, kind: str, depth: int
    ) -> Iterator[Danger]:
        if member.is_dir() or (kind == "torch" and "/data/" in member.filename):
            return
        try:
            with archive.open(member) as opened:
                data = BytesIO(opened.read(_INFLATED))
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, zlib.error):
            yield Danger(self.path, kind, f"{member.filename} cannot be looked into", False)
            return
        if kind == "torch" and member.filename.endswith("data.pkl"):
            yield from self._pickle(data, member.filename, depth, "torch")
        elif member.filename == "config.json" and _LAMBDA.search(data.getvalue()):
            yield Danger(self.path, "keras", "it has a Lambda layer", False)
        elif depth < _DEPTH and not (kind == "torch" and member.filename.endswith(".py")):
            yield from self.all(data, member.filename, depth + 1)

    def _tar(self, file: BinaryIO, name: str, depth: int) -> Iterator[Danger]:
        if depth >= _DEPTH:
            return
        try:
            for count, (member, content) in enumerate(files_in(file, SYSTEM)):
                yield from self.all(content, member.name, depth + 1)
                if count >= _MEMBERS:
                    return
        except (UnsafeArchive, OSError):
            yield Danger(self.path, "tar", "it cannot be looked into", False)

    def _packed(self, file: BinaryIO, name: str, depth: int) -> Iterator[Danger]:
        if depth < _DEPTH:
            inner = re.sub(r"\.(gz|z|bz2|xz|lzma)$", "", name)
            yield from self.all(BytesIO(_inflate(file)), inner, depth + 1)

    def _npy(self, file: BinaryIO, name: str, depth: int) -> Iterator[Danger]:
        head = file.read(_HEAD)
        length = int.from_bytes(head[8:10] if head[6] == 1 else head[8:12], "little")
        start = 10 if head[6] == 1 else 12
        described = head[start : start + length]
        if re.search(rb"['\"][|<>=]?O\d*['\"]", described):
            file.seek(start + length)
            yield from self._pickle(file, name, depth, "npy")

    def _keras(self, file: BinaryIO, name: str, depth: int) -> Iterator[Danger]:
        yield from self._search(file, "keras", _LAMBDA, "it has a Lambda layer")

    def _java(self, file: BinaryIO, name: str, depth: int) -> Iterator[Danger]:
        yield Danger(self.path, "java", "it is a serialized Java object", False)

    def _search(
        self, file: BinaryIO, kind: str, wanted: re.Pattern[bytes], text: str
    ) -> Iterator[Danger]:
        rest = b""
        while block := file.read(8 << 20):
            match = wanted.search(rest + block)
            if match is not None:
                what = match[1].decode() if wanted.groups else ""
                yield Danger(self.path, kind, f"{text}{what}", False)
                return
            rest = block[-64:]


def _is_packed(head: bytes) -> bool:
    zlib_header = head[:1] == b"\x78" and len(head) > 1 and (head[0] * 256 + head[1]) % 31 == 0
    return zlib_header or head[:2] == b"\x1f\x8b" or head[:3] == b"BZh" or _is_lzma(head)


def _is_lzma(head: bytes) -> bool:
    return head[:6] == b"\xfd7zXZ\x00" or head[:3] == b"\x5d\x00\x00"


def _inflate(file: BinaryIO) -> bytes:
    """Return the beginning of what is packed in `file`, up to 64 MiB of it."""
    data = file.read(_INFLATED)
    try:
        if data[:2] == b"\x1f\x8b":
            return zlib.decompressobj(31).decompress(data, _INFLATED)
        if data[:3] == b"BZh":
            return bz2.BZ2Decompressor().decompress(data, _INFLATED)
        if _is_lzma(data):
            return lzma.LZMADecompressor().decompress(data, _INFLATED)
        return zlib.decompressobj().decompress(data, _INFLATED)
    except (zlib.error, OSError, lzma.LZMAError, EOFError):
        return b""
