"""Pushes and pulls over a wire that breaks every connection, and one that flips bits."""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import signal
import subprocess
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest
from algo.errors import AlgoError, Interrupted
from algo.events import silent
from algo.oci.descriptor import Descriptor
from algo.oci.digest import Digest
from algo.oci.media_types import INDEX, LAYER, MANIFEST
from algo.registry.copy import copy_version
from algo.registry.documents import read_head
from algo.registry.errors import BlobCorrupted
from algo.registry.http import HttpRegistry
from algo.registry.kept import Uploads
from algo.registry.layout import LayoutStore
from algo.registry.partial import Downloads
from algo.registry.sending import Outgoing, push_blobs
from algo.registry.transport import Patience, Transport
from algo.registry.upload import UPLOAD_CHUNK

from tests.contract.registry.content import NAME, push_image, push_referrer
from tests.contract.registry.wires import breaking_wire, flipped, spoiling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


MIB = 1 << 20
QUICK = Patience(first_pause=0.01)


def generated(number: int, size: int) -> Iterator[bytes]:
    """Yield a MiB at a time of a blob that is like no other."""
    block = random.Random(number).randbytes(MIB - 8)
    for index in range(size // MIB):
        yield index.to_bytes(8) + block


def layers(count: int, size: int, *, first: int = 0) -> list[Outgoing]:
    found = []
    for number in range(first, first + count):
        hasher = hashlib.sha256()
        for piece in generated(number, size):
            hasher.update(piece)
        layer = Descriptor(LAYER, Digest(hasher.hexdigest()), size)
        found.append(Outgoing(layer, partial(generated, number, size)))
    return found


def push_over_a_breaking_wire(
    server: str, name: str, blobs: list[Outgoing], allowance: Callable[[], int], chunk: int
) -> float:
    """Push, look that all of it is there, and return the bytes sent for each that had to be."""
    with breaking_wire(server, allowance) as wire:
        registry = HttpRegistry(Transport(wire.address, None, {}, QUICK), chunk=chunk)
        moved = push_blobs(registry, name, blobs, notify=silent)
    assert wire.cuts
    direct = HttpRegistry(Transport(server, None, {}, QUICK))
    for blob in blobs:
        assert sum(map(len, direct.open_blob(name, blob.descriptor))) == blob.descriptor.size
    wanted = sum(blob.descriptor.size for blob in blobs)
    assert sum(transfer.bytes_sent for transfer in moved) >= wanted
    return wire.sent / wanted


@pytest.mark.parametrize(
    "kind", ["docker_registry", pytest.param("referrers_registry", marks=pytest.mark.slow)]
)
def test_a_wire_that_breaks_every_connection_costs_little(
    request: pytest.FixtureRequest, kind: str, name: str
) -> None:
    chance = random.Random(7)
    sent = push_over_a_breaking_wire(
        request.getfixturevalue(kind),
        name,
        layers(6, 8 * MIB),
        lambda: chance.randint(MIB, 16 * MIB),
        MIB,
    )
    assert sent <= 1.2


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_two_gigabytes_over_a_breaking_wire_cost_a_fifth_more_at_most(
    docker_registry: str, name: str, seed: int
) -> None:
    chance = random.Random(seed)
    sent = push_over_a_breaking_wire(
        docker_registry,
        name,
        layers(16, 128 * MIB),
        lambda: chance.randint(4 * MIB, 256 * MIB),
        UPLOAD_CHUNK,
    )
    assert sent <= 1.2


PUSHER = """
import os, signal, sys
from functools import partial
from pathlib import Path
from algo.events import silent
from algo.oci.descriptor import Descriptor
from algo.oci.digest import Digest
from algo.oci.media_types import LAYER
from algo.registry.http import HttpRegistry
from algo.registry.kept import Uploads
from algo.registry.transport import Patience, Transport
host, name, digest, path, uploads, last = sys.argv[1:]
data = Path(path).read_bytes()

def source():
    yield data[: int(last)]
    os.kill(os.getpid(), signal.SIGKILL)

layer = Descriptor(LAYER, Digest.parse(digest), len(data))
transport = Transport(host, None, {}, Patience())
registry = HttpRegistry(transport, chunk=1 << 20, uploads=Uploads(Path(uploads)))
registry.push_blob(name, layer, source, notify=silent)
"""
PULLER = """
import os, signal, sys
from pathlib import Path
from algo.oci.descriptor import Descriptor
from algo.oci.digest import Digest
from algo.oci.media_types import LAYER
from algo.registry.http import HttpRegistry
from algo.registry.partial import Downloads
from algo.registry.transport import Patience, Transport
host, name, digest, size, downloads, last = sys.argv[1:]
layer = Descriptor(LAYER, Digest.parse(digest), int(size))
transport = Transport(host, None, {}, Patience())
got = 0
for piece in HttpRegistry(transport, downloads=Downloads(Path(downloads))).open_blob(name, layer):
    got += len(piece)
    if got >= int(last):
        os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(script: str, *words: object) -> None:
    """Run a script that kills itself."""
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, words)], capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


@pytest.mark.parametrize("kind", ["docker_registry", "referrers_registry"])
def test_a_push_that_was_killed_between_two_chunks_goes_on_there(
    request: pytest.FixtureRequest, kind: str, name: str, tmp_path: Path
) -> None:
    host: str = request.getfixturevalue(kind)
    (blob,) = layers(1, 8 * MIB, first=99)
    file, layer = tmp_path / "blob", blob.descriptor
    file.write_bytes(b"".join(generated(99, layer.size)))
    uploads = Uploads(tmp_path / "uploads")
    killed(PUSHER, host, name, layer.digest, file, uploads.root, 3 * MIB)
    (record,) = uploads.root.iterdir()
    transport = Transport(host, None, {}, Patience())
    registry = HttpRegistry(transport, chunk=MIB, uploads=uploads)
    sent = registry.push_blob(name, layer, file, notify=silent)
    assert sent.bytes_sent == 5 * MIB
    assert sum(map(len, registry.open_blob(name, layer))) == layer.size
    assert not record.exists()


@pytest.mark.parametrize("kind", ["docker_registry", "referrers_registry"])
def test_ctrl_c_within_a_chunk_loses_none_of_it(
    request: pytest.FixtureRequest, kind: str, name: str, tmp_path: Path
) -> None:
    host: str = request.getfixturevalue(kind)
    (blob,) = layers(1, 8 * MIB, first=98)
    uploads = Uploads(tmp_path / "uploads")

    def interrupted() -> Iterator[bytes]:
        for index, piece in enumerate(generated(98, 8 * MIB)):
            if index == 3:
                yield piece[: MIB // 2]
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.3)
                yield piece[MIB // 2 :]
            else:
                yield piece

    def push(source: Callable[[], Iterator[bytes]]) -> int:
        registry = HttpRegistry(Transport(host, None, {}, QUICK), chunk=MIB, uploads=uploads)
        (sent,) = push_blobs(registry, name, [Outgoing(blob.descriptor, source)], notify=silent)
        return sent.bytes_sent

    with pytest.raises(Interrupted) as caught:
        push(interrupted)
    assert caught.value.message == f"interrupted: 4.2 MB of 8.4 MB were sent to {host}"
    assert caught.value.hint == "the same command goes on from there"
    assert push(partial(generated, 98, 8 * MIB)) == 4 * MIB


def test_a_push_that_was_killed_within_a_chunk_ends_complete(
    docker_registry: str, name: str, tmp_path: Path
) -> None:
    (blob,) = layers(1, 8 * MIB, first=99)
    file, layer = tmp_path / "blob", blob.descriptor
    file.write_bytes(b"".join(generated(99, layer.size)))
    uploads = Uploads(tmp_path / "uploads")
    killed(PUSHER, docker_registry, name, layer.digest, file, uploads.root, 3 * MIB + 500_000)
    transport = Transport(docker_registry, None, {}, Patience())
    registry = HttpRegistry(transport, chunk=MIB, uploads=uploads)
    registry.push_blob(name, layer, file, notify=silent)
    assert sum(map(len, registry.open_blob(name, layer))) == layer.size
    assert not list(uploads.root.iterdir())


def test_a_pull_that_was_killed_goes_on(docker_registry: str, name: str, tmp_path: Path) -> None:
    (blob,) = layers(1, 16 * MIB, first=99)
    layer = blob.descriptor
    transport = Transport(docker_registry, None, {}, Patience())
    HttpRegistry(transport).push_blob(name, layer, blob.source, notify=silent)
    downloads = Downloads(tmp_path / "downloads")
    killed(PULLER, docker_registry, name, layer.digest, layer.size, downloads.root, 10 * MIB)
    (start,) = downloads.root.iterdir()
    assert start.stat().st_size >= 10 * MIB
    with spoiling(docker_registry) as spoiler:
        sizes: list[int] = []

        def count(line: str, body: bytes) -> bytes:
            sizes.append(len(body))
            return body

        spoiler.answer = count
        behind = HttpRegistry(Transport(spoiler.address, None, {}, QUICK), downloads=downloads)
        assert b"".join(behind.open_blob(name, layer)) == b"".join(generated(99, layer.size))
    assert sum(sizes) <= 6 * MIB
    assert not start.exists()


def published(host: str, name: str, large: bytes) -> tuple[HttpRegistry, list[str]]:
    """Publish a version; return the registry and the paths of all it consists of."""
    registry = HttpRegistry(Transport(host, None, {}, QUICK))
    pushed = push_image(registry, large, name)
    index = registry.tag(name, "1.0.0", pushed.index, INDEX)
    referrer = push_referrer(registry, index, b"bundle", name)
    data, _ = registry.get_manifest(name, str(pushed.image.digest))
    more, _ = registry.get_manifest(name, str(referrer.digest))
    manifests = (pushed.image, referrer)
    blobs = [blob for found in (data, more) for blob in read_head(found, MANIFEST).blobs]
    paths = [f"manifests/{manifest.digest}" for manifest in manifests]
    return registry, sorted([*paths, *(f"blobs/{blob.digest}" for blob in blobs)])


def test_every_part_with_a_bit_flipped_on_the_way_in_is_noticed(
    docker_registry: str, name: str, tmp_path: Path
) -> None:
    chance = random.Random(3)
    large = chance.randbytes(3 * MIB)
    _, parts = published(docker_registry, name, large)
    assert len(parts) == 6
    with spoiling(docker_registry) as spoiler:
        for number, part in enumerate([*parts, "manifests/1.0.0"]):
            bit = chance.randrange(1 << 40)

            def flip(line: str, body: bytes, part: str = part, bit: int = bit) -> bytes:
                return flipped(body, bit) if line.endswith(f"/{part}") else body

            spoiler.answer = flip
            behind = HttpRegistry(Transport(spoiler.address, None, {}, QUICK))
            store = LayoutStore(tmp_path / str(number))
            with pytest.raises(AlgoError) as caught:
                copy_version(behind, name, "1.0.0", store, NAME, tag="1.0.0", notify=silent)
            assert isinstance(caught.value, BlobCorrupted) or part == "manifests/1.0.0", part
            assert store.tags(NAME) == []
            held = store.folder(NAME) / "blobs" / "sha256"
            for path in held.iterdir() if held.is_dir() else ():
                assert Digest.of_file(path).hex == path.name


@pytest.mark.parametrize("chunk", [MIB, 32 * MIB], ids=["in chunks", "whole"])
def test_every_part_with_a_bit_flipped_on_the_way_out_is_noticed(
    docker_registry: str, name: str, chunk: int
) -> None:
    chance = random.Random(4)
    large = chance.randbytes(3 * MIB)
    with spoiling(docker_registry) as spoiler:
        behind = HttpRegistry(Transport(spoiler.address, None, {}, QUICK), chunk=chunk)
        bodies: list[str] = []

        def note(line: str, body: bytes) -> bytes:
            bodies.extend([line] if body else [])
            return body

        spoiler.request = note
        push_image_with_tag(behind, large, name)
        assert bodies
        assert any(line.startswith("PATCH") for line in bodies) is (chunk == MIB)
        for number in range(len(bodies)):
            count = itertools.count()
            bit = chance.randrange(1 << 40)

            def flip(
                line: str,
                body: bytes,
                number: int = number,
                count: Iterator[int] = count,
                bit: int = bit,
            ) -> bytes:
                return flipped(body, bit) if body and next(count) == number else body

            spoiler.request = flip
            with pytest.raises(AlgoError) as caught:
                push_image_with_tag(behind, large, f"{name}-{number}")
            if "manifests" not in bodies[number]:
                assert isinstance(caught.value, BlobCorrupted), bodies[number]


def push_image_with_tag(registry: HttpRegistry, large: bytes, name: str) -> None:
    pushed = push_image(registry, large, name)
    index = registry.tag(name, "1.0.0", pushed.index, INDEX)
    push_referrer(registry, index, b"bundle", name)
