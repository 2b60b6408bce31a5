"""The body that `serve` shows a curl with."""

from __future__ import annotations

import pytest
from algo.commands.shared.serving import sample
from algo.serving.target import VersionTarget


@pytest.mark.parametrize(
    ("description", "body"),
    [
        (b'{"name":"acme/digits","sample":{"pixels":[0, 1]}}', '{"pixels":[0,1]}'),
        (b'{"sample":"Ada"}', '"Ada"'),
        (b'{"sample":null}', "{}"),
        (b'{"contract":{"input":{"type":"integer","minimum":3}}}', "3"),
        (b'{"name":"acme/digits"}', "{}"),
    ],
)
def test_a_version_is_called_with_the_sample_that_it_carries(description: bytes, body: str) -> None:
    assert sample(VersionTarget("acme/digits:1.0.0"), description, "") == body
