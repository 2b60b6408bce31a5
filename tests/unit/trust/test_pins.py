"""What versions were when this machine saw them first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from algo.oci.digest import Digest
from algo.trust.errors import PinsDamaged, VersionReplaced
from algo.trust.pins import Pins

if TYPE_CHECKING:
    from pathlib import Path

PLACE = "localhost:5000/acme/p"
FIRST, SECOND = Digest.of(b"first"), Digest.of(b"second")


@pytest.fixture
def pins(tmp_path: Path) -> Pins:
    made = Pins(tmp_path / "pins")
    made.keep(PLACE, "1.0.0", FIRST)
    made.keep(PLACE, "1.0.1", SECOND)
    return made


def test_what_was_seen_first_is_what_a_version_is(pins: Pins) -> None:
    pins.check(PLACE, "1.0.0", FIRST)
    pins.check(PLACE, "1.0.2", SECOND)
    with pytest.raises(VersionReplaced):
        pins.check(PLACE, "1.0.0", SECOND)
    assert pins.versions("acme/p") == {"1.0.0": {FIRST}, "1.0.1": {SECOND}}


def test_any_flipped_bit_is_told_and_kept_for_whoever_looks_into_it(pins: Pins) -> None:
    (file,) = pins.root.rglob("*.json")
    good = file.read_bytes()
    for at in range(len(good)):
        spoilt = good[:at] + bytes((good[at] ^ 1,)) + good[at + 1 :]
        if not spoilt.strip() or spoilt[at : at + 1].isspace() or good[at : at + 1].isspace():
            continue
        file.write_bytes(spoilt)
        with pytest.raises(PinsDamaged):
            pins.check(PLACE, "1.0.0", FIRST)
        with pytest.raises(PinsDamaged):
            pins.keep(PLACE, "1.0.3", FIRST)
        assert file.read_bytes() == spoilt


def test_a_file_without_a_sum_is_read_and_gets_one(pins: Pins) -> None:
    (file,) = pins.root.rglob("*.json")
    file.write_text(f'{{"1.0.0": "{FIRST}"}}')
    pins.check(PLACE, "1.0.0", FIRST)
    pins.keep(PLACE, "1.0.1", SECOND)
    assert '"checksum"' in file.read_text()


def test_a_damaged_file_of_another_repository_holds_up_none(pins: Pins) -> None:
    (file,) = pins.root.rglob("*.json")
    file.write_text("{")
    assert pins.elsewhere("acme/other", "1.0.0", FIRST) == ""
    assert pins.versions("acme/p") == {}
