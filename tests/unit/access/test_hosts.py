from __future__ import annotations

import pytest
from algo.access.hosts import is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_only_this_machine_reaches_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.1.5", "", "example.com", "127.0.0.1.nip"])
def test_others_reach_any_other_address(host: str) -> None:
    assert not is_loopback(host)
