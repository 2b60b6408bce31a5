"""Files behind URLs: fetched once, whole, and as `algo.toml` says."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest
from algo.events import Note, Progress, silent
from algo.models.cache import ModelCache
from algo.models.errors import (
    ModelCorrupted,
    ModelInvalid,
    ModelNotFound,
    ModelRefused,
    ModelUnreachable,
)
from algo.models.web import Downloads, Web
from algo.project.models import ModelSource, Remote, parse_source
from algo.registry.transport import Patience

from tests.fakes import web as fake

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from algo.events import Event

WEIGHTS = os.urandom(300_000)


@pytest.fixture
def web() -> Iterator[fake.Web]:
    with fake.serving() as serving:
        serving.files["/w.bin"] = WEIGHTS
        yield serving


@pytest.fixture
def cache(tmp_path: Path) -> ModelCache:
    return ModelCache(tmp_path / "models")


def source(web: fake.Web, content: bytes = WEIGHTS) -> ModelSource:
    url = Remote(f"{web.address}/w.bin", hashlib.sha256(content).hexdigest())
    return parse_source("w", url, "algo.toml")


def origin(pauses: list[float] | None = None) -> Web:
    slept = [] if pauses is None else pauses
    return Web(Downloads({}, Patience(sleep=slept.append, random=lambda: 0.0)))


def test_a_file_is_fetched_once(web: fake.Web, cache: ModelCache) -> None:
    told: list[Event] = []
    (file,) = origin().fetch(source(web), "", cache, notify=told.append)
    again = origin().fetch(source(web), "", cache, notify=silent)

    assert cache.path(file.sha256).read_bytes() == WEIGHTS
    assert (file.path, file.size) == ("w.bin", len(WEIGHTS))
    assert again == (file,)
    assert web.asked == [("/w.bin", ""), ("/w.bin", "bytes=0-0")]
    assert told[-1] == Progress("Fetching w", len(WEIGHTS), len(WEIGHTS))


def test_an_address_is_asked_even_where_the_cache_has_its_content(
    web: fake.Web, cache: ModelCache
) -> None:
    origin().fetch(source(web), "", cache, notify=silent)
    told: list[Event] = []
    web.answers = [(503, {})]
    origin().fetch(source(web), "", cache, notify=told.append)
    host = web.address.removeprefix("http://")
    assert told == [Note(f"{host} has w.bin; its content was here already")]

    web.answers = [(404, {})]
    with pytest.raises(ModelNotFound, match="with 404"):
        origin().fetch(source(web), "", cache, notify=silent)
    web.files["/w.bin"] = WEIGHTS[:-1]
    with pytest.raises(ModelCorrupted, match="it has 299999 bytes, not 300000"):
        origin().fetch(source(web), "", cache, notify=silent)
    dead = parse_source("w", Remote("http://127.0.0.1:9/w.bin", source(web).sha256), "algo.toml")
    with pytest.raises(ModelUnreachable, match=r"127\.0\.0\.1:9 does not send"):
        origin().fetch(dead, "", cache, notify=silent)


def test_who_is_offline_on_purpose_asks_nobody_for_what_is_here(
    web: fake.Web, cache: ModelCache
) -> None:
    (file,) = origin().fetch(source(web), "", cache, notify=silent)
    told: list[Event] = []
    offline = Web(Downloads({"UV_OFFLINE": "1"}))
    assert offline.fetch(source(web), "", cache, notify=told.append) == (file,)
    assert len(web.asked) == 1
    (note,) = told
    assert isinstance(note, Note) and "was not asked for w.bin (UV_OFFLINE is set)" in note.text


def test_a_download_that_is_cut_goes_on_where_it_broke(web: fake.Web, cache: ModelCache) -> None:
    web.cuts = [100_000, 50_000]
    (file,) = origin().fetch(source(web), "", cache, notify=silent)

    assert cache.path(file.sha256).read_bytes() == WEIGHTS
    assert web.sent == len(WEIGHTS)


def test_another_process_goes_on_where_this_one_broke(web: fake.Web, cache: ModelCache) -> None:
    web.cuts = [120_000, 0, 0, 0, 0, 0, 0, 0]
    with pytest.raises(ModelUnreachable):
        origin().fetch(source(web), "", cache, notify=silent)
    web.cuts = []
    origin().fetch(source(web), "", cache, notify=silent)

    assert web.asked[-1] == ("/w.bin", "bytes=120000-")
    assert web.sent == len(WEIGHTS)


def test_what_was_begun_of_other_content_is_begun_again(web: fake.Web, cache: ModelCache) -> None:
    wanted = source(web)
    web.files["/w.bin"] = bytes(len(WEIGHTS))
    web.cuts = [120_000, 0, 0, 0, 0, 0, 0, 0]
    with pytest.raises(ModelUnreachable):
        origin().fetch(wanted, "", cache, notify=silent)
    web.cuts, web.files["/w.bin"] = [], WEIGHTS

    (file,) = origin().fetch(wanted, "", cache, notify=silent)
    assert cache.path(file.sha256).read_bytes() == WEIGHTS


def test_other_content_than_said_is_refused_and_not_kept(web: fake.Web, cache: ModelCache) -> None:
    web.files["/w.bin"] = WEIGHTS[:-1] + bytes([WEIGHTS[-1] ^ 1])
    with pytest.raises(ModelCorrupted, match="is not what was said"):
        origin().fetch(source(web), "", cache, notify=silent)

    assert not list((cache.root / "partial").glob("[!.]*[!k]"))
    assert not (cache.root / "sha256").exists()


def test_a_busy_server_is_asked_again_when_it_says_so(web: fake.Web, cache: ModelCache) -> None:
    pauses: list[float] = []
    web.answers = [(503, {"Retry-After": "7"}), (429, {})]
    origin(pauses).fetch(source(web), "", cache, notify=silent)

    assert pauses == [7.0, 0.0]


def test_what_the_server_refuses_is_named(web: fake.Web, cache: ModelCache) -> None:
    web.answers = [(404, {})]
    with pytest.raises(ModelNotFound, match="with 404"):
        origin().fetch(source(web), "", cache, notify=silent)
    web.users = {"Basic YWRhOmxvdmVsYWNl"}
    with pytest.raises(ModelRefused) as refused:
        origin().fetch(source(web), "", cache, notify=silent)
    assert "~/.netrc" in refused.value.hint


def test_netrc_opens_a_server(web: fake.Web, cache: ModelCache, tmp_path: Path) -> None:
    web.users = {"Basic YWRhOmxvdmVsYWNl"}
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ada password lovelace\n")
    netrc.chmod(0o600)
    (file,) = Web(Downloads({"NETRC": str(netrc)})).fetch(source(web), "", cache, notify=silent)

    assert file.size == len(WEIGHTS)


def test_plain_http_is_for_this_machine_alone(cache: ModelCache) -> None:
    elsewhere = parse_source("w", Remote("http://example.com/w.bin", "0" * 64), "algo.toml")
    with pytest.raises(ModelInvalid, match="has no TLS"):
        origin().fetch(elsewhere, "", cache, notify=silent)


def test_a_changed_file_of_the_cache_is_fetched_again(web: fake.Web, cache: ModelCache) -> None:
    (file,) = origin().fetch(source(web), "", cache, notify=silent)
    path = cache.path(file.sha256)
    path.chmod(0o644)
    path.write_bytes(bytes(len(WEIGHTS)))
    origin().fetch(source(web), "", cache, notify=silent)

    assert path.read_bytes() == WEIGHTS
    assert len(web.asked) == 2
