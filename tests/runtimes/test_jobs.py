"""Jobs over HTTP: accepted, run, waited for, cancelled, limited."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.runtimes.test_tokens import CALLER, SCRAPER, token, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.runtimes.conftest import Answered, GatewayProcess

    Start = Callable[..., GatewayProcess]

ECHO = "def apply(value):\n    return {'got': value}\n"
SLEEP = "import time\n\ndef apply(value):\n    time.sleep(value)\n    return value\n"
ASLEEP = "import asyncio\n\nasync def apply(value):\n    return await asyncio.sleep(value, value)\n"


def order(served: GatewayProcess, value: object, path: str = "/", **headers: str) -> Answered:
    return served.post(value, path, Prefer="respond-async", **headers)


def ended(served: GatewayProcess, name: str) -> dict[str, Any]:
    """The document of a job that has ended."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        shown = served.ask("GET", f"/jobs/{name}", headers={"Prefer": "wait=5"})
        assert shown.status == 200, shown.body
        document: dict[str, Any] = shown.json
        if document["ended"]:
            return document
    raise AssertionError(f"{document} does not end")


def state(served: GatewayProcess, name: str, wanted: str) -> None:
    """Return when the job is in the state `wanted`."""
    end = time.monotonic() + 20
    while (found := served.ask("GET", f"/jobs/{name}").json["state"]) != wanted:
        assert time.monotonic() < end, f"it is {found}"
        time.sleep(0.01)


def test_a_call_that_prefers_it_becomes_a_job(gateway: Start) -> None:
    served = gateway(ECHO)
    taken = order(served, 5, "/invoke")
    assert taken.status == 202
    assert taken.headers["preference-applied"] == "respond-async"
    assert int(taken.headers["retry-after"]) >= 1
    name = taken.json["id"]
    assert taken.headers["location"] == f"/jobs/{name}"
    assert taken.json["state"] == "queued"
    document = ended(served, name)
    assert (document["state"], document["attempt"]) == ("succeeded", 1)
    assert document["created"] <= document["started"] <= document["ended"]
    assert document["created"].endswith("Z")
    result = served.ask("GET", document["result"]["href"])
    assert (result.status, result.body) == (200, b'{"got":5}')
    assert result.headers["content-type"] == document["result"]["content_type"]
    assert len(result.body) == document["result"]["length"]


def test_without_the_preference_there_is_no_job(gateway: Start) -> None:
    served = gateway(ECHO)
    assert served.post(5, Prefer="return=minimal, wait=3").status == 200
    assert served.ask("GET", "/jobs").json == {"jobs": [], "next": None}
    assert served.ask("GET", "/jobs/nothing").code == "no_such_job"


def test_an_answer_that_comes_in_time_is_the_result_itself(gateway: Start) -> None:
    served = gateway(SLEEP)
    direct = served.post(0.1, Prefer="respond-async, wait=10")
    assert (direct.status, direct.body) == (200, b"0.1")
    assert direct.headers["preference-applied"] == "wait=10"
    assert served.ask("GET", direct.headers["content-location"]).body == b"0.1"
    late = served.post(2, Prefer='respond-async; x=1, wait="1"')
    assert late.status == 202
    assert late.headers["preference-applied"] == "respond-async, wait=1"
    assert ended(served, late.json["id"])["state"] == "succeeded"


def test_a_job_that_fails_tells_why_as_the_call_would(gateway: Start) -> None:
    code = "class AlgorithmError(Exception):\n    code = 'empty'\n"
    code += "def apply(value):\n    if value:\n        raise AlgorithmError('send something')\n"
    code += "    return 1 / value\n"
    served = gateway(code)
    for value, status, error in ((1, 400, "empty"), (0, 500, "exception")):
        document = ended(served, order(served, value).json["id"])
        assert (document["state"], document["error"]["code"]) == ("failed", error)
        result = served.ask("GET", f"/jobs/{document['id']}/result")
        assert (result.status, result.code) == (status, error)
    direct = served.post(b"{", Prefer="respond-async, wait=10")
    assert (direct.status, direct.code) == (400, "malformed_json")


def test_the_result_of_an_open_job_is_not_there_yet(gateway: Start) -> None:
    served = gateway(ASLEEP)
    name = order(served, 1).json["id"]
    early = served.ask("GET", f"/jobs/{name}/result")
    assert (early.status, early.json["state"] in {"queued", "running"}) == (202, True)
    assert early.headers["location"] == f"/jobs/{name}"
    late = served.ask("GET", f"/jobs/{name}/result", headers={"Prefer": "wait=20"})
    assert (late.status, late.body) == (200, b"1")


def test_algorithmias_shape_is_that_of_the_result(gateway: Start) -> None:
    served = gateway(ECHO)
    document = ended(served, order(served, 5, "/v1/algo/acme/it/1.0.0").json["id"])
    result = served.ask("GET", document["result"]["href"])
    assert result.json["result"] == {"got": 5}
    assert result.json["metadata"]["content_type"] == "json"


def test_bytes_and_text_keep_their_content_type(gateway: Start) -> None:
    served = gateway("def apply(value):\n    return value\n")
    for body, kind in ((b"\x00\xff" * 9, "application/octet-stream"), (b"hi", "text/plain")):
        taken = order(served, body, **{"Content-Type": kind})
        result = served.ask(
            "GET", f"/jobs/{taken.json['id']}/result", headers={"Prefer": "wait=20"}
        )
        assert (result.body, result.headers["content-type"].split(";")[0]) == (body, kind)


def test_the_pieces_of_a_stream_are_one_result(gateway: Start) -> None:
    code = "def apply(value):\n    for n in range(value):\n        yield {'n': n}\n"
    served = gateway(code, serving={"jobs": {"max_result": 1000}})
    result = served.post(2, Prefer="respond-async, wait=10")
    assert (result.body, result.headers["content-type"]) == (
        b'{"n":0}\n{"n":1}\n',
        "application/jsonl",
    )
    large = served.post(10_000, Prefer="respond-async, wait=10")
    assert (large.status, large.code) == (500, "result_too_large")
    assert served.post(0, Prefer="respond-async, wait=10").body == b""


def test_put_is_idempotent(gateway: Start) -> None:
    served = gateway(SLEEP)

    def put(value: bytes, kind: str = "application/json") -> Answered:
        return served.ask("PUT", "/jobs/mine-1", value, {"Content-Type": kind})

    with ThreadPoolExecutor(12) as clients:
        taken = list(clients.map(lambda _: put(b"0.3"), range(12)))
    assert {one.status for one in taken} == {202}
    assert {one.json["created"] for one in taken} == {taken[0].json["created"]}
    assert ended(served, "mine-1")["attempt"] == 1
    again = put(b"0.3")
    assert (again.status, again.json["state"], again.json["attempt"]) == (200, "succeeded", 1)
    assert (put(b"0.4").status, put(b"0.4").code) == (409, "job_differs")
    assert put(b"0.3", "text/plain").status == 409
    assert len(served.ask("GET", "/jobs").json["jobs"]) == 1


def test_an_id_that_is_none_is_refused(gateway: Start) -> None:
    served = gateway(ECHO)
    for name in ("-x", "a%20b", "x" * 101, ".."):
        refused = served.ask("PUT", f"/jobs/{name}", b"1")
        assert (refused.status, refused.code) == (400, "bad_job_id")


def test_the_same_form_is_the_same_job_whatever_parts_it(gateway: Start) -> None:
    served = gateway("def apply(value):\n    return value\n")
    statuses = []
    for boundary, text in (("a", "5"), ("b", "5"), ("c", "6")):
        body = f'--{boundary}\r\nContent-Disposition: form-data; name="n"\r\n\r\n{text}\r\n'
        body += f"--{boundary}--\r\n"
        kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        statuses.append(served.ask("PUT", "/jobs/form", body.encode(), kind).status)
        ended(served, "form")
    assert statuses == [202, 200, 409]
    assert served.ask("GET", "/jobs/form/result").json == {"n": "5"}


def test_with_tokens_only_admins_see_everybodys_jobs(gateway: Start, tmp_path: Path) -> None:
    file = write(tmp_path / "tokens.json", token(CALLER, "call"), token(SCRAPER, "admin"))
    served = gateway(ECHO, "--tokens", str(file))

    def ask(method: str, path: str, token: str) -> Answered:
        return served.ask(method, path, b"1", {"Authorization": f"Bearer {token}"} if token else {})

    assert ask("PUT", "/jobs/one", "").status == 401
    assert ask("PUT", "/jobs/one", CALLER).status == 202
    for method, path in (("GET", "/jobs/one"), ("DELETE", "/jobs/one")):
        assert (ask(method, path, "").status, ask(method, path, CALLER).status) == (401, 200)
    assert ask("GET", "/jobs", CALLER).status == 403
    assert len(ask("GET", "/jobs", SCRAPER).json["jobs"]) == 1


def test_a_queued_job_is_cancelled(gateway: Start) -> None:
    served = gateway(SLEEP)
    first = order(served, 1).json["id"]
    state(served, first, "running")
    second = order(served, 1).json["id"]
    for _ in range(2):
        stopped = served.ask("DELETE", f"/jobs/{second}")
        assert (stopped.status, stopped.json["state"]) == (200, "cancelled")
    assert served.ask("GET", f"/jobs/{second}/result").status == 410
    assert ended(served, first)["state"] == "succeeded"
    assert served.ask("DELETE", f"/jobs/{first}").json["state"] == "succeeded"
    assert served.ask("DELETE", "/jobs/none").status == 404
    assert ended(served, second)["attempt"] == 0


@pytest.mark.parametrize("code", [ASLEEP, SLEEP])
def test_a_running_job_is_cancelled_and_its_place_comes_free(gateway: Start, code: str) -> None:
    served = gateway(code)
    name = order(served, 2).json["id"]
    state(served, name, "running")
    with ThreadPoolExecutor(1) as clients:
        waits = clients.submit(served.ask, "GET", f"/jobs/{name}", headers={"Prefer": "wait=20"})
        time.sleep(0.1)
        assert served.ask("DELETE", f"/jobs/{name}").json["state"] == "cancelled"
        assert waits.result().json["state"] == "cancelled"
    assert served.post(0).status == 200
    assert ended(served, name)["state"] == "cancelled"


def test_jobs_are_listed_the_newest_first(gateway: Start) -> None:
    served = gateway(ECHO)
    names = [order(served, number).json["id"] for number in range(5)]
    for name in names:
        ended(served, name)
    page = served.ask("GET", "/jobs?limit=3").json
    assert [job["id"] for job in page["jobs"]] == names[:1:-1]
    rest = served.ask("GET", page["next"]).json
    assert ([job["id"] for job in rest["jobs"]], rest["next"]) == (names[1::-1], None)
    assert served.ask("GET", "/jobs?state=failed").json["jobs"] == []
    wrong = ("state=lost", "state=", "limit=0", "limit=5000", "limit=", "before=x")
    for query in (*wrong, f"before={1 << 70}"):
        refused = served.ask("GET", f"/jobs?{query}")
        assert (refused.status, refused.code) == (400, "bad_query")


def test_more_jobs_than_are_taken_are_429(gateway: Start) -> None:
    served = gateway(SLEEP, serving={"jobs": {"queue": 3, "keep_size": 100}})
    names = [order(served, 0.3).json["id"] for _ in range(3)]
    refused = order(served, 0.3)
    assert (refused.status, refused.code) == (429, "jobs_full")
    assert int(refused.headers["retry-after"]) >= 1
    for name in names:
        assert ended(served, name)["state"] == "succeeded"
    large = order(served, "x" * 200)
    assert (large.status, large.code) == (429, "jobs_full")


def test_a_job_has_a_deadline_of_its_own(gateway: Start) -> None:
    served = gateway(ASLEEP, serving={"timeout": 0.3, "jobs": {"timeout": 1.5}})
    assert served.post(0.6).status == 504
    assert ended(served, order(served, 0.6).json["id"])["state"] == "succeeded"
    late = ended(served, order(served, 5).json["id"])
    assert late["error"]["code"] == "deadline_exceeded"
    asked = ended(served, order(served, 5, **{"X-Request-Timeout": "200ms"}).json["id"])
    assert "0.2 s" in asked["error"]["message"]


def test_a_job_whose_worker_dies_is_tried_again(gateway: Start, tmp_path: Path) -> None:
    code = f"import os\n\nfile = {str(tmp_path / 'count')!r}\n\ndef apply(value):\n"
    code += "    with open(file, 'a') as count:\n        count.write('x')\n"
    code += "    if os.path.getsize(file) < value:\n        os._exit(1)\n"
    code += "    return os.path.getsize(file)\n"
    served = gateway(code, serving={"jobs": {"attempts": 3}})
    document = ended(served, order(served, 3).json["id"])
    assert (document["state"], document["attempt"]) == ("succeeded", 3)
    document = ended(served, order(served, 100).json["id"])
    assert (document["state"], document["attempt"]) == ("failed", 3)
    assert document["error"]["code"] == "worker_died"


def done(served: GatewayProcess) -> int:
    return len(served.ask("GET", "/jobs?state=succeeded&limit=1000").json["jobs"])


def test_calls_go_before_jobs_and_jobs_do_not_starve(gateway: Start) -> None:
    served = gateway(SLEEP)
    with ThreadPoolExecutor(8) as clients:
        names = [order(served, 0.05).json["id"] for _ in range(40)]
        before = done(served)
        calls = [clients.submit(served.post, 0.05) for _ in range(60)]
        began = time.monotonic()
        assert {call.result().status for call in calls} == {200}
        spent = time.monotonic() - began
        between = done(served) - before
    # The calls alone take 3 s; had the jobs been their equals, all would have come between.
    assert 1 <= between <= 20, spent
    assert all(ended(served, name)["state"] == "succeeded" for name in names)


def test_one_client_does_not_keep_the_jobs_of_another_back(gateway: Start) -> None:
    served = gateway(SLEEP)
    many = [order(served, 0.1).json["id"] for _ in range(20)]
    headers = {"Prefer": "respond-async, wait=20"}
    one = served.ask("POST", "/", b"0.1", headers, source="127.0.0.2")
    assert one.status == 200
    open_still = served.ask("GET", "/jobs?state=queued&limit=1000").json["jobs"]
    assert len(open_still) >= 10
    for name in many:
        served.ask("DELETE", f"/jobs/{name}")


def test_batches_take_jobs_in(gateway: Start) -> None:
    code = "def apply_batch(values):\n    return [[value, len(values)] for value in values]\n"
    served = gateway(code.replace("return", "import time; time.sleep(0.2); return"))
    names = [order(served, number).json["id"] for number in range(20)]
    results = []
    for name in names:
        ended(served, name)
        results.append(served.ask("GET", f"/jobs/{name}/result").json)
    assert [value for value, _ in results] == list(range(20))
    assert max(size for _, size in results) > 3


def test_metrics_have_the_jobs(gateway: Start) -> None:
    served = gateway(ECHO)
    assert b"algo_jobs" not in served.ask("GET", "/metrics").body
    ended(served, order(served, 1).json["id"])
    text = served.ask("GET", "/metrics").body.decode().splitlines()
    assert 'algo_jobs{state="queued"} 0' in text
    assert 'algo_jobs_total{state="succeeded"} 1' in text
