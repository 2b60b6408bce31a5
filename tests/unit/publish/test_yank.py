"""Versions that are marked as not to be used any more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from algo.errors import UsageError
from algo.events import Event, Warned, silent
from algo.oci.descriptor import Descriptor
from algo.oci.digest import Digest
from algo.oci.media_types import INDEX
from algo.oci.reference import Reference
from algo.publish.archived import export_version, import_version
from algo.publish.consume import Consuming, examine, pull
from algo.publish.inspect import inspect
from algo.publish.listing import list_versions
from algo.publish.prepare import Wish
from algo.publish.publish import publish
from algo.publish.yank import Yanked, yank_version
from algo.registry.layout import LayoutStore
from algo.trust.attachment import attach_statement
from algo.trust.errors import KeyMissing, VersionYanked
from algo.trust.keyring import Keyring
from algo.trust.pins import Pins
from algo.trust.rules import Rule, Rules
from algo.trust.yanks import YANK, Yank, yank_statement
from algo.versions.version import Version
from msgspec.structs import replace

from tests.fakes.publishing import Bench
from tests.fakes.registry import MemoryRegistry

if TYPE_CHECKING:
    from pathlib import Path


WHY = "answers wrongly for empty images"


@dataclass
class Place:
    """A registry with the versions 1.0.0 and 1.1.0 of acme/digits, and who published them."""

    folder: Path
    bench: Bench
    remote: MemoryRegistry

    def user(self, name: str = "", **changes: object) -> Consuming:
        """Somebody who uses versions: the publisher, or who trusts his key by now."""
        home = self.folder / name if name else self.bench.home
        keyring = Keyring(home / "keys", {})
        if name:
            keyring.trust(Keyring(self.bench.home / "keys", {}).export(), "publisher", "")
        store = LayoutStore(home / "store")
        tools = Consuming(
            open=lambda host: self.remote if host else store,
            keyring=keyring,
            pins=Pins(home / "pins"),
            ask=None,
            skip=False,
            log=home / "unverified.log",
            now=datetime.fromtimestamp(1_000_000_000, UTC),
        )
        return replace(tools, **changes)

    def yank(self, version: str, reason: str = WHY, *, undo: bool = False) -> Yanked:
        return yank_version(self.at(version), reason, self.user(), undo=undo, notify=silent)

    def at(self, version: str = "") -> Reference:
        return Reference.parse(f"registry.example/acme/digits{version and ':'}{version}")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    remote = MemoryRegistry(address="registry.example")
    bench = Bench(tmp_path / "digits", remote)
    for version in ("1.0.0", "1.1.0"):
        wish = Wish(version=Version.parse(version))
        bench.edit(f"def apply(x): return {version!r}\n")
        publish(bench.project, wish, bench.tools, confirm=lambda plan: True, notify=silent)
    return Place(tmp_path, bench, remote)


def found(place: Place, version: str, tools: Consuming) -> str:
    return examine(place.at(version), tools, notify=silent).asked.version


def test_ranges_and_the_latest_pass_over_a_yanked_version(place: Place) -> None:
    friend = place.user("friend")
    assert found(place, "", friend) == "1.1.0"
    said = place.yank("1.1.0")
    assert (said.version, said.yanked, said.reason, said.unchanged) == ("1.1.0", True, WHY, False)
    assert found(place, "", friend) == found(place, "^1", friend) == "1.0.0"
    place.yank("1.0.0", "it is old")
    with pytest.raises(VersionYanked, match=f"fits latest is yanked; 1.1.0: {WHY}"):
        found(place, "", friend)


def test_the_version_itself_is_refused_and_its_digest_goes_on(place: Place) -> None:
    friend = place.user("friend")
    digest = pull(place.at("1.1.0"), friend, notify=silent).digest
    place.yank("1.1.0")
    with pytest.raises(VersionYanked, match=WHY) as caught:
        found(place, "1.1.0", friend)
    assert digest in caught.value.hint and caught.value.exit_code == 4
    told: list[Event] = []
    pinned = Reference.parse(f"registry.example/acme/digits@{digest}")
    assert str(examine(pinned, friend, notify=told.append).asked.digest) == digest
    assert [event.text for event in told if isinstance(event, Warned)] == [
        f"registry.example/acme/digits:1.1.0 is yanked: {WHY}"
    ]


@pytest.mark.parametrize(
    ("rule", "by_version", "by_digest"),
    [("refuse", "refused", "refused"), ("warn", "warned", "warned"), ("allow", "", "")],
)
def test_trust_toml_decides_what_becomes_of_it(
    place: Place, rule: str, by_version: str, by_digest: str
) -> None:
    digest = place.yank("1.1.0").digest
    friend = place.user("friend", rules=Rules(Rule(yanked=rule)))  # type: ignore[arg-type]

    def outcome(reference: str) -> str:
        told: list[Event] = []
        try:
            examine(Reference.parse(reference), friend, notify=told.append)
        except VersionYanked:
            return "refused"
        return "warned" if any(isinstance(event, Warned) for event in told) else ""

    assert outcome("registry.example/acme/digits:1.1.0") == by_version
    assert outcome(f"registry.example/acme/digits@{digest}") == by_digest


def test_a_mark_can_be_taken_back_and_said_once_more(place: Place) -> None:
    friend = place.user("friend")
    place.yank("1.1.0")
    assert place.yank("1.1.0").unchanged
    undone = place.yank("1.1.0", undo=True)
    assert (undone.yanked, undone.reason, undone.unchanged) == (False, "", False)
    assert found(place, "", friend) == found(place, "1.1.0", friend) == "1.1.0"
    assert place.yank("1.1.0", undo=True).unchanged
    place.yank("1.1.0", "again")
    assert found(place, "", friend) == "1.0.0"


@pytest.mark.parametrize("at", ["tomorrow", "9999-12-31T23:59:59.999998Z"])
def test_a_mark_of_another_time_can_be_taken_back(place: Place, at: str) -> None:
    digest = Digest.parse(place.yank("1.1.0").digest)
    key = Keyring(place.bench.home / "keys", {}).signing_key()
    assert key is not None
    subject = Descriptor(INDEX, digest, 1)
    statement = yank_statement(Yank("acme/digits", "1.1.0", at, "later"), digest)
    attached = attach_statement(statement, YANK, subject, key)
    for descriptor, content in attached.blobs:
        place.remote.push_blob("acme/digits", descriptor, content, notify=silent)
    place.remote.attach("acme/digits", [attached.manifest])
    place.yank("1.1.0", undo=True)
    assert found(place, "", place.user("friend")) == "1.1.0"


def test_versions_and_inspect_tell_of_it(place: Place) -> None:
    place.yank("1.1.0")
    friend = place.user("friend")
    listed = list_versions(place.at(), place.remote, friend.accepted()).versions
    assert [(one.version, one.latest, one.yanked) for one in listed] == [
        ("1.1.0", False, WHY),
        ("1.0.0", True, ""),
    ]
    assert inspect(place.at("1.1.0"), friend).yanked == WHY
    assert inspect(place.at("1.0.0"), friend).yanked == ""


def test_who_publishes_a_yanked_version_again_is_told(place: Place) -> None:
    place.yank("1.1.0")
    told: list[Event] = []
    bench = place.bench
    again = publish(
        bench.project, Wish(), bench.tools, confirm=lambda plan: True, notify=told.append
    )
    assert again.unchanged
    assert any(isinstance(event, Warned) and WHY in event.text for event in told)


def test_only_what_may_be_a_mark_is_read_to_find_the_latest(place: Place) -> None:
    read: list[str] = []
    asked = place.remote.get_manifest

    class Counting(MemoryRegistry):
        def get_manifest(self, repository: str, tag_or_digest: str) -> tuple[bytes, Descriptor]:
            read.append(tag_or_digest)
            return asked(repository, tag_or_digest)

    counting = Counting(place.remote.address, place.remote.repositories)
    list_versions(place.at(), counting, place.user().accepted())
    assert read == []
    place.yank("1.1.0")
    list_versions(place.at(), counting, place.user().accepted())
    assert len(set(read)) == 1


def test_a_mark_of_a_key_that_is_not_trusted_does_not_count(place: Place) -> None:
    enemy = place.user("enemy")
    enemy.keyring.ensure()
    told: list[Event] = []
    yank_version(place.at("1.1.0"), "mine", enemy, notify=told.append)
    assert any(isinstance(event, Warned) and "only who trusts" in event.text for event in told)
    assert found(place, "", place.user("friend")) == "1.1.0"


def test_a_file_tells_a_site_that_what_it_has_is_yanked(place: Place, tmp_path: Path) -> None:
    friend, site = place.user("friend"), place.user("site")

    def carried(by: str) -> list[str]:
        reference = Reference.parse(f"registry.example/acme/digits{by}")
        file = tmp_path / "digits.tar"
        export_version(reference, file, tmp_path, friend, notify=silent)
        told: list[Event] = []
        import_version(file, "", site, notify=told.append)
        return [event.text for event in told if isinstance(event, Warned)]

    assert carried(":1.1.0") == []
    digest = place.yank("1.1.0").digest
    assert carried(f"@{digest}") == [f"acme/digits:1.1.0 is yanked: {WHY}"]
    with pytest.raises(VersionYanked, match=WHY):
        examine(Reference.parse("acme/digits:1.1.0"), site, notify=silent)


@pytest.mark.parametrize(
    ("reference", "reason"), [("1.1.0", " "), ("1.1.0", "a\x1b[2J"), ("^1", WHY), ("", WHY)]
)
def test_a_mark_wants_one_version_and_a_reason(place: Place, reference: str, reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        place.yank(reference, reason)
    assert "registry.example/acme/digits" in caught.value.hint


def test_without_a_key_nothing_is_marked(place: Place) -> None:
    with pytest.raises(KeyMissing):
        yank_version(place.at("1.1.0"), WHY, place.user("friend"), notify=silent)
