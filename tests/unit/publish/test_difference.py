"""What `algo diff` tells of two versions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from algo.commands.shared.differing import difference_text
from algo.contract.record import Contract, Recorded
from algo.contract.schema import infer
from algo.events import silent
from algo.oci.reference import Reference
from algo.publish.consume import Consuming
from algo.publish.difference import FileChange, PackageChange, difference
from algo.publish.prepare import Wish
from algo.publish.publish import publish
from algo.publish.side import Side, SideImage, SideLayer, tree_side, version_side
from algo.publish.yank import yank_version
from algo.registry.errors import NotFound
from algo.trust.errors import SignatureForeign
from algo.trust.keyring import Keyring
from algo.trust.pins import Pins
from algo.trust.statements import Weights
from msgspec.structs import replace

from tests.fakes.publishing import Bench
from tests.fakes.registry import MemoryRegistry

if TYPE_CHECKING:
    from pathlib import Path

PLATFORM = "linux/amd64"


def side(**changes: object) -> Side:
    layers = (SideLayer("packages", "packages", "sha256:p", 10), SideLayer("code", "code", "c", 5))
    packages = {("pypi", "numpy"): ("2.0",), ("deb", "openssl"): ("3.0",)}
    image = SideImage("sha256:image", layers, packages, {"src/digits.py": "644 aa"})
    contract = Contract(
        output=infer([{"digit": 1}]), cases=(Recorded("one", 1, {"digit": 1}),), errors=("bad",)
    )
    made = Side(
        name="acme/digits",
        version="1.0.0",
        place="acme/digits:1.0.0",
        digest="sha256:index",
        images={PLATFORM: image},
        models={"classifier": Weights("models/c", "sha256:m", 7)},
        contract=contract,
        source="abc refs/heads/main",
        signer="ada",
    )
    return replace(made, **changes)


def changed(image: SideImage, **changes: object) -> dict[str, SideImage]:
    return {PLATFORM: replace(image, digest="sha256:other", **changes)}


def test_two_equal_sides_are_the_same() -> None:
    found = difference(side(), side())
    assert found.same
    assert difference_text(found).splitlines()[1:3] == [
        "the same images, models and contract",
        "contract   the same",
    ]


def test_the_contract_tells_findings_cases_and_the_step() -> None:
    new = Contract(
        output=infer([{"digit": 1, "sure": True}]),
        cases=(Recorded("one", 1, {"digit": 2, "sure": True}), Recorded("two", 2, {"digit": 2})),
        errors=("bad",),
    )
    found = difference(side(), side(contract=new)).contract
    assert found is not None
    assert {(one.rule, one.path) for one in found.findings} == {
        ("output_added", "output.sure"),
        ("case_answer_changed", "one"),
    }
    assert (found.step, found.cases_added, found.cases_removed) == ("minor", ("two",), ())


def test_a_case_whose_input_changed_is_not_compared() -> None:
    new = replace_cases(side(), Recorded("one", 3, {"digit": 9}))
    found = difference(side(), new).contract
    assert found is not None and found.findings == ()


def replace_cases(one: Side, *cases: Recorded) -> Side:
    assert one.contract is not None
    contract = Contract(output=one.contract.output, cases=cases, errors=one.contract.errors)
    return replace(one, contract=contract)


def test_packages_of_every_ecosystem_are_told_with_their_platforms() -> None:
    old = side()
    image = old.images[PLATFORM]
    packages = {("pypi", "numpy"): ("2.1",), ("npm", "left-pad"): ("1.3.0",)}
    new = side(images=changed(image, packages=packages))
    found = difference(old, new)
    assert found.packages == (
        PackageChange("deb", "openssl", "3.0", "", (PLATFORM,)),
        PackageChange("npm", "left-pad", "", "1.3.0", (PLATFORM,)),
        PackageChange("pypi", "numpy", "2.0", "2.1", (PLATFORM,)),
    )
    text = difference_text(found)
    for line in ("- deb openssl 3.0", "+ npm left-pad 1.3.0", "~ numpy 2.0 → 2.1"):
        assert line in text
    unknown = side(images=changed(image, packages=None))
    assert difference(old, unknown).packages is None


def test_layers_models_and_files_are_told_where_they_differ() -> None:
    old = side()
    image = old.images[PLATFORM]
    layers = (image.layers[0], SideLayer("code", "code", "d", 6), SideLayer("model", "x", "x", 9))
    files = {"src/digits.py": "644 bb", "src/new.py": "644 cc"}
    new = side(
        images=changed(image, layers=layers, files=files),
        models={"classifier": Weights("models/c", "sha256:n", 8), "x": Weights("x", "sha256:x", 9)},
    )
    found = difference(old, new)
    assert not found.same
    assert found.files == (FileChange("~", "src/digits.py"), FileChange("+", "src/new.py"))
    assert [(one.name, one.old, one.new) for one in found.models] == [
        ("classifier", "sha256:m", "sha256:n"),
        ("x", "", "sha256:x"),
    ]
    (both,) = found.images
    assert [(one.name, one.old, one.new) for one in both.layers] == [
        ("code", "c", "d"),
        ("x", "", "x"),
    ]
    assert "2 of 3 layers differ" in difference_text(found)


def test_a_platform_that_one_alone_has_is_told() -> None:
    images = {**side().images, "linux/arm64": side().images[PLATFORM]}
    found = difference(side(), side(images=images))
    assert (found.only_old, found.only_new, found.same) == ((), ("linux/arm64",), False)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A project that is published as 1.0.0."""
    bench = Bench(tmp_path / "digits", MemoryRegistry())
    publish(bench.project, Wish(), bench.tools, confirm=lambda plan: True, notify=silent)
    return bench


def consuming(bench: Bench, keys: str = "keys") -> Consuming:
    home = bench.home
    return Consuming(
        open=lambda host: bench.registry,
        keyring=Keyring(home / keys, {}),
        pins=Pins(home / "pins"),
        ask=None,
        skip=False,
        log=home / "unverified.log",
        now=datetime.fromtimestamp(1_000_000_000, UTC),
    )


LATEST = Reference("", "acme/digits")


def test_the_working_tree_is_compared_with_what_is_published(bench: Bench) -> None:
    old = version_side(LATEST, consuming(bench), notify=silent)
    assert (old.version, old.place) == ("1.0.0", "acme/digits:1.0.0")
    same = tree_side(bench.project, bench.tools, old, run=True, notify=silent)
    assert difference(old, same).same
    bench.edit("def apply(x): return x + 1\n")
    lock = bench.project.lock_path.read_bytes()
    new = tree_side(bench.project, bench.tools, old, run=False, notify=silent)
    found = difference(old, new)
    assert (found.files, found.contract) == ((FileChange("~", "src/digits.py"),), None)
    assert bench.project.lock_path.read_bytes() == lock


def test_a_working_tree_is_compared_without_a_lock_being_left(bench: Bench) -> None:
    bench.project.lock_path.unlink()
    tree_side(bench.project, bench.tools, None, run=False, notify=silent)
    assert not bench.project.lock_path.exists()


def test_where_nothing_is_published_the_hint_is_to_publish(bench: Bench) -> None:
    nowhere = Reference("", "acme/other")
    with pytest.raises(NotFound) as caught:
        version_side(nowhere, consuming(bench), otherwise="algo publish", notify=silent)
    assert caught.value.hint == "algo publish"


def test_a_yanked_version_can_be_looked_at_and_an_unsigned_one_cannot(bench: Bench) -> None:
    reference = Reference("", "acme/digits", "1.0.0")
    yank_version(reference, "bad", consuming(bench), notify=silent)
    assert version_side(reference, consuming(bench), notify=silent).version == "1.0.0"
    with pytest.raises(SignatureForeign):
        version_side(reference, consuming(bench, "others"), notify=silent)
