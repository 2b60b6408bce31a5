"""What the client does when the network or the server fails."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING

import pytest
from algo.errors import Interrupted
from algo.events import Note, Progress, silent
from algo.oci.digest import Digest
from algo.oci.media_types import INDEX
from algo.registry.errors import (
    BlobCorrupted,
    Forbidden,
    RegistryRefused,
    RegistryUnreachable,
    Unauthorized,
    VersionExists,
)
from algo.registry.http import HttpRegistry
from algo.registry.sending import Outgoing, push_blobs
from algo.registry.transport import Patience, Transport

from tests.contract.registry.content import blob, push_image
from tests.unit.registry.server import Fault, Scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from algo.events import Event
    from algo.registry.credentials import Credentials

NAME = "acme/digits"
LARGE = bytes(range(250)) * 14


def test_a_server_error_in_passing_is_tried_again(
    registry: HttpRegistry, scene: Scene, pauses: list[float]
) -> None:
    scene.faults = [Fault("GET /v2/acme/digits/tags", times=3, status=503)]
    assert registry.tags(NAME) == []
    assert len(pauses) == 3
    assert pauses == sorted(pauses)


def test_a_manifest_is_asked_for_by_its_digest_once(registry: HttpRegistry, scene: Scene) -> None:
    pushed = push_image(registry, b"content")
    digest = registry.push_manifest(NAME, pushed.index, INDEX, tag="1.0.0").digest
    scene.seen.clear()
    first = registry.get_manifest(NAME, str(digest))

    assert registry.get_manifest(NAME, str(digest)) == first
    assert registry.get_manifest(NAME, "1.0.0")[0] == first[0]
    assert len([one for one in scene.seen if one.startswith("GET")]) == 2


def test_retry_after_is_honoured_within_a_bound(
    registry: HttpRegistry, scene: Scene, pauses: list[float]
) -> None:
    scene.faults = [
        Fault("tags", status=429, headers={"Retry-After": "7"}),
        Fault("tags", status=429, headers={"Retry-After": "86400"}),
        Fault("tags", status=429, headers={"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}),
    ]
    assert registry.tags(NAME) == []
    assert 7 <= pauses[0] < 9
    assert 60 <= pauses[1] < 62
    assert pauses[2] < 2


def test_a_server_that_goes_on_failing_is_unreachable(registry: HttpRegistry, scene: Scene) -> None:
    scene.faults = [Fault("tags", times=99, status=500)]
    with pytest.raises(RegistryUnreachable) as caught:
        registry.tags(NAME)
    assert caught.value.exit_code == 3
    assert "500" in caught.value.message
    assert "no" in caught.value.details
    assert scene.count("tags") == 4


def test_a_port_where_nobody_listens_is_unreachable() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
    patience = Patience(attempts=2, sleep=lambda _: None)
    with pytest.raises(RegistryUnreachable) as caught:
        HttpRegistry(Transport(host, None, {}, patience)).tags(NAME)
    assert host in caught.value.message
    assert "algo doctor" in caught.value.hint


def test_forbidden_is_said_at_once(registry: HttpRegistry, scene: Scene) -> None:
    scene.faults = [Fault("POST", status=403)]
    with pytest.raises(Forbidden) as caught:
        registry.push_blob(NAME, blob(b"x"), b"x", notify=silent)
    assert caught.value.exit_code == 4
    assert scene.count("POST") == 1


def test_unauthorized_names_the_login(registry: HttpRegistry, scene: Scene) -> None:
    scene.auth = "basic"
    with pytest.raises(Unauthorized) as caught:
        registry.tags(NAME)
    assert caught.value.hint == f"algo login {scene.address}"


def test_another_status_is_shown_with_the_servers_words(
    registry: HttpRegistry, scene: Scene
) -> None:
    scene.faults = [Fault("PUT .*manifests", status=400)]
    with pytest.raises(RegistryRefused) as caught:
        push_image(registry, b"layer", NAME)
    assert caught.value.details == "X: no"


def test_a_flipped_byte_in_a_blob_is_seen(registry: HttpRegistry, scene: Scene) -> None:
    registry.push_blob(NAME, blob(LARGE), LARGE, notify=silent)
    scene.faults = [Fault("GET .*blobs/sha256", flip=True)]
    with pytest.raises(BlobCorrupted) as caught:
        list(registry.open_blob(NAME, blob(LARGE)))
    assert caught.value.exit_code == 4


def test_a_flipped_byte_in_a_manifest_is_seen(registry: HttpRegistry, scene: Scene) -> None:
    pushed = push_image(registry, b"layer", NAME)
    registry.tag(NAME, "1.0.0", pushed.index, INDEX)
    for wanted in ("1.0.0", str(pushed.digest)):
        scene.faults = [Fault("GET .*manifests", flip=True)]
        with pytest.raises(BlobCorrupted):
            registry.get_manifest(NAME, wanted)


def test_a_blob_longer_than_said_is_not_read_to_its_end(
    registry: HttpRegistry, scene: Scene
) -> None:
    scene.blobs[str(Digest.of(b"short"))] = b"short" * 1_000_000
    with pytest.raises(BlobCorrupted):
        list(registry.open_blob(NAME, blob(b"short")))


def test_a_download_goes_on_where_the_connection_broke(
    registry: HttpRegistry, scene: Scene
) -> None:
    registry.push_blob(NAME, blob(LARGE), LARGE, notify=silent)
    scene.faults = [Fault("GET .*blobs/sha256", times=2, cut=1000)]
    assert b"".join(registry.open_blob(NAME, blob(LARGE))) == LARGE
    ranges = [headers.get("range") for headers in scene.headers]
    assert [asked for asked in ranges if asked] == ["bytes=1000-3499", "bytes=2000-3499"]


def test_a_large_blob_is_sent_in_chunks(
    registry: HttpRegistry, scene: Scene, tmp_path: Path
) -> None:
    file = tmp_path / "large"
    file.write_bytes(LARGE)
    events: list[Event] = []
    sent = registry.push_blob(NAME, blob(LARGE), file, notify=events.append)
    assert sent.bytes_sent == len(LARGE)
    assert scene.count("PATCH") == 3
    assert scene.blobs[str(Digest.of(LARGE))] == LARGE


def test_an_upload_goes_on_at_the_last_chunk(
    registry: HttpRegistry, scene: Scene, pauses: list[float]
) -> None:
    scene.faults = [
        Fault("PATCH", times=0),
        Fault(r"PATCH .*state=1000", times=1, cut=0),
        Fault(r"PUT .*blobs", times=1, status=502),
    ]
    registry.push_blob(NAME, blob(LARGE), LARGE, notify=silent)
    assert scene.blobs[str(Digest.of(LARGE))] == LARGE
    starts = [headers.get("content-range") for headers in scene.headers]
    ranges = [start for start in starts if start]
    twice = ["1000-1999", "1000-1999", "2000-2999", "3000-3499", "3000-3499"]
    assert ranges == ["0-999", *twice]
    assert len(pauses) == 2


def test_an_upload_whose_session_is_gone_starts_again(registry: HttpRegistry, scene: Scene) -> None:
    scene.faults = [
        Fault("PATCH", cut=0),
        Fault("GET .*uploads", status=404),
        Fault("PUT .*blobs", status=404),
        Fault("GET .*uploads", status=404),
    ]
    registry.push_blob(NAME, blob(LARGE), LARGE, notify=silent)
    assert scene.blobs[str(Digest.of(LARGE))] == LARGE
    assert scene.count("POST") == 3


def test_an_upload_that_arrived_without_an_answer_is_not_sent_again(
    registry: HttpRegistry, scene: Scene
) -> None:
    scene.faults = [Fault("PUT .*blobs", cut=0, late=True)]
    registry.push_blob(NAME, blob(b"small"), b"small", notify=silent)
    assert scene.count("PUT .*blobs") == 1


def test_a_registry_that_stores_something_else_is_noticed(
    registry: HttpRegistry, scene: Scene
) -> None:
    pushed = push_image(registry, b"layer", NAME)
    wrong = str(Digest.of(b"other"))
    answer = Fault(
        "PUT .*manifests", status=201, late=True, headers={"Docker-Content-Digest": wrong}
    )
    scene.faults = [answer]
    with pytest.raises(BlobCorrupted):
        registry.tag(NAME, "1.0.0", pushed.index, INDEX)


def test_tags_are_read_page_by_page(registry: HttpRegistry, scene: Scene) -> None:
    pushed = push_image(registry, b"layer", NAME)
    wanted = [f"1.0.{number}" for number in range(5)]
    for tag in wanted:
        registry.tag(NAME, tag, pushed.index, INDEX)
    assert registry.tags(NAME) == wanted
    assert scene.count("tags/list") == 3


def test_ctrl_c_does_not_wait_for_a_registry_that_says_nothing(
    connect: Callable[[Credentials | None], HttpRegistry], scene: Scene
) -> None:
    registry = connect(None)
    stuck = blob(b"stuck for ever")
    scene.faults = [Fault(f"PUT .*{stuck.digest.hex}", hold=True)]

    def source() -> Iterator[bytes]:
        while not scene.holding:
            time.sleep(0.001)
        yield b"quick"

    def interrupted(event: Event) -> None:
        if isinstance(event, Progress) and event.done:
            raise KeyboardInterrupt

    blobs = [Outgoing(stuck, b"stuck for ever"), Outgoing(blob(b"quick"), source)]
    with pytest.raises(Interrupted) as caught:
        push_blobs(registry, NAME, blobs, notify=interrupted, ending=0.1)
    assert "were cut" in caught.value.message
    with pytest.raises(CancelledError):
        registry.tags(NAME)


def test_a_second_ctrl_c_cuts_what_is_under_way(
    connect: Callable[[Credentials | None], HttpRegistry], scene: Scene
) -> None:
    stuck = blob(b"stuck for ever")
    scene.faults = [Fault(f"PUT .*{stuck.digest.hex}", hold=True)]

    def source() -> Iterator[bytes]:
        yield b"quick"
        while not scene.holding:
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGINT)

    def again(event: Event) -> None:
        if isinstance(event, Note):
            assert event.text == "ending the requests under way; Ctrl-C again cuts them"
            threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()

    blobs = [Outgoing(stuck, b"stuck for ever"), Outgoing(blob(b"quick"), source)]
    with pytest.raises((Interrupted, KeyboardInterrupt)):
        push_blobs(connect(None), NAME, blobs, notify=again, ending=60)


def test_a_push_outlasts_a_registry_that_is_away_for_a_while(
    registry: HttpRegistry, scene: Scene, pauses: list[float]
) -> None:
    away = Fault("HEAD", times=7, status=503)
    scene.faults = [Fault("PATCH.*state=1000", cut=0)]
    told: list[Event] = []

    def notify(event: Event) -> None:
        told.append(event)
        if isinstance(event, Progress) and event.done and away not in scene.faults:
            scene.faults.append(away)

    registry.push_blob(NAME, blob(LARGE), LARGE, notify=notify)
    assert scene.blobs[str(Digest.of(LARGE))] == LARGE
    assert [event.text for event in told if isinstance(event, Note)] == [
        f"{scene.address} does not answer: trying again"
    ]
    assert sum(pauses) > 5


def test_ctrl_c_does_not_wait_for_the_next_attempt(scene: Scene) -> None:
    away = Fault("HEAD", times=999, status=503, headers={"Retry-After": "50"})
    scene.faults = [Fault("PATCH.*state=1000", cut=0)]

    def notify(event: Event) -> None:
        if isinstance(event, Progress) and event.done and away not in scene.faults:
            scene.faults.append(away)
            threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()

    registry = HttpRegistry(Transport(scene.address, None, {}, Patience()), chunk=1000)
    with pytest.raises(Interrupted) as caught:
        push_blobs(registry, NAME, [Outgoing(blob(LARGE), LARGE)], notify=notify, ending=60)
    assert caught.value.message.startswith("interrupted: 1.0 kB of 3.5 kB were sent")


def test_a_push_that_outlasts_no_outage_says_what_the_same_command_does(
    registry: HttpRegistry, scene: Scene, pauses: list[float]
) -> None:
    away = Fault("HEAD", times=999, status=503)
    scene.faults = [Fault("state=1000", times=999, cut=0)]

    def notify(event: Event) -> None:
        if isinstance(event, Progress) and event.done and away not in scene.faults:
            scene.faults.append(away)

    with pytest.raises(RegistryUnreachable) as caught:
        push_blobs(registry, NAME, [Outgoing(blob(LARGE), LARGE)], notify=notify)
    assert sum(pauses) >= 30
    assert caught.value.message.endswith(f"; 1.0 kB of 3.5 kB were sent to {scene.address}")
    assert caught.value.hint.startswith("the same command brings what is missing; algo doctor")


@pytest.mark.parametrize("when", ["before", "after"])
def test_who_loses_a_race_for_a_tag_is_told(
    registry: HttpRegistry, scene: Scene, pauses: list[float], when: str
) -> None:
    """Somebody else's tag lands between our look and our write, or right after we have checked."""
    ours, theirs = push_image(registry, b"ours"), push_image(registry, b"theirs")
    registry.push_manifest(NAME, theirs.index, INDEX)

    class Racing(dict[tuple[str, str], tuple[bytes, str]]):
        """Gets the other's manifest under the tag just before the look that is chosen."""

        looks = 0

        def __contains__(self, key: object) -> bool:
            # The first look finds nothing; then ours is written and looked at twice.
            self.looks += key == (NAME, "1.0.0")
            if key == (NAME, "1.0.0") and self.looks == {"before": 2, "after": 3}[when]:
                self[NAME, "1.0.0"] = (theirs.index, INDEX)
            return super().__contains__(key)

    scene.manifests = Racing(scene.manifests)
    with pytest.raises(VersionExists, match="somebody else published") as caught:
        registry.tag(NAME, "1.0.0", ours.index, INDEX)
    assert str(theirs.digest) in caught.value.message
    assert caught.value.exit_code == 5
