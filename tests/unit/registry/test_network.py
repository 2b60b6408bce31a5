"""Proxies, certificates and the sum of many transfers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from algo.events import Note, Progress
from algo.registry.certificates import Certificates
from algo.registry.errors import CertificateProblem, ProxyUnusable
from algo.registry.interface import Transfer
from algo.registry.proxies import Proxies
from algo.registry.tally import Tally
from algo.registry.transport import wait_of

from tests.contract.registry.authority import Authority
from tests.contract.registry.content import blob

if TYPE_CHECKING:
    from algo.events import Event

HOST = "registry.example.com"


def test_a_proxy_is_chosen_by_the_scheme() -> None:
    env = {"HTTP_PROXY": "http://a:1", "https_proxy": "b:2", "HTTPS_PROXY": "http://not:3"}
    proxies = Proxies.of(env)
    assert str(proxies.way("http", HOST, 80)) == "a:1"
    assert str(proxies.way("https", HOST, 443)) == "b:2"
    every = Proxies.of({"ALL_PROXY": "http://ada:p%40ss@c"})
    way = every.way("https", HOST, 443)
    assert way is not None
    assert (way.host, way.port, way.authorization) == ("c", 80, "Basic YWRhOnBAc3M=")
    assert "YWRh" not in repr(way)
    assert Proxies.of({}).way("https", HOST, 443) is None


@pytest.mark.parametrize(
    ("around", "host", "port", "direct"),
    [
        ("example.com", HOST, 443, True),
        (".example.com", HOST, 443, True),
        ("*.example.com", HOST, 443, True),
        ("registry.example.com:443", HOST, 443, True),
        ("registry.example.com:5000", HOST, 443, False),
        ("other.org, REGISTRY.example.com", HOST, 443, True),
        ("ample.com", HOST, 443, False),
        ("10.0.0.0/8", "10.1.2.3", 443, True),
        ("10.1.2.3", "10.1.2.4", 443, False),
        ("[fd00::]/8", "fd00::1", 443, False),
        ("fd00::/8", "fd00::1", 443, True),
        ("*", HOST, 443, True),
        ("", HOST, 443, False),
    ],
)
def test_some_hosts_are_reached_without_a_proxy(
    around: str, host: str, port: int, direct: bool
) -> None:
    proxies = Proxies.of({"HTTPS_PROXY": "http://p:1", "NO_PROXY": around})
    assert (proxies.way("https", host, port) is None) is direct


@pytest.mark.parametrize("address", ["socks5://p:1", "https://ada:secret@p:1", "http://:1", "x://"])
def test_a_proxy_that_cannot_be_used_is_named_without_its_password(address: str) -> None:
    with pytest.raises(ProxyUnusable) as caught:
        Proxies.of({"HTTPS_PROXY": address}).way("https", HOST, 443)
    assert caught.value.exit_code == 3
    assert "secret" not in caught.value.message


def test_authorities_and_the_clients_certificate_come_from_certs_d(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority")
    place = tmp_path / ".config" / "docker" / "certs.d" / f"{HOST}:5000"
    place.mkdir(parents=True)
    (place / "ca.crt").write_bytes(authority.file.read_bytes())
    pair = authority.issue("client")
    (place / "client.cert").write_bytes(pair.certificate.read_bytes())
    certificates = Certificates.of({}, tmp_path)
    with pytest.raises(CertificateProblem, match=r"client\.key is missing"):
        certificates.context(f"{HOST}:5000", f"{HOST}:5000")
    (place / "client.key").write_bytes(pair.key.read_bytes())
    context = certificates.context(f"{HOST}:5000", f"{HOST}:5000")
    assert "algo tests" in str(context.get_ca_certs())
    assert context is certificates.context(f"{HOST}:5000", f"{HOST}:5000")
    other = certificates.context("elsewhere.example.com", "elsewhere.example.com")
    assert "algo tests" not in str(other.get_ca_certs())
    (place / "client.key").write_bytes(authority.issue("another").key.read_bytes())
    with pytest.raises(CertificateProblem, match="no pair"):
        Certificates.of({}, tmp_path).context(f"{HOST}:5000", f"{HOST}:5000")
    (place / "ca.crt").write_text("none", encoding="utf-8")
    with pytest.raises(CertificateProblem, match="holds no certificate"):
        Certificates.of({}, tmp_path).context(f"{HOST}:5000", f"{HOST}:5000")


@pytest.mark.parametrize("host", ["..", ".", "a/../..", ""])
def test_a_host_never_leads_out_of_certs_d(tmp_path: Path, host: str) -> None:
    (tmp_path / "x.crt").write_text("none", encoding="utf-8")
    certificates = Certificates("", "", (tmp_path / "certs.d", tmp_path))
    (tmp_path / "certs.d").mkdir()
    certificates.context(host, host)


def test_a_file_of_authorities_that_holds_none_is_named(tmp_path: Path) -> None:
    for text in ("", "none"):
        file = tmp_path / "ca.pem"
        file.write_text(text, encoding="utf-8")
        with pytest.raises(CertificateProblem, match="SSL_CERT_FILE"):
            Certificates.of({"SSL_CERT_FILE": str(file)}, tmp_path).context(HOST, HOST)
    with pytest.raises(CertificateProblem, match="SSL_CERT_FILE"):
        missing = {"SSL_CERT_FILE": str(tmp_path / "missing")}
        Certificates.of(missing, Path("/nowhere")).context(HOST, HOST)


def test_retry_after_can_be_a_date() -> None:
    assert wait_of("7", 0.0) == 7
    assert wait_of("Thu, 01 Jan 1970 00:01:30 GMT", 60.0) == 30
    assert wait_of("Thu, 01 Jan 1970 00:01:30 GMT", 100.0) == 0
    for nonsense in ("", "-1", "soon", "1e9"):
        assert wait_of(nonsense, 0.0) == 0


def test_many_transfers_are_one_progress() -> None:
    seen: list[Event] = []
    tally = Tally("Sending", seen.append)
    new, resumed, there = (blob(bytes(size)) for size in (100, 1000, 5000))
    for descriptor in (new, resumed, there):
        tally.expect(descriptor)
    tally.event(new, Progress("Pushing new", 0, 100))
    tally.event(resumed, Progress("Pushing resumed", 600, 1000))
    tally.ended(Transfer(there.digest, 5000, "reused", 0))
    tally.event(new, Progress("Pushing new", 50, 100))
    tally.event(new, Note("something"))
    tally.event(resumed, Progress("Pushing resumed", 700, 1000))
    tally.ended(Transfer(new.digest, 100, "sent", 100))
    tally.ended(Transfer(resumed.digest, 1000, "sent", 400))
    assert [(event.done, event.total) for event in seen if isinstance(event, Progress)] == [
        (0, 6100),
        (0, 5500),
        (0, 500),
        (50, 500),
        (150, 500),
        (200, 500),
        (500, 500),
    ]
    assert Note("something") in seen
    assert {event.text for event in seen if isinstance(event, Progress)} == {"Sending"}
