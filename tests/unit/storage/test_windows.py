"""The files of a tar on the disk, each read from anywhere."""

from __future__ import annotations

import io

import pytest
from algo.storage.errors import UnsafeArchive
from algo.storage.tar import SYSTEM
from algo.storage.windows import files_in

from tests.fakes.archives import ANYWHERE, FOLDER, archive, member


def test_each_file_is_read_from_anywhere_and_ends_where_it_ends() -> None:
    whole = bytes(range(256)) * 50
    data = archive(member("d", kind=FOLDER), member("d/a", whole), member("d/b", b"short"))
    (a, first), (b, second) = files_in(io.BytesIO(data))
    assert (a.name, b.name) == ("d/a", "d/b")
    assert first.read(10) == whole[:10]
    assert second.read() == b"short"
    first.seek(-4, io.SEEK_END)
    assert first.read(100) == whole[-4:]
    assert first.seek(300) == 300
    assert first.read(3) == whole[300:303]
    assert first.tell() == 303
    first.seek(0)
    assert first.read() == whole


def test_nothing_is_given_of_an_archive_whose_end_is_wrong() -> None:
    data = ANYWHERE["another archive behind"]()
    with pytest.raises(UnsafeArchive):
        next(files_in(io.BytesIO(data), SYSTEM))
