"""The soak's own parts, and a minute of it."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

from tests.soak.curve import drawn
from tests.soak.samples import Sample, leaks, percentiles

if TYPE_CHECKING:
    from pathlib import Path


def sample(number: int, memory: float = 30.0, files: int = 20) -> Sample:
    trouble = "kill" if number % 3 else ""
    return Sample(number * 5.0, memory, memory * 3, files, number * 100, 1.5, 9.0, trouble)


def test_what_grows_is_a_leak_and_what_swings_is_none() -> None:
    assert leaks([sample(number, 30 + number % 4) for number in range(80)]) == []
    grown = leaks([sample(number, 30 + number, 20 + number) for number in range(80)])
    assert [words.split(" went")[0] for words in grown] == ["gateway_mb", "all_mb", "open files"]


def test_percentiles_are_in_milliseconds() -> None:
    assert percentiles([0.001] * 99 + [0.5]) == (1.0, 500.0)
    assert percentiles([]) == (0.0, 0.0)


def test_the_curves_are_well_formed_and_say_what_they_show() -> None:
    svg = drawn([sample(number) for number in range(20)], "20 < 30 minutes", "two cores")
    texts = [one.text for one in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    assert texts[:2] == ["20 < 30 minutes", "two cores"]
    assert {"gateway", "gateway and workers", "median", "99th percentile"} <= set(texts)


@pytest.mark.slow
def test_a_minute_of_it(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "tests.soak", "--seconds", "60", "--every", "2"]
    words += ["--curve", str(tmp_path / "soak.svg"), "--samples", str(tmp_path / "soak.csv")]
    subprocess.run(words, check=True, timeout=200)
    assert (tmp_path / "soak.svg").stat().st_size > 2000
    assert len((tmp_path / "soak.csv").read_text().splitlines()) > 10
