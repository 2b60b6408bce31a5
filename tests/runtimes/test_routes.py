from __future__ import annotations

from typing import Any

import pytest
from algo_gateway.http.routes import Routes


async def one(scope: Any, proto: Any) -> None: ...


async def other(scope: Any, proto: Any) -> None: ...


@pytest.fixture
def routes() -> Routes:
    routes = Routes()
    routes.add("GET HEAD", "/", one)
    routes.add("POST", "/", other)
    routes.add("GET", "/jobs/*", one)
    routes.add("POST", "/v2/models/*/infer", other)
    return routes


def test_a_path_is_answered_by_method(routes: Routes) -> None:
    assert routes.find("GET", "/") is one
    assert routes.find("HEAD", "/") is one
    assert routes.find("POST", "/") is other
    assert routes.find("PUT", "/") is None
    assert routes.allowed("/") == ["GET", "HEAD", "POST"]


def test_a_star_is_one_segment_that_is_not_empty(routes: Routes) -> None:
    assert routes.find("GET", "/jobs/a-b") is one
    assert routes.find("GET", "/jobs/") is None
    assert routes.find("GET", "/jobs/a/b") is None
    assert routes.find("POST", "/v2/models/it/infer") is other
    assert routes.find("POST", "/v2/models/it/ready") is None
    assert routes.allowed("/jobs/x") == ["GET"]
    assert routes.allowed("/nothing") == []


def test_two_stars_at_the_end_are_what_is_left_and_an_exact_path_wins(routes: Routes) -> None:
    routes.add("GET", "/v2/models/it", one)
    routes.add("GET POST", "/v2/models/**", other)
    assert routes.find("GET", "/v2/models/it") is one
    assert routes.find("GET", "/v2/models/acme/x/versions/1") is other
    assert routes.find("POST", "/v2/models/it") is None
    assert routes.allowed("/v2/models/it") == ["GET"]
    assert routes.allowed("/v2/models/x") == ["GET", "POST"]
    assert routes.find("GET", "/v2/models") is None
