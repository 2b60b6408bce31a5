"""How registries are named by people."""

from __future__ import annotations

import pytest
from algo.oci.errors import BadReference
from algo.oci.reference import Reference, host_of


@pytest.mark.parametrize(
    ("said", "host"),
    [
        ("registry.example.com", "registry.example.com"),
        ("https://registry.example.com/", "registry.example.com"),
        ("http://127.0.0.1:5000/v2/", "127.0.0.1:5000"),
        ("HTTPS://localhost:5000/v1", "localhost:5000"),
        (" [::1]:5000\n", "[::1]:5000"),
        ("https://index.docker.io/v1/", "docker.io"),
        ("registry-1.docker.io", "docker.io"),
    ],
)
def test_an_address_means_its_host(said: str, host: str) -> None:
    assert host_of(said) == host


@pytest.mark.parametrize("said", ["", "ftp://x.y", "https://", "a b", "u:p@registry.example.com"])
def test_what_names_no_host_is_refused(said: str) -> None:
    with pytest.raises(BadReference, match="is not a registry's host"):
        host_of(said)


def test_a_part_of_a_registry_has_no_credentials_of_its_own() -> None:
    with pytest.raises(BadReference) as caught:
        host_of("https://registry.example.com:5000/acme")
    assert caught.value.hint == "algo login registry.example.com:5000"


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("x", "'x' is not owner/name in lower case"),
        ("a/B", "'a/B' is not owner/name in lower case"),
        ("a/b:", "'a/b:': '' is not a version"),
        ("http:/a/b", "'http:/a/b': 'http:' is not a host"),
    ],
)
def test_what_is_wrong_is_told_once(said: str, message: str) -> None:
    with pytest.raises(BadReference) as caught:
        Reference.parse(said)
    assert caught.value.message == message
