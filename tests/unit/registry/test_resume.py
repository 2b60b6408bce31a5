"""Uploads that were cut off go on, in the same process or in the next one."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from algo.events import silent
from algo.oci.digest import Digest
from algo.registry.errors import BlobCorrupted, RegistryRefused
from algo.registry.http import HttpRegistry
from algo.registry.kept import LIFE_SECONDS, Uploads
from algo.registry.pace import SMALLEST, Pace
from algo.registry.transport import Patience, Transport

from tests.contract.registry.content import blob
from tests.unit.registry.conftest import CHUNK
from tests.unit.registry.server import Fault, Scene

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from algo.events import Event

NAME = "acme/digits"
LARGE = bytes(range(250)) * 14
PARTS = ["0-999", "1000-1999", "2000-2999", "3000-3499"]


class Killed(BaseException):
    """What ends a process at once."""


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    """A folder of uploads under way."""
    return Uploads(tmp_path / "uploads")


def process(scene: Scene, uploads: Uploads) -> HttpRegistry:
    """Return what another process would push with."""
    patience = Patience(attempts=4, sleep=lambda _: None)
    return HttpRegistry(Transport(scene.address, None, {}, patience), chunk=CHUNK, uploads=uploads)


def killed_after(scene: Scene, uploads: Uploads, size: int) -> None:
    """Push `LARGE` until the source has given `size` bytes."""

    def source() -> Iterator[bytes]:
        yield LARGE[:size]
        raise Killed

    with pytest.raises(Killed):
        process(scene, uploads).push_blob(NAME, blob(LARGE), source, notify=silent)
    # The server reads what was sent last when it comes to it.
    while len(ranges(scene)) <= size // CHUNK:
        time.sleep(0.001)


def ranges(scene: Scene) -> list[str]:
    return [found for one in scene.headers if (found := one.get("content-range"))]


def test_a_killed_push_goes_on_at_the_last_chunk(
    scene: Scene, uploads: Uploads, tmp_path: Path
) -> None:
    killed_after(scene, uploads, 2500)
    (record,) = uploads.root.iterdir()
    assert record.stat().st_mode & 0o777 == 0o600
    scene.headers.clear()
    file = tmp_path / "large"
    file.write_bytes(LARGE)
    seen: list[Event] = []
    sent = process(scene, uploads).push_blob(NAME, blob(LARGE), file, notify=seen.append)
    assert scene.blobs[str(Digest.of(LARGE))] == LARGE
    assert ranges(scene) == PARTS[2:]
    assert (sent.how, sent.size, sent.bytes_sent) == ("sent", 3500, 1500)
    assert not list(uploads.root.iterdir())


def test_what_a_registry_kept_of_a_broken_request_is_not_sent_again(
    scene: Scene, uploads: Uploads
) -> None:
    scene.faults = [Fault("PATCH", times=0), Fault("PATCH.*state=1000", keep=700)]
    process(scene, uploads).push_blob(NAME, blob(LARGE), LARGE, notify=silent)
    assert scene.blobs[str(Digest.of(LARGE))] == LARGE
    assert ranges(scene) == ["0-999", "1000-1999", "1700-2699", "2700-3499"]


def test_a_session_that_the_registry_forgot_starts_again(scene: Scene, uploads: Uploads) -> None:
    killed_after(scene, uploads, 2500)
    scene.uploads.clear()
    scene.headers.clear()
    process(scene, uploads).push_blob(NAME, blob(LARGE), LARGE, notify=silent)
    assert scene.blobs[str(Digest.of(LARGE))] == LARGE
    assert ranges(scene) == PARTS


def test_a_session_that_holds_other_bytes_starts_again(scene: Scene, uploads: Uploads) -> None:
    killed_after(scene, uploads, 2500)
    scene.uploads = {key: b"x" * len(data) for key, data in scene.uploads.items()}
    process(scene, uploads).push_blob(NAME, blob(LARGE), LARGE, notify=silent)
    assert scene.blobs[str(Digest.of(LARGE))] == LARGE


def test_a_source_that_changed_in_between_is_noticed(scene: Scene, uploads: Uploads) -> None:
    killed_after(scene, uploads, 2500)
    changed = LARGE[:-1] + b"x"
    with pytest.raises(BlobCorrupted, match="what was to be sent"):
        process(scene, uploads).push_blob(NAME, blob(LARGE), changed, notify=silent)
    assert not scene.blobs


def test_two_pushes_of_one_blob_keep_out_of_each_others_way(scene: Scene, uploads: Uploads) -> None:
    def during() -> Iterator[bytes]:
        yield LARGE[:1500]
        if not scene.blobs:
            other = process(scene, uploads)
            other.push_blob(NAME, blob(LARGE), LARGE, notify=silent)
        yield LARGE[1500:]

    process(scene, uploads).push_blob(NAME, blob(LARGE), during, notify=silent)
    assert scene.count("POST") == 2
    assert sorted(ranges(scene)) == sorted(2 * PARTS)
    assert not list(uploads.root.iterdir())


def test_a_record_that_cannot_be_read_or_written_is_none(
    scene: Scene, uploads: Uploads, tmp_path: Path
) -> None:
    killed_after(scene, uploads, 2500)
    (record,) = uploads.root.iterdir()
    for spoilt in (b"", b"{", b'{"registry":"other"}', b"\xff" * 99):
        record.write_bytes(spoilt)
        with uploads.hold(scene.address, NAME, Digest.of(LARGE)) as held:
            assert held is not None
            assert held.read() is None
        assert not record.exists()
    (tmp_path / "file").write_bytes(b"")
    elsewhere = Uploads(tmp_path / "file" / "uploads")
    process(scene, elsewhere).push_blob(NAME, blob(LARGE), LARGE, notify=silent)
    assert scene.blobs[str(Digest.of(LARGE))] == LARGE


def test_records_are_dropped_after_the_registries_life_of_an_upload(
    scene: Scene, uploads: Uploads
) -> None:
    killed_after(scene, uploads, 2500)
    (record,) = uploads.root.iterdir()
    old = time.time() - LIFE_SECONDS - 60
    os.utime(record, (old, old))
    other = bytes(reversed(LARGE))
    process(scene, uploads).push_blob(NAME, blob(other), other, notify=silent)
    assert not record.exists()


def test_a_request_that_is_too_large_is_made_smaller(scene: Scene, uploads: Uploads) -> None:
    size = 4 * SMALLEST
    data = bytes(size)
    scene.faults = [Fault("PUT .*uploads", status=413), Fault("PATCH", status=413)]
    transport = Transport(scene.address, None, {}, Patience())
    registry = HttpRegistry(transport, chunk=size, uploads=uploads)
    registry.push_blob(NAME, blob(data), data, notify=silent)
    assert scene.blobs[str(Digest.of(data))] == data
    assert scene.count("PATCH") == 1 + 3
    scene.faults = [Fault("PATCH|PUT", times=99, status=413)]
    with pytest.raises(RegistryRefused) as caught:
        registry.push_blob(NAME, blob(data[1:]), data[1:], notify=silent)
    assert "takes no request of" in caught.value.message


def test_a_registry_gets_requests_as_large_as_it_wants_them(scene: Scene, uploads: Uploads) -> None:
    scene.least = 1500
    process(scene, uploads).push_blob(NAME, blob(LARGE), LARGE, notify=silent)
    assert scene.blobs[str(Digest.of(LARGE))] == LARGE
    assert ranges(scene) == ["0-1499", "1500-2999", "3000-3499"]


def test_a_connection_that_broke_makes_the_next_ones_carry_less() -> None:
    wire = Transport("127.0.0.1:1", None, {}, Patience()).wire
    pace = Pace(wire, 64 << 20)
    start = pace.size
    for _ in range(2):
        pace.went(pace.size, 0.01)
    assert pace.size == 64 << 20 > start
    pace.broke(0)
    assert wire.bearable == 0
    pace.broke(80 << 20)
    assert pace.size == wire.bearable == 5 << 20
    for _ in range(64):
        pace.went(pace.size, 0.01)
    assert pace.size == wire.bearable == 10 << 20
    pace.broke(10 << 20)
    for _ in range(200):
        pace.went(pace.size, 0.01)
    assert pace.size == wire.bearable == 640 << 10
    pace.broke(1)
    assert pace.size == SMALLEST


def test_a_slow_way_gets_requests_of_a_few_seconds() -> None:
    pace = Pace(Transport("127.0.0.1:1", None, {}, Patience()).wire, 64 << 20)
    pace.went(1 << 20, 1.0)
    assert pace.size == 5 << 20
    pace.went(5 << 20, 25.0)
    assert pace.size == 1 << 20
