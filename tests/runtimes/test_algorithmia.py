"""Algorithmia's API, as the bytes go over the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtimes.conftest import GatewayProcess

    Start = Callable[..., GatewayProcess]

PATH = "/v1/algo/acme/it"
CODE = """
def apply(value):
    print("a secret of the author's")
    return 1 / value
"""


def test_what_is_wrong_with_a_call_is_told_in_a_200_and_all_else_by_its_status(
    gateway: Start,
) -> None:
    served = gateway(CODE, serving={"max_body": 100})
    failed = served.post(0, PATH)
    assert (failed.status, failed.json["error"]["error_type"]) == (200, "ZeroDivisionError")
    assert "stacktrace" not in failed.json["error"]  # it is no gateway of development
    malformed = served.post(b"{", f"{PATH}/1.0.0")
    assert (malformed.status, malformed.json["error"]["error_type"]) == (200, "malformed_json")
    bad = served.post(1, f"{PATH}?timeout=soon")
    assert (bad.status, bad.json["error"]["error_type"]) == (200, "bad_timeout")
    assert served.post(b"1" * 101, PATH).status == 413
    raw = served.post(0, f"{PATH}?output=raw")
    assert (raw.status, raw.code) == (500, "exception")
    counted = served.ask("GET", "/metrics").body
    assert b'algo_requests_total{status="500"} 2' in counted


def test_only_development_shows_what_an_author_prints(gateway: Start) -> None:
    metadata = gateway(CODE).post(2, f"{PATH}?stdout=true").json["metadata"]
    assert metadata.keys() == {"content_type", "duration"}


CALLS_ITSELF = """
import json, os, urllib.request

def apply(value):
    if value == 0:
        return 0
    request = urllib.request.Request(os.environ["ALGORITHMIA_API"] + "/v1/algo/acme/it", b"0")
    request.add_header("Authorization", "Simple " + os.environ["ALGORITHMIA_API_KEY"])
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)
"""


def test_a_call_of_itself_is_refused_where_it_would_wait_for_itself(gateway: Start) -> None:
    alone = gateway(CALLS_ITSELF, written_for="algorithmia")
    told = alone.post(1).json["error"]
    assert told["error_type"] == "calls_itself"
    assert "set workers" in told["message"]
    assert alone.post(0).json == 0
    alone.stop()
    two = gateway(CALLS_ITSELF, written_for="algorithmia", serving={"workers": 2})
    assert two.post(1).json["result"] == 0
