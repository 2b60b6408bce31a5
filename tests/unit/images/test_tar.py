from __future__ import annotations

import errno
import gzip
import hashlib
import io
import os
import tarfile
from typing import TYPE_CHECKING

import pytest
from algo.images.errors import LinkOutside, NamesCollide, UnreadableFile
from algo.images.tar import LayerWriter, write_layer
from algo.images.tree import Entry, collect, fingerprint

if TYPE_CHECKING:
    from pathlib import Path


def written(entries: list[Entry], *, compress: bool = False) -> tuple[bytes, LayerWriter]:
    target = io.BytesIO()
    writer = LayerWriter(target, compress=compress)
    write_layer(entries, writer)
    return target.getvalue(), writer


def folder(root: Path) -> Path:
    (root / "b").mkdir(parents=True)
    (root / "b" / "x.py").write_text("x")
    (root / "a.sh").write_text("#!/bin/sh\n")
    (root / "a.sh").chmod(0o755)
    return root


def test_the_tar_does_not_depend_on_order_times_modes_and_owners(tmp_path: Path) -> None:
    one, two = folder(tmp_path / "1"), folder(tmp_path / "2")
    (two / "b" / "x.py").chmod(0o600)
    os.utime(two / "a.sh", (1, 1))

    first = written(collect(one, "opt"))[0]
    assert written(list(reversed(collect(two, "opt"))))[0] == first
    assert fingerprint(collect(one, "opt")) == fingerprint(collect(two, "opt"))


def test_entries_are_owned_by_root_without_times_and_have_their_folders(tmp_path: Path) -> None:
    data, _ = written(collect(folder(tmp_path), "opt/algo"))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        found = archive.getmembers()

    assert [(m.name, oct(m.mode)) for m in found] == [
        ("opt", "0o755"),
        ("opt/algo", "0o755"),
        ("opt/algo/a.sh", "0o755"),
        ("opt/algo/b", "0o755"),
        ("opt/algo/b/x.py", "0o644"),
    ]
    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in found} == {(0, 0, "", "", 0)}


def test_the_writer_knows_the_digests_of_the_tar_and_of_the_blob() -> None:
    plain, _ = written([Entry("a", b"content")])
    packed, writer = written([Entry("a", b"content")], compress=True)

    assert gzip.decompress(packed) == plain
    assert writer.diff_id == hashlib.sha256(plain).hexdigest()
    assert writer.digest == hashlib.sha256(packed).hexdigest()
    assert writer.size == len(packed)
    assert packed[:10] == bytes.fromhex("1f8b08000000000000ff")


def test_the_compressed_bytes_do_not_depend_on_how_they_arrive() -> None:
    content = os.urandom(3 << 20) + bytes(3 << 20)
    results = []
    for step in (1000, 1 << 20, len(content)):
        target = io.BytesIO()
        writer = LayerWriter(target, compress=True)
        for start in range(0, len(content), step):
            writer.write(content[start : start + step])
        writer.close()
        results.append(target.getvalue())

    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("name", ["a", "d/" + "n" * 98, "d/" + "n" * 99, "ü"])
@pytest.mark.parametrize("link", ["", "t" * 100, "t" * 101, "ö"])
def test_headers_are_those_of_tarfile(name: str, link: str) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = (tarfile.SYMTYPE, link) if link else (tarfile.REGTYPE, "")
    info.mode, info.size = (0o777, 0) if link else (0o755, 700)
    header = info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
    data, _ = written([Entry(name, b"" if link else bytes(700), not link, link)])

    assert header in data


def test_a_disk_that_is_full_is_told_while_the_layer_is_written() -> None:
    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(errno.ENOSPC, "no space")

    with pytest.raises(OSError, match="no space"):
        write_layer([Entry("a", bytes(3 << 20))], LayerWriter(Full(), compress=False))


def test_long_and_foreign_names_survive() -> None:
    name = "d" * 120 + "/" + "ü" * 60
    data, _ = written([Entry(name, b"1")])
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert name in archive.getnames()


def test_a_link_inside_stays_a_link_and_one_to_a_file_elsewhere_becomes_the_file(
    tmp_path: Path,
) -> None:
    (tmp_path / "elsewhere").write_text("weights")
    root = folder(tmp_path / "p")
    (root / "inside").symlink_to("b/x.py")
    (root / "outside").symlink_to(tmp_path / "elsewhere")
    found = {entry.path: entry for entry in collect(root, "app")}

    assert found["app/inside"].link == "b/x.py"
    assert found["app/outside"].link == ""
    assert found["app/outside"].source == (tmp_path / "elsewhere").resolve()


@pytest.mark.parametrize("aim", ["/usr", "../..", "nothing"])
def test_a_link_to_a_folder_elsewhere_or_to_nothing_is_refused(tmp_path: Path, aim: str) -> None:
    root = folder(tmp_path / "p")
    (root / "link").symlink_to(aim)

    with pytest.raises(LinkOutside, match="link"):
        collect(root, "app")


def test_a_link_that_leads_to_itself_is_refused_by_its_name(tmp_path: Path) -> None:
    root = folder(tmp_path / "p")
    (root / "b" / "there").symlink_to("back")
    (root / "b" / "back").symlink_to("there")

    with pytest.raises(LinkOutside, match=r"b/\w+ is a link that leads to itself \(\w+\)"):
        collect(root, "app")


def test_code_takes_no_file_from_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("of this machine")
    root = folder(tmp_path / "p")
    (root / "inside").symlink_to(root / "b" / "x.py")
    assert "app/inside" in {entry.path for entry in collect(root, "app", alone=True)}
    (root / "leak").symlink_to(tmp_path / "secret")

    with pytest.raises(LinkOutside, match="leak is a link to a file outside the project"):
        collect(root, "app", alone=True)


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(UnreadableFile, match="pipe"):
        collect(tmp_path, "app")


@pytest.mark.parametrize(
    "names", [("a/x", "A/y"), ("\u00e9", "e\u0301"), ("Stra\u00dfe", "STRASSE")]
)
def test_names_that_differ_in_spelling_alone_are_refused(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    with pytest.raises(NamesCollide):
        collect(tmp_path, "opt")


def test_a_link_that_goes_down_and_up_again_is_straightened(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    (tmp_path / "b" / "x").write_text("x")
    (tmp_path / "c" / "l").symlink_to("../a/../b/x")
    links = {entry.path: entry.link for entry in collect(tmp_path, "opt")}
    assert links["opt/c/l"] == "../b/x"
