"""What package managers say of a registry that is away, is closed, or lacks a package."""

from __future__ import annotations

import pytest
from algo.environments.sayings import is_malformed, is_refused, is_unreachable

AWAY = [
    "npm error network request to http://h/left-pad failed, reason: read ECONNRESET",
    "npm error code E503\nnpm error 503 Service Unavailable - GET http://h/left-pad",
    "npm error request to https://h/left-pad failed, reason: self-signed certificate",
    "npm ERR! errno ECONNREFUSED",
    "npm error network request failed, reason: getaddrinfo ENOTFOUND nohost.invalid",
    'go: a.b/c@v1.6.0: Get "http://h/a.b/c/@v/v1.6.0.mod": dial tcp 127.0.0.1:9: connect: refused',
    "go: a.b/c@v1.6.0: reading http://h/a.b/c/@v/v1.6.0.mod: 503 Service Unavailable",
    'go: a.b/c@v1: Get "https://h/x.mod": tls: failed to verify: x509: unknown authority',
    "  [7] Could not connect to server (Failed to connect to 127.0.0.1 port 9 after 2 ms)",
    "  [56] Failure when receiving data from the peer (Recv failure: Connection reset by peer)",
    "  failed to get successful HTTP response from `http://h/config.json` (127.0.0.1), got 503",
    "  [60] SSL peer certificate or SSH remote key was not OK (SSL certificate problem)",
    "  [6] Could not resolve hostname (Could not resolve host: nohost.invalid)",
    "transfer failed for http://h/a-2.6.pom: Connect to h:9 failed: Connection refused",
    "transfer failed for http://h/a-2.6.pom, status: 503 Service Unavailable -> [Help 1]",
    "transfer failed for http://h/a-2.6.pom: PKIX path building failed: sun.security.provider",
    "transfer failed for http://h/a-2.6.pom: nohost.invalid: Name or service not known",
    "Could not transfer artifact a:b:pom:2.6 from/to m (http://h): status code: 502, reason phrase",
    "underlying error <Errno::ECONNREFUSED: Failed to open TCP (Connection refused",
    "Could not fetch specs from http://h/ due to underlying error <bad response X 503 (http://h/s.gz)>",
    "Could not verify the SSL certificate for https://h/.\nThere is a chance",
    "CRAN, or what stands for it, cannot be reached: unable to access index for repository http://h",
    "R6 2.5 could not be fetched\nURL 'http://h': status was 'Couldn't connect to server'",
]
CLOSED = [
    "npm error code E401\nnpm error 401 Unauthorized - GET http://h/left-pad",
    "npm error code E403\nnpm error 403 Forbidden - GET http://h/left-pad",
    "go: a.b/c@v1.6.0: reading http://h/a.b/c/@v/v1.6.0.mod: 401 Unauthorized",
    "authentication failed for http://h/a-2.6.pom, status: 401 Unauthorized -> [Help 1]",
    "Authentication is required for gems.example.com.",
]
LACKS = [
    "npm error code E404\nnpm error 404 Not Found - GET http://h/nothing-503 - Not found",
    "go: a.b/c@v1.6.0: reading http://h/a.b/c/@v/v1.6.0.mod: 404 Not Found",
    "go: a.b/c@v1.9.0: reading https://h/a.b/c/@v/v1.9.0.mod: 403 Forbidden\n\tserver",
    "error: no matching package named `nothing` found\nlocation searched: crates.io index",
    "Could not find artifact a:nothing:jar:2.6 in central (https://repo.maven.apache.org/maven2)",
    "Could not find gem 'nothing' in rubygems repository https://rubygems.org/",
    "there is no package nothing in CRAN",
]


@pytest.mark.parametrize("said", AWAY)
def test_a_registry_that_is_away_is_told_from_one_that_lacks_a_package(said: str) -> None:
    assert is_unreachable(said)
    assert not is_malformed(said)


@pytest.mark.parametrize("said", CLOSED)
def test_a_registry_that_wants_credentials_is_not_away(said: str) -> None:
    assert is_refused(said)
    assert not is_unreachable(said)


@pytest.mark.parametrize("said", LACKS)
def test_a_package_that_is_not_there_is_neither(said: str) -> None:
    assert not is_unreachable(said)
    assert not is_refused(said)
