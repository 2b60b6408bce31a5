"""Tars of others, and how little of them is believed."""

from __future__ import annotations

import io
import tarfile
import tracemalloc
from typing import TYPE_CHECKING, Literal

import pytest
from algo.storage.errors import UnsafeArchive
from algo.storage.tar import PROJECT, SYSTEM, Kind, Rules, read_tar

from tests.fakes.archives import ANYWHERE, HARD, LINK, archive, member

if TYPE_CHECKING:
    from collections.abc import Iterator


def names(data: bytes, rules: Rules = SYSTEM) -> list[str]:
    return [found.name for found, _ in read_tar(io.BytesIO(data), rules)]


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_it_reads_what_tarfile_writes(form: Literal[0, 1, 2]) -> None:
    long = "d" * 80 + "/" + "x" * 60
    longer = long if form == tarfile.USTAR_FORMAT else "d/" * 30 + "x" * 200
    data = archive(
        member("d", kind=tarfile.DIRTYPE, form=form, mode=0o755),
        member("d/a.py", b"a" * 700, form=form),
        member(longer, b"long", form=form),
        member("d/l", kind=LINK, link="a.py", form=form),
        member("d/h", kind=HARD, link="d/a.py", form=form),
        member("dev/null", kind=tarfile.CHRTYPE, form=form),
        member("dev/é" if form != tarfile.USTAR_FORMAT else "dev/e", b"", form=form),
    )
    with tarfile.open(fileobj=io.BytesIO(data)) as reference:
        wanted = [
            (one.name, one.type, one.size, one.linkname, one.mode, _bytes(reference, one))
            for one in reference
        ]
    found = [
        (one.name, one.type.encode(), one.size, one.link, one.mode, content.read())
        for one, content in read_tar(io.BytesIO(data), SYSTEM)
    ]
    assert found == wanted


def _bytes(reference: tarfile.TarFile, one: tarfile.TarInfo) -> bytes:
    file = reference.extractfile(one) if one.isreg() else None
    return file.read() if file else b""


@pytest.mark.parametrize("attack", ANYWHERE)
def test_what_nobody_means_well_with_is_refused(attack: str) -> None:
    with pytest.raises(UnsafeArchive):
        names(ANYWHERE[attack]())


def test_names_of_a_distribution_are_read_as_they_are_written() -> None:
    data = archive(member("./", kind=tarfile.DIRTYPE), member("./etc/x\udcff", b""))
    assert names(data) == ["", "etc/x\udcff"]
    with pytest.raises(UnsafeArchive):
        names(data, PROJECT)


def test_too_many_members_or_bytes_are_refused() -> None:
    data = archive(*(member(f"x{number}", b"12345") for number in range(10)))
    assert len(names(data, Rules(members=10, content=50))) == 10
    for rules in (Rules(members=9), Rules(content=49)):
        with pytest.raises(UnsafeArchive):
            names(data, rules)


def test_a_thousand_megabytes_take_no_memory() -> None:
    class Endless:
        """A file of 1 GB, as it comes."""

        def __init__(self) -> None:
            self.pieces = self._pieces()
            self.rest = b""

        def _pieces(self) -> Iterator[bytes]:
            yield member("x", size=1 << 30)
            yield from (bytes(1 << 20) for _ in range(1 << 10))
            yield bytes(1024)

        def read(self, size: int, /) -> bytes:
            while len(self.rest) < size and (piece := next(self.pieces, b"")):
                self.rest += piece
            data, self.rest = self.rest[:size], self.rest[size:]
            return data

    tracemalloc.start()
    ((found, _),) = read_tar(Endless(), SYSTEM)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (found.size, found.kind) == (1 << 30, Kind.FILE)
    assert most < 16 << 20
