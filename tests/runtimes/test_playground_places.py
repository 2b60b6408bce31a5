"""Where the playground's fields and buttons are: on the page, and in the input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.runtimes.test_playground import ORDER, SAMPLE, opened

if TYPE_CHECKING:
    from tests.machine.browser import Browser
    from tests.runtimes.test_playground import Start

ROWS = """
from dataclasses import dataclass

@dataclass
class Row:
    numbers: list[list[int | str]]
    name: str

def apply(rows: list[Row]) -> int:
    return len(rows)
"""


def test_a_place_is_that_of_an_item_after_one_before_it_is_removed(
    developed: Start, browser: Browser
) -> None:
    rows = [{"numbers": [["a"], ["b"]], "name": name} for name in ("one", "two", "three")]
    opened(browser, developed(ROWS, sample=rows))
    shown = "return [...document.querySelectorAll('#form-mode [data-place]')]"
    places = f"{shown}.map((one) => one.dataset.place)"
    labels = f"{shown}.map((one) => one.querySelector('legend, label').textContent)"
    browser.click('[aria-label="Remove item 1 of Value"]')
    browser.click('[data-place="input[1]"] [aria-label="Remove item 1 of numbers"]')
    found, named = browser.run(places), browser.run(labels)
    assert "input[1].numbers[0][0]" in found
    assert not [one for one in found if one.startswith(("input[2]", "input[1].numbers[1]"))]
    assert "Value 2" in named
    assert "Value 3" not in named
    # What is added is after those that are left.
    browser.click('[data-place="input[1].numbers"] > .more')
    assert "input[1].numbers[1]" in browser.run(places)
    browser.click('[data-place="input[1].numbers[1]"] > .more')
    # A whole number is wanted of the first kind, and none is there.
    browser.click("#call")
    said = browser.until("document.querySelector('#input-problem').innerText")
    assert said == "value is missing"
    marked = browser.run("return document.querySelector('.wrong').dataset.place")
    assert marked == "input[1].numbers[1][0]"


def test_the_code_has_no_row_for_its_button_on_a_phone(gateway: Start, browser: Browser) -> None:
    opened(browser, gateway(ORDER, sample=SAMPLE))
    browser.size(390, 844)
    top = "return document.querySelector('{}').getBoundingClientRect()"
    copy, languages = (browser.run(top.format(one) + ".bottom") for one in ("#copy", "#languages"))
    assert abs(copy - languages) < 8
    padding = browser.run("return getComputedStyle(document.querySelector('#code')).paddingTop")
    assert float(padding.removesuffix("px")) < 16
