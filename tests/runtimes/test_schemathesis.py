"""schemathesis asks a running server whatever its OpenAPI document allows, and what it does not."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.runtimes.test_tokens import CALLER, token, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.runtimes.conftest import GatewayProcess

    Start = Callable[..., GatewayProcess]

RICH = """
from __future__ import annotations
import datetime, decimal, enum, uuid
from dataclasses import dataclass, field
from typing import Annotated, Literal, NamedTuple, NotRequired, TypedDict

class Colour(enum.Enum):
    RED = "red"
    BLUE = 3

class Where(NamedTuple):
    x: float
    y: float = 0.0

class Size(TypedDict):
    w: Annotated[int, {"minimum": 1}]
    h: NotRequired[float]

@dataclass
class Ask:
    '''What to do.'''
    name: Annotated[str, {"minLength": 1, "maxLength": 20}]
    how: Literal["fast", "slow"] = "fast"
    colour: Colour = Colour.RED
    where: Where | None = None
    size: Size | None = None
    tags: list[str] = field(default_factory=list)
    scores: dict[str, float] = field(default_factory=dict)
    when: datetime.datetime | None = None
    day: datetime.date | None = None
    wait: datetime.timedelta | None = None
    id: uuid.UUID | None = None
    price: decimal.Decimal | None = None
    raw: list[bytes] = field(default_factory=list)
    pair: tuple[int, bool] = (1, True)
    inner: Ask | None = None

def apply(input: Ask) -> Ask:
    return input
"""
FORM = """
from dataclasses import dataclass
from typing import Annotated, Literal

@dataclass
class Box:
    w: int
    h: int

@dataclass
class Ask:
    image: bytes
    name: Annotated[str, {"minLength": 1}]
    box: Box
    times: int = 1
    how: Literal["fast", "slow"] = "fast"

def apply(input: Ask) -> bytes:
    return input.image
"""
ARRAYS = """
from dataclasses import dataclass
from typing import Annotated
import msgspec
import numpy as np

class Point(msgspec.Struct, forbid_unknown_fields=True):
    x: Annotated[float, msgspec.Meta(ge=0)]
    label: str = ""

@dataclass
class Ask:
    pixels: Annotated[np.ndarray, np.uint8, (2, 3)]
    row: Annotated[np.ndarray, np.float32, (None,)]
    flags: Annotated[np.ndarray, np.bool_, (2,)]
    one: np.float32
    point: Point | None = None

def apply(input: list[Ask]) -> list[Ask]:
    return input
"""
MINIMAL = "scaffolds/python/minimal/src/{{module}}.py.tmpl"
FEW = ("--max-examples", "5")
CALLS = "^/(invoke|healthz|readyz|metrics|openapi.json|jobs)?$"
# These depend on more than a schema says: whether a job is there, whether numbers fit a shape.
# Algorithmia's clients want errors as 200, a job is accepted before anybody has read its input,
# and DELETE of a job cancels it.
OF_STATE = "negative_data_rejection,positive_data_acceptance,use_after_free"


@pytest.fixture
def asks(client_python: Callable[[str], Path], tmp_path: Path) -> Callable[..., int]:
    """Let schemathesis ask a server; what it found is the failure of the test."""
    program = client_python("schemathesis").parent / "schemathesis"

    def run(served: GatewayProcess, *words: str, config: str = "") -> int:
        file = tmp_path / "schemathesis.toml"
        file.write_text(config)
        command = [str(program), "--config-file", str(file), "run", "--no-color"]
        command += [f"http://127.0.0.1:{served.port}/openapi.json", "--seed", "1"]
        command += ["--generation-deterministic", "--warnings", "off", "--checks", "all"]
        command += ["--max-examples", "12", *words]
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False
        )
        asked = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
        if done.returncode != 0 or asked is None:
            pytest.fail(done.stdout[-8000:] + done.stderr[-2000:], pytrace=False)
        return int(asked[2])

    return run


def test_typed_calls_do_what_the_document_says(gateway: Start, asks: Callable[..., int]) -> None:
    assert asks(gateway(RICH), "--include-path-regex", CALLS, *FEW) > 300


@pytest.mark.slow
def test_forms_do_what_the_document_says(gateway: Start, asks: Callable[..., int]) -> None:
    assert asks(gateway(FORM), "--include-path-regex", CALLS) > 200


def test_the_minimal_template_does_what_the_document_says(
    gateway: Start, asks: Callable[..., int]
) -> None:
    from tests.runtimes.conftest import ROOT

    code = (ROOT / MINIMAL).read_text().replace("{{ owner }}/{{ name }}", "acme/it")
    # Without annotations the document takes everything, and `apply` refuses what it likes.
    statuses = '["2xx", 400, 404, 409, 429, "5xx"]'
    config = f"[checks.positive_data_acceptance]\nexpected-statuses = {statuses}\n"
    assert asks(gateway(code), "--include-path-regex", CALLS, *FEW, config=config) > 50


@pytest.mark.slow
def test_arrays_and_structs_do_what_the_document_says(
    gateway: Start, asks: Callable[..., int], client_python: Callable[[str], Path]
) -> None:
    folder = next((client_python("types").parent.parent / "lib").glob("python3.*/site-packages"))
    served = gateway(ARRAYS, "--packages", str(folder))
    assert asks(served, "--include-path-regex", CALLS) > 200


@pytest.mark.slow
def test_paths_that_want_a_token_do_what_the_document_says(
    gateway: Start, asks: Callable[..., int], tmp_path: Path
) -> None:
    file = write(tmp_path / "tokens.json", token(CALLER, "call", "admin"))
    served = gateway(FORM, "--tokens", str(file))
    assert served.ask("GET", "/openapi.json").status == 401
    bearer = ("--header", f"Authorization: Bearer {CALLER}")
    assert asks(served, "--include-path-regex", CALLS, *FEW, *bearer) > 200


@pytest.mark.slow
def test_every_other_path_answers_in_the_form_of_the_document(
    gateway: Start, asks: Callable[..., int]
) -> None:
    served = gateway("def apply(value: int) -> int:\n    return value + 1\n")
    assert asks(served, "--exclude-path-regex", CALLS, "--exclude-checks", OF_STATE) > 200
