"""The no-ops of languages: each has one, and is held against Python's of the same round."""

from __future__ import annotations

import tomllib

from algo.languages.runtimes import Runtimes

from benchmarks.gateway.load import Load
from benchmarks.languages.containers import APPS, LANGUAGES
from benchmarks.languages.noop import Rounds, ratios, row
from tests.languages.language import ROOT


def test_every_language_has_a_no_op_that_is_measured() -> None:
    known = Runtimes(ROOT / "runtimes").known
    assert sorted(LANGUAGES) == sorted(known)
    for name in known:
        manifest = tomllib.loads((APPS / name / "algo.toml").read_text())["algorithm"]
        assert manifest["language"] == name
        assert (APPS / name / manifest["entrypoint"].partition(":")[0]).is_file()


def test_a_ratio_is_the_median_of_those_of_the_rounds() -> None:
    # The machine is half as fast in the second round; Go is twice as fast as Python throughout.
    rounds = {"python": turns(1000, 500, 1000), "go": turns(2000, 1000, 1900)}
    (ratio,) = ratios(rounds)
    assert (ratio.value, ratio.limit, ratio.met) == (2.0, 1.0, True)
    assert row("go", rounds["go"], rounds["python"], 12.3)[:3] == ["go", "1900", "2.00"]


def turns(*rates: float) -> Rounds:
    return [{many: load(many, rate) for many in (1, 16)} for rate in rates]


def load(clients: int, rate: float) -> Load:
    return Load(clients, rate, 1000 / rate, 2000 / rate, int(rate), 0, 0.05, 0.0)
