"""Which version somebody means, and where one goes."""

from __future__ import annotations

import pytest
from algo.oci.media_types import INDEX
from algo.oci.reference import Reference
from algo.publish.destination import place_of
from algo.publish.errors import BadDestination
from algo.publish.find import find
from algo.publish.listing import list_versions
from algo.publish.repository import RegistryRepository
from algo.registry.errors import NotFound
from algo.trust.policy import Policy
from algo.versions.errors import BadVersion
from algo.versions.version import Version

from tests.contract.registry.content import NAME, push_image
from tests.fakes.registry import MemoryRegistry

NOBODY = Policy((), frozenset())


@pytest.fixture
def registry() -> MemoryRegistry:
    """Seven versions of a name."""
    registry = MemoryRegistry()
    for patch in range(7):
        index = push_image(registry, f"{patch}".encode()).index
        registry.tag(NAME, f"1.0.{patch}", index, INDEX)
    return registry


@pytest.mark.parametrize(
    ("wanted", "what"),
    [
        ("9.x", "no version that fits 9.x"),
        ("^2", "no version that fits ^2"),
        ("9.9.9", "no version 9.9.9"),
    ],
)
def test_a_version_that_is_not_there_is_told_with_those_that_are(
    registry: MemoryRegistry, wanted: str, what: str
) -> None:
    with pytest.raises(NotFound) as caught:
        find(RegistryRepository(registry, NAME), Reference("", NAME, wanted), NOBODY)
    assert f"{NAME} has {what}; it has 1.0.6, 1.0.5, 1.0.4, 1.0.3, 1.0.2, …" in caught.value.message


def test_a_name_without_versions_is_told_as_such(registry: MemoryRegistry) -> None:
    with pytest.raises(NotFound) as caught:
        find(RegistryRepository(registry, "acme/none"), Reference("", "acme/none", "1.x"), NOBODY)
    assert caught.value.message.endswith("acme/none has no version")
    assert caught.value.hint.startswith("check the name; ")


def test_a_name_that_has_content_and_no_version_is_not_told_with_itself() -> None:
    registry = MemoryRegistry()
    registry.tag(NAME, "not-a-version", push_image(registry, b"by its digest").index, INDEX)
    with pytest.raises(NotFound) as caught:
        find(RegistryRepository(registry, NAME), Reference("", NAME, "1.x"), NOBODY)
    assert NAME in registry.names()
    assert caught.value.message.endswith(f"{NAME} has no version")
    assert "did you mean" not in caught.value.hint
    assert "check the name" not in caught.value.hint


def test_a_name_that_is_not_there_is_told_with_the_nearest(registry: MemoryRegistry) -> None:
    near = f"{NAME[:-2]}{NAME[-1]}"
    with pytest.raises(NotFound) as caught:
        find(RegistryRepository(registry, near), Reference("", near, "1.x"), NOBODY)
    assert caught.value.hint.startswith(f"did you mean {NAME}? ")


def test_versions_lists_those_that_are_asked_for(registry: MemoryRegistry) -> None:
    def listed(tag: str) -> list[str]:
        found = list_versions(Reference("", NAME, tag), registry, NOBODY)
        return [one.version for one in found.versions]

    assert len(listed("")) == len(listed("1.x")) == 7
    assert listed("1.0.3") == ["1.0.3"]
    with pytest.raises(NotFound, match="fits 2"):
        listed("2.x")


def test_where_one_version_is_wanted_no_range_is_offered() -> None:
    with pytest.raises(BadVersion) as caught:
        Version.parse("1.x")
    assert caught.value.hint == "write a version as 1.2.3 or 1.2.3-rc.1"


@pytest.mark.parametrize(
    ("to", "place"),
    [
        ("registry.example.com", "registry.example.com/acme/digits"),
        ("https://registry.example.com/", "registry.example.com/acme/digits"),
        ("http://localhost:5000/team", "localhost:5000/team/digits"),
        ("other/name", "other/name"),
        ("", "acme/digits"),
    ],
)
def test_a_destination_may_be_written_as_an_address(to: str, place: str) -> None:
    assert str(place_of(to, NAME)) == place


@pytest.mark.parametrize("to", ["x", "http://a/b/c", "a/b:1.0.0"])
def test_what_is_no_destination_is_told_once(to: str) -> None:
    with pytest.raises(BadDestination) as caught:
        place_of(to, NAME)
    assert caught.value.message.count(repr(to)) <= 1
