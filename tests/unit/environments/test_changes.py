from __future__ import annotations

import pytest
from algo.environments.changes import changes
from algo.environments.errors import UnknownPackage
from algo.environments.upgrade import Upgrade
from algo.project.lock import Lock, Pin, Target

from tests.fakes.packages import hash_of

AMD64, ARM64 = Target("linux/amd64", "3.13"), Target("linux/arm64", "3.13")
HOST = Target("linux/amd64", "3.11")


def lock(**packages: dict[Target, str]) -> Lock:
    """Return a lock of `name={target: version}`."""
    targets = {
        target: tuple(
            Pin(name, versions[target], (hash_of(name, versions[target]),))
            for name, versions in sorted(packages.items())
            if target in versions
        )
        for target in (AMD64, ARM64)
    }
    return Lock("", targets, {})


def everywhere(version: str) -> dict[Target, str]:
    return {AMD64: version, ARM64: version}


def test_each_package_is_told_once() -> None:
    old = lock(six=everywhere("1"), numpy=everywhere("1"), same=everywhere("3"))
    new = lock(rich=everywhere("9"), numpy=everywhere("2"), same=everywhere("3"))

    assert [str(one) for one in changes(old, new)] == ["~ numpy 1 → 2", "+ rich 9", "- six 1"]


def test_platforms_are_named_where_they_differ_alone() -> None:
    old = lock(torch=everywhere("1"), tool={AMD64: "1"})
    new = lock(torch={AMD64: "1+cpu", ARM64: "1"}, tool={AMD64: "2"})

    assert [str(one) for one in changes(old, new)] == [
        "~ tool 1 → 2",
        "~ torch 1 → 1+cpu  (linux/amd64 python3.13 runtime)",
    ]


def test_another_machines_targets_are_no_change_of_a_package() -> None:
    old = lock(six=everywhere("1"))
    more = old.with_targets({HOST: (Pin("six", "1", ("sha256:0",)),)})

    assert changes(old, more) == ()
    assert changes(more, old) == ()


def test_a_version_whose_files_were_all_replaced_is_told() -> None:
    old = lock(six=everywhere("1"))
    (pin,) = old.pins(AMD64)
    new = old.with_targets({AMD64: (Pin("six", "1", ("sha256:0",)),)})

    assert "! six 1: other files than before" in str(changes(old, new)[0])
    # A file more, as an index gets when another platform's wheel comes late, is nothing new.
    grown = old.with_targets({AMD64: (Pin("six", "1", (*pin.hashes, "sha256:0")),)})
    assert changes(old, grown) == ()


def test_an_upgrade_of_some_packages_keeps_the_others() -> None:
    here = lock(**{"six": everywhere("1"), "scikit-learn": everywhere("2")})

    def kept(upgrade: Upgrade) -> set[str]:
        return {pin.name for pins in upgrade.kept(here).values() for pin in pins}

    assert kept(Upgrade(packages=("Scikit_Learn",))) == {"six"}
    assert kept(Upgrade(packages=("SIX",))) == {"scikit-learn"}
    assert kept(Upgrade()) == {"six", "scikit-learn"}
    assert kept(Upgrade(everything=True)) == set()


def test_a_package_that_is_not_locked_cannot_be_upgraded() -> None:
    with pytest.raises(UnknownPackage, match="sixx") as caught:
        Upgrade(packages=("sixx",)).kept(lock(six=everywhere("1")))
    assert caught.value.hint == "algo lock --upgrade six"
