from __future__ import annotations

import socket

import pytest
from algo.engines.errors import AddressInvalid, PortTaken
from algo.engines.ports import claim, claim_near, free_port


def test_a_free_port_can_be_claimed() -> None:
    port = free_port()
    assert claim("127.0.0.1", port) == port
    assert claim("127.0.0.1", 0) > 0


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_a_taken_port_is_refused_with_the_next_free_one(host: str) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(PortTaken) as caught:
            claim(host, port)
    assert f"port {port}" in caught.value.message
    assert "--port" in caught.value.hint


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_a_foreign_address_is_refused(host: str) -> None:
    with pytest.raises(AddressInvalid):
        claim(host, 8080)


def test_the_next_port_is_taken_where_any_will_do() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert claim_near("127.0.0.1", port) > port
