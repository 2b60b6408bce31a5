"""Every language's runner behind the gateway: the same requests, the same answers."""

from __future__ import annotations

import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.languages.cases import (
    BROKEN,
    CASES,
    ELSEWHERE,
    JSON_TYPES,
    LIMITS,
    MALFORMED,
    NO_JSON,
    SAME,
    Case,
    numbers,
)
from tests.languages.language import Language, each, languages
from tests.languages.served import contained, served, started
from tests.machine.lacking import lacking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.runtimes.conftest import GatewayProcess


# In a container they are slow: an image is made for each language.
HOST, CONTAINER = "host", "container"
PLACES = [
    *(pytest.param((*one.values, HOST), id=one.id, marks=one.marks) for one in each()),
    *(
        pytest.param(
            (one, CONTAINER),
            id=f"{one.name}-{CONTAINER}",
            marks=[pytest.mark.engine, pytest.mark.timeout(900), pytest.mark.slow],
        )
        for one in languages()
        if one.has_image
    ),
]


@pytest.fixture(scope="module", params=PLACES)
def place(request: pytest.FixtureRequest) -> tuple[Language, str]:
    """A language, and where its program runs."""
    found: tuple[Language, str] = request.param
    return found


@pytest.fixture(scope="module")
def language(place: tuple[Language, str], tmp_path_factory: pytest.TempPathFactory) -> Language:
    found, where = place
    if found.lacking and where == HOST:
        reason = f"{found.lacking} is not installed: python3 -m tests.machine setup"
        lacking(reason)
    return found.prepared(tmp_path_factory.mktemp(found.id))


@pytest.fixture(scope="module")
def service(
    request: pytest.FixtureRequest,
    language: Language,
    place: tuple[Language, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[GatewayProcess]:
    """The program of the suite, in development, two workers."""
    app = tmp_path_factory.mktemp(language.name) / "app"
    shutil.copytree(language.program, app)
    if place[1] == CONTAINER:
        request.getfixturevalue("engine")
        cache = request.getfixturevalue("session_cache")
        starting = contained(language, app, app.parent / "home", cache)
    else:
        starting = served(language, app)
    with starting as found:
        yield found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_answer_is_the_same_in_every_language(
    service: GatewayProcess, language: Language, case: Case
) -> None:
    if case.name not in LIMITS.get(language.name, {}):
        case.check(service)
        return
    with pytest.raises(AssertionError):
        case.check(service)
    assert service.post(1).json == {"got": 1}, "it goes on"


@pytest.mark.parametrize(("body", "told"), MALFORMED.items())
def test_malformed_json_has_the_same_position_in_every_language(
    service: GatewayProcess, body: str, told: str
) -> None:
    answer = service.ask("POST", "/", body.encode(), {"Content-Type": "application/json"})
    assert (answer.status, answer.code) == (400, "malformed_json")
    assert told in answer.json["error"]["message"]


def test_what_breaks_off_is_told_where_it_begins(
    service: GatewayProcess, language: Language
) -> None:
    found = {body: service.post(body.encode()).json["error"]["message"] for body in BROKEN}
    wrong = {
        body: found[body]
        for body, at in BROKEN.items()
        if not found[body].endswith(f"line 1, column {at}")
    }
    if language.name in ELSEWHERE:
        assert wrong, "it does now: take it from ELSEWHERE"
    else:
        assert wrong == {}


def test_what_is_nearly_json_is_refused_in_every_language(service: GatewayProcess) -> None:
    answers = {body: service.post(body) for body in NO_JSON}
    assert [body for body, one in answers.items() if one.status != 400] == []
    told = {body: (one.code, one.json["error"]["message"]) for body, one in answers.items()}
    assert {body: one for body, one in told.items() if one[0] != "malformed_json"} == {}


def test_a_value_comes_back_as_it_was_sent(service: GatewayProcess) -> None:
    for name, value in SAME.items():
        answer = service.post({"do": "echo", "value": value})
        assert answer.status == 200, (name, answer.body)
        found = answer.body.decode() if isinstance(value, str) else answer.json
        assert (type(found), found) == (type(value), value), name


def test_a_number_keeps_all_its_digits(service: GatewayProcess) -> None:
    sent = numbers()
    found = service.post({"do": "echo", "value": sent}).json
    pairs = zip(sent, found, strict=True)
    # A language without integers writes large numbers as such: with zeros behind their digits.
    assert [(one, other) for one, other in pairs if one != float(other)] == []
    for number in sent[:50]:
        assert float(service.post({"do": "echo", "value": number}).json) == number


@pytest.mark.parametrize(
    ("number", "size"),
    [
        pytest.param(b"1e999", 9_000_000, id="far behind", marks=pytest.mark.slow),
        pytest.param(b"-1E+00400", 9, id="zeros in front"),
        pytest.param(b"1" * 250 + b"e99", 9, id="digits"),
    ],
)
def test_a_number_that_no_double_holds_is_found_behind_texts_like_it(
    service: GatewayProcess, number: bytes, size: int
) -> None:
    text = b'["%s e999 \\\\", "\\"%s \\u1e999", ' % (b"9" * 400, b"x" * size)
    answer = service.post(text + number + b"]")
    assert (answer.status, answer.code) == (400, "malformed_json")
    place = f"the number is too large at line 1, column {len(text) + 1}"
    assert place in answer.json["error"]["message"]


def test_a_place_far_behind_is_told_before_the_deadline(service: GatewayProcess) -> None:
    answer = service.post(b"[%sx]" % (b"1," * 200_000))
    assert (answer.status, answer.code) == (400, "malformed_json")
    assert "line 1, column 400002" in answer.json["error"]["message"]


@pytest.mark.slow
def test_texts_that_look_like_such_numbers_are_none(service: GatewayProcess) -> None:
    text = f'{"9" * 400} e999 \\ "{"x" * 9_000_000} 1e999'
    body = json.dumps([text, "1e400", 1e300]).encode()
    answer = service.post(b'{"do":"echo","value":%s}' % body)
    assert answer.json == json.loads(body)


def test_json_is_known_by_its_type_in_every_form(service: GatewayProcess) -> None:
    for kind in JSON_TYPES:
        answer = service.ask("POST", "/", b"[1]", {"Content-Type": kind} if kind else {})
        assert answer.json == {"got": [1]}, kind


def test_an_error_has_the_authors_file_and_trace(
    service: GatewayProcess, language: Language
) -> None:
    error = service.post({"do": "raise", "message": "here"}).json["error"]
    file = language.entrypoint.partition(":")[0]
    assert file in error["stacktrace"]
    assert str(language.runtime) not in error["stacktrace"]
    assert str(service.app) not in error["stacktrace"]
    assert error["type"]


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_what_is_printed_is_logged_with_its_request(service: GatewayProcess, stream: str) -> None:
    text = f"printed to {stream} é"
    answer = service.post({"do": "print", "text": text, "to": stream})
    assert answer.json is None
    wait_for_line(service, text)


def wait_for_line(service: GatewayProcess, text: str) -> None:
    deadline = time.monotonic() + 10
    while not any(text in line for line in service.printed):  # another thread reads them
        assert time.monotonic() < deadline, service.printed
        time.sleep(0.01)


def test_an_error_within_a_stream_comes_as_its_last_piece(service: GatewayProcess) -> None:
    answer = service.post({"do": "stream", "count": 2, "fails": True}, Accept="application/jsonl")
    *pieces, last = [json.loads(line) for line in answer.body.decode().splitlines()]
    assert pieces == [{"number": 0}, {"number": 1}]
    assert last["error"]["code"] == "exception"
    assert "after the last piece" in last["error"]["message"]


@pytest.fixture
def impatient(
    service: GatewayProcess, language: Language, place: tuple[Language, str]
) -> Iterator[GatewayProcess]:
    """The same program behind a deadline that comes soon; in a container it is the service's."""
    if place[1] == CONTAINER:
        yield service
        return
    with started(language, service.app, timeout=1.0) as another:
        yield another


def test_a_call_over_its_deadline_is_told_and_the_next_is_answered(
    impatient: GatewayProcess,
) -> None:
    answer = impatient.post({"do": "sleep", "seconds": 30})
    assert (answer.status, answer.code) == (504, "deadline_exceeded")
    assert impatient.post(1).json == {"got": 1}


def test_a_worker_that_exits_fails_its_call_alone(service: GatewayProcess) -> None:
    with ThreadPoolExecutor(8) as clients:
        calls = [clients.submit(service.post, number) for number in range(20)]
        ended = service.post({"do": "exit", "code": 3})
        assert (ended.status, ended.code) == (502, "worker_died")
        assert "3" in ended.json["error"]["message"]
        assert [call.result().json for call in calls] == [{"got": n} for n in range(20)]
    wait_for_line(service, "last words 3")
    assert service.post(1).json == {"got": 1}


def test_many_clients_get_their_own_answers(service: GatewayProcess) -> None:
    with ThreadPoolExecutor(16) as clients:
        answers = list(clients.map(service.post, range(400)))
    assert [answer.json for answer in answers] == [{"got": number} for number in range(400)]
