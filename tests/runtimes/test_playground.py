"""The playground in a real browser: what it sends, what it shows, and that it can be used."""

from __future__ import annotations

import ast
import base64
import hashlib
import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.runtimes.conftest import GATEWAY, GatewayProcess

if TYPE_CHECKING:
    from pathlib import Path

    from tests.machine.browser import Browser

Start = Any
FILES = GATEWAY / "algo_gateway" / "playground"
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}

ORDER = """
import datetime, enum
from dataclasses import dataclass, field

class Mode(enum.Enum):
    FAST = "fast"
    CAREFUL = "careful"

@dataclass
class Point:
    x: float
    y: float

@dataclass
class Order:
    name: str
    count: int
    mode: Mode
    at: Point
    urgent: bool = False
    tags: list[str] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    day: datetime.date | None = None
    scan: bytes | None = None
    size: int | str = 3

def apply(order: Order) -> dict:
    if order.count < 0:
        raise ValueError("a count below zero")
    return {
        "took": f"{order.name} {order.count} {order.mode.value} {order.at.x} {order.urgent}",
        "more": f"{order.weights} {order.day} {(order.scan or b'').decode()} {order.size}",
        "rows": [{"tag": tag, "length": len(tag)} for tag in order.tags],
        "curve": [3, 1, 4, 1, 5],
    }
"""
SAMPLE = {"name": "Ada", "count": 3, "mode": "careful", "at": {"x": 1, "y": 2}, "tags": ["red"]}
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
SCAN = "def apply(input):\n    return {'sum': sum(map(sum, input['scan']))}\n"
BLANK = {"scan": [[0] * 8 for _ in range(7)] + [[0] * 7 + [16]]}


def opened(browser: Browser, running: GatewayProcess) -> str:
    """Open the playground of a gateway; what the browser remembers of others stays theirs."""
    url = f"http://127.0.0.1:{running.port}/"
    browser.size(1280, 900)
    browser.prefer(color_scheme="light")
    browser.complaints()  # those of an earlier page
    browser.open(url)
    browser.until("document.querySelector('#ready').textContent")
    return url


def called(browser: Browser) -> str:
    """Call, and return the status line once the answer is there."""
    browser.click("#call")
    done = "!document.querySelector('#call').disabled"
    return str(browser.until(f"{done} && document.querySelector('#status').innerText"))


def field(name: str, control: str = "input") -> str:
    return f'[data-place="input.{name}"] > {control}'


def test_a_browser_gets_the_page_and_a_program_the_list(gateway: Start) -> None:
    running: GatewayProcess = gateway(SCAN)
    page = running.ask("GET", "/", headers=HTML)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["vary"] == "accept"
    listed = running.ask("GET", "/")
    assert listed.headers["content-type"].startswith("text/plain")
    assert b"POST /invoke" in listed.body
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    again = running.ask("GET", "/", headers=HTML | {"If-None-Match": page.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    script = running.ask("GET", "/playground/main.js")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert running.ask("GET", "/playground/nothing.js").status == 404
    assert running.ask("GET", "/playground/..%2Fconfig.py").status == 404


def test_the_page_names_no_other_host_and_its_files_are_short() -> None:
    for file in FILES.iterdir():
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://", text), file.name
        assert len(text.splitlines()) < 500, file.name


def test_every_kind_of_field_is_sent_as_the_schema_says(
    gateway: Start, browser: Browser, tmp_path: Path
) -> None:
    opened(browser, gateway(ORDER, sample=SAMPLE))
    assert "count: integer" in browser.text("#signature")
    browser.type(field("name"), "Grace")
    browser.type(field("count"), "7")
    browser.run(
        "const s = document.querySelector(arguments[0]); s.value = '0';"
        "s.dispatchEvent(new Event('change'))",
        field("mode", "select"),
    )
    browser.click(field("urgent"))
    browser.click('[data-place="input.tags"] .more')
    browser.type('[data-place="input.tags[1]"] input', "green")
    browser.type(field("weights", "textarea"), "0.5 2")
    browser.run(
        "const d = document.querySelector(arguments[0]); d.value = '2026-11-25'", field("day")
    )
    (tmp_path / "scan.txt").write_text("bytes!")
    browser.attach('[data-place="input.scan"] input', tmp_path / "scan.txt")
    assert called(browser).startswith("200")
    shown = browser.text("#result")
    assert "Grace 7 fast 1.0 True" in shown
    assert "[0.5, 2.0] 2026-11-25 bytes! 3" in shown
    assert browser.text("#result table").split() == ["tag", "length", "red", "3", "green", "5"]
    assert browser.run("return document.querySelectorAll('#result .bar').length") == 5
    browser.click("#views label:last-child")
    assert json.loads(browser.text("#result"))["curve"] == [3, 1, 4, 1, 5]


def test_a_wrong_field_is_marked_by_us_or_by_the_service(
    developed: Start, browser: Browser
) -> None:
    opened(browser, developed(ORDER, sample=SAMPLE))
    browser.type(field("count"), "1.5")
    browser.click("#call")
    assert "whole number" in browser.until("document.querySelector('#input-problem').innerText")
    assert browser.run("return document.querySelector('.wrong').dataset.place") == "input.count"
    assert browser.run("return document.activeElement.getAttribute('aria-invalid')") == "true"
    browser.type(field("count"), "4")
    browser.type(field("day"), "")
    browser.click("#modes label:nth-of-type(2)")
    browser.until("!document.querySelector('#json-mode').hidden")
    browser.type("#json", json.dumps({**SAMPLE, "at": {"x": "far", "y": 2}}))
    browser.click("#modes label:nth-of-type(1)")
    browser.until("!document.querySelector('#form-mode').hidden")
    browser.click("#modes label:nth-of-type(2)")
    browser.type("#json", json.dumps({**SAMPLE, "at": {"x": "far", "y": 2}}))
    assert called(browser).startswith("400")
    assert "input.at.x" in browser.text("#result")
    browser.type("#json", json.dumps({**SAMPLE, "count": -1}))
    assert called(browser).startswith("500")
    assert "a count below zero" in browser.text("#result .reason")
    assert "src/it.py" in browser.text("#result details")


def test_the_code_that_is_shown_makes_the_same_call(gateway: Start, browser: Browser) -> None:
    opened(browser, gateway(ORDER, sample={**SAMPLE, "name": 'O\'Neil "x"'}))
    wanted = 'O\'Neil "x" 3 careful 1.0 False'
    shell = browser.text("#code")
    answer = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True)
    assert json.loads(answer.stdout)["took"] == wanted
    browser.click("#languages label:nth-of-type(2)")
    python = browser.until(
        "document.querySelector('#code').innerText.includes('requests') "
        "&& document.querySelector('#code').innerText"
    )
    ast.parse(python)
    # The same interface, and one that is here.
    here = python.replace("import requests", "import httpx as requests")
    done = subprocess.run(
        [".venv/bin/python", "-c", here], capture_output=True, text=True, cwd=GATEWAY.parents[1]
    )
    assert ast.literal_eval(done.stdout)["took"] == wanted
    browser.click("#languages label:nth-of-type(3)")
    script = browser.until(
        "document.querySelector('#code').innerText.includes('fetch') "
        "&& document.querySelector('#code').innerText"
    )
    body = script.replace("console.log(", "return (")
    assert browser.run(f"return (async () => {{ {body} }})()")["took"] == wanted


def test_a_grid_of_numbers_is_drawn_by_pointer_and_by_keys(
    gateway: Start, browser: Browser
) -> None:
    opened(browser, gateway(SCAN, sample=BLANK))
    browser.click(".drawn button")
    browser.draw("canvas.pad", (0.31, 0.31), (0.31, 0.69))
    browser.click("#modes label:nth-of-type(2)")
    drawn = browser.until(
        "!document.querySelector('#json-mode').hidden && document.querySelector('#json').value"
    )
    rows = json.loads(drawn)["scan"]
    assert [row[2] for row in rows] == [0, 6, 16, 16, 16, 16, 6, 0]
    browser.click("#modes label:nth-of-type(1)")
    browser.until("!document.querySelector('#form-mode').hidden")
    browser.click(".drawn button")
    browser.run("document.querySelector('canvas.pad').focus()")
    browser.press("Down")
    browser.press("Space")
    browser.press("Control", "Enter")
    browser.until("document.querySelector('#status').innerText.startsWith('200')")
    assert browser.text("#result dd") == "16"


def test_a_drawn_image_and_an_array_of_a_shape_are_sent(gateway: Start, browser: Browser) -> None:
    number = {"type": "number", "minimum": -3.4028234663852886e38, "maximum": 3.4028234663852886e38}
    row = {"type": "array", "items": number, "minItems": 8, "maxItems": 8}
    properties = {
        "photo": {"type": "string", "contentEncoding": "base64", "contentMediaType": "image/*"},
        "mask": {"type": "array", "items": row, "minItems": 8, "maxItems": 8},
    }
    takes = {"type": "object", "properties": properties, "required": ["photo", "mask"]}
    code = """
def apply(input):
    most = max(map(max, input["mask"]))
    return {"image": "data:image/png;base64," + input["photo"], "most": most}
"""
    opened(browser, gateway(code, contract={"input": takes}))
    browser.click("#call")
    assert "photo is missing" in browser.until("document.querySelector('#input-problem').innerText")
    browser.draw("canvas.sketch", (0.2, 0.2), (0.8, 0.8))
    browser.draw("canvas.pad", (0.3, 0.3), (0.3, 0.7))
    browser.until("document.querySelector('.drop [role=status]').innerText.includes('a drawing')")
    assert called(browser).startswith("200")
    assert browser.until("document.querySelector('#result img').naturalWidth") == 280
    assert browser.text("#result .narrow dd") == "1"
    assert "@input.json" in browser.text("#code")
    assert browser.text("#saved").startswith("It reads the input from a file")


def test_pieces_of_a_stream_are_shown_as_they_come(
    gateway: Start, browser: Browser, tmp_path: Path
) -> None:
    code = """
import os, time

def apply(input):
    yield "first "
    while not os.path.exists(input):
        time.sleep(0.01)
    yield "second"
"""
    go = tmp_path / "go"
    opened(browser, gateway(code, sample=str(go)))
    browser.click("#call")
    browser.until("document.querySelector('#result').innerText.trim() === 'first'")
    assert browser.text("#status") == "receiving …"
    go.touch()
    browser.until("document.querySelector('#status').innerText.includes('2 pieces')")
    assert browser.text("#result") == "first second"


def test_of_a_stream_that_breaks_off_both_parts_are_shown(
    developed: Start, browser: Browser
) -> None:
    code = """
from collections.abc import Iterator

def apply(text: str) -> Iterator[str]:
    yield from text.split()
    raise ValueError("no more of it")
"""
    opened(browser, developed(code, sample="one two"))
    assert browser.text("#signature") == "Takes string, answers a stream of string"
    assert called(browser).startswith("broken off")
    assert browser.text("#result .prose") == "onetwo"
    assert "ValueError: no more of it" in browser.text("#result .reason")
    assert browser.text("#history .bad") == "200"


def test_a_stream_of_whatever_is_named_as_one(gateway: Start, browser: Browser) -> None:
    code = """
from collections.abc import Iterator

def apply(input: int) -> Iterator:
    yield input
"""
    opened(browser, gateway(code, sample=1))
    assert browser.text("#signature") == "Takes integer, answers a stream"


def test_bytes_that_are_an_image_are_shown_as_one_and_others_saved(
    gateway: Start, browser: Browser
) -> None:
    code = f"def apply(input):\n    return {PNG!r} if input else bytes(4)\n"
    opened(browser, gateway(code, sample=True))
    assert called(browser).startswith("200")
    browser.until("document.querySelector('#result img').naturalWidth === 1")
    saved = "return document.querySelector('#result a').download"
    assert browser.run(saved) == "result.png"
    browser.click("#modes label:nth-of-type(2)")
    browser.type("#json", "false")
    assert called(browser).startswith("200")
    assert browser.run("return document.querySelector('#result img')") is None
    assert browser.run(saved) == "result.bin"
    assert "-o 'result.bin'" in browser.text("#code")


def test_bounds_are_said_as_the_schema_has_them(gateway: Start, browser: Browser) -> None:
    properties = {
        "power": {"type": "number", "exclusiveMinimum": 0, "description": "hp"},
        "share": {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
        "count": {"type": "integer", "minimum": 1, "maximum": 20, "description": "How many?"},
        "least": {"type": "integer", "minimum": 3, "exclusiveMinimum": 0},
    }
    needed = {"type": "object", "properties": properties, "required": ["power"]}
    opened(browser, gateway("def apply(input):\n    return input\n", contract={"input": needed}))
    hints = "return [...document.querySelectorAll('#form-mode .hint')].map((one) => one.innerText)"
    assert browser.run(hints) == [
        "hp. More than 0.",
        "At least 0, less than 1.",
        "How many? 1 to 20.",
        "At least 3.",
    ]
    assert browser.text("#code") == "The input is not complete yet."
    assert browser.run("return document.querySelector('#copy').hidden")
    browser.type(field("power"), "7")
    assert not browser.run("return document.querySelector('#copy').hidden")


def test_a_token_is_asked_for_and_forgotten_with_the_tab(
    gateway: Start, browser: Browser, tmp_path: Path
) -> None:
    digest = hashlib.sha256(b"algo_a1_sesame").hexdigest()
    tokens = tmp_path / "tokens.json"
    tokens.write_text(json.dumps({"tokens": [{"id": "a1", "name": "ada", "sha256": digest}]}))
    running: GatewayProcess = gateway(SCAN, "--tokens", str(tokens), sample=BLANK)
    browser.open(f"http://127.0.0.1:{running.port}/")
    browser.until("!document.querySelector('#token-form').hidden")
    browser.type("#token", "algo_a1_wrong")
    browser.click("#token-form button")
    browser.until("document.querySelector('#token-why').innerText")
    browser.type("#token", "algo_a1_sesame")
    browser.click("#token-form button")
    browser.until("document.querySelector('canvas.pad')")
    assert called(browser).startswith("200")
    assert "$TOKEN" in browser.text("#code")
    kept = browser.run("return JSON.stringify(localStorage)")
    assert "sesame" not in kept
    assert "sesame" not in browser.text("body")


def test_without_schema_and_sample_there_is_an_editor_and_a_file(
    gateway: Start, browser: Browser, tmp_path: Path
) -> None:
    code = "def apply(input):\n    return len(input) if isinstance(input, bytes) else [input, {}]\n"
    opened(browser, gateway(code))
    assert not browser.run("return document.querySelector('#json-mode').hidden")
    browser.type("#json", '{"a": [1, 2]}')
    assert called(browser).startswith("200")
    (tmp_path / "raw.bin").write_bytes(b"\0" * 12)
    browser.click("#modes label:nth-of-type(3)")
    browser.until("!document.querySelector('#file-mode').hidden")
    browser.attach("#file-mode input", tmp_path / "raw.bin")
    assert called(browser).startswith("200")
    assert browser.text("#result") == "12"
    assert "--data-binary '@raw.bin'" in browser.text("#code")


def test_a_type_that_holds_itself_has_a_form_that_ends(gateway: Start, browser: Browser) -> None:
    code = """
from __future__ import annotations
from dataclasses import dataclass

@dataclass
class Tree:
    value: int
    left: Tree | None = None
    right: Tree | None = None

def apply(tree: Tree) -> int:
    return tree.value + sum(apply(one) for one in (tree.left, tree.right) if one)
"""
    sample = {"value": 1, "left": {"value": 2}}
    opened(browser, gateway(code, sample=sample))
    assert called(browser).startswith("200")
    assert browser.text("#result") == "3"
    browser.type(field("right", "textarea"), '{"value": 40}')
    assert called(browser).startswith("200")
    assert browser.text("#result") == "43"


def test_a_large_result_is_shown_in_part_and_saved_whole(gateway: Start, browser: Browser) -> None:
    code = "def apply(input):\n    return {'wave': [(n * n) % 1000 for n in range(input)]}\n"
    opened(browser, gateway(code, sample=200_000))
    assert called(browser).startswith("200")
    label = browser.run("return document.querySelector('#result svg').getAttribute('aria-label')")
    assert "200000 numbers from 0 to" in label
    points = browser.run("return document.querySelector('#result polyline').points.numberOfItems")
    assert points <= 2000
    browser.click("#views label:last-child")
    assert "Save all" in browser.text("#result .hint")
    assert len(browser.text("#result pre")) < 201_000


def test_an_edited_contract_is_shown_to_who_comes_back(
    developed: Start, browser: Browser, tmp_path: Path
) -> None:
    running: GatewayProcess = developed("def apply(n: int) -> int:\n    return n\n", sample=4)
    opened(browser, running)
    assert browser.text("#signature") == "Takes integer, answers integer"
    browser.type("#form-mode input", "7")
    source = "def apply(n: float) -> str:\n    return str(n)\n"
    (tmp_path / "src" / "it.py").write_text(source)
    assert running.reload("src/it.py")["ok"]
    browser.run("document.dispatchEvent(new Event('visibilitychange'))")
    browser.until("document.querySelector('#signature').innerText.includes('number')")
    assert browser.run("return document.querySelector('#form-mode input').value") == "7"


def test_calls_are_remembered_and_can_be_made_again(gateway: Start, browser: Browser) -> None:
    opened(browser, gateway("def apply(n: int) -> int:\n    return n * 2\n", sample=4))
    browser.run("localStorage.clear()")
    assert called(browser).startswith("200")
    browser.type("#form-mode input", "21")
    assert called(browser).startswith("200")
    assert browser.text("#result") == "42"
    entries = browser.run(
        "return [...document.querySelectorAll('#history .told')].map((one) => one.innerText)"
    )
    assert entries == ["42", "8"]
    browser.click("#history li:last-child button")
    assert browser.run("return document.querySelector('#form-mode input').value") == "4"
    browser.click("#forget")
    assert browser.run("return localStorage.length") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_small_phone_and_every_control_has_a_name(
    gateway: Start, browser: Browser, tmp_path: Path, scheme: str
) -> None:
    url = opened(browser, gateway(ORDER, sample=SAMPLE))
    assert called(browser).startswith("200")
    browser.size(320, 640)
    browser.prefer(color_scheme=scheme)
    assert browser.run("return document.documentElement.scrollWidth") == 320
    browser.screenshot(tmp_path / f"{scheme}.png")
    tree = browser.devtools("Accessibility.getFullAXTree")["nodes"]
    roles = {"button", "checkbox", "combobox", "radio", "textbox", "spinbutton", "link", "Date"}
    named = [node for node in tree if node.get("role", {}).get("value") in roles]
    assert len(named) > 20
    nameless = [node for node in named if not node.get("name", {}).get("value")]
    assert nameless == []
    loaded = browser.run("return performance.getEntriesByType('resource').map((one) => one.name)")
    assert {name for name in loaded if not name.startswith((url, "data:"))} == set()
    assert browser.complaints() == []
