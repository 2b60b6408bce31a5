from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from algo.errors import NOT_ALLOWED
from algo.events import silent
from algo.oci.media_types import MANIFEST
from algo.publish.ci import Run
from algo.publish.provenance import Facts, Making, provenance_of
from algo.publish.release import attachments
from algo.publish.source import Checkout, Source
from algo.trust.errors import PolicyRefused, TrustInvalid
from algo.trust.keys import SigningKey
from algo.trust.rules import Rules, read_rules
from msgspec.structs import replace

from tests.fakes.registry import MemoryRegistry
from tests.unit.trust.publishing import NAME, WHEN, check, contents, put, trusting

if TYPE_CHECKING:
    from pathlib import Path

    from algo.trust.provenance import Provenance

KEY = SigningKey.generate()
CHECKOUT = Checkout("0" * 40, "refs/heads/main", "ssh://github.com/acme/digits.git")


def made(checkout: Checkout | None = CHECKOUT, *uncommitted: str) -> Provenance:
    making = Making(Source(checkout, uncommitted), Run())
    return provenance_of(making, Facts(NAME, "1.0.0", "", (), WHEN))


def rules(folder: Path, text: str) -> Rules:
    path = folder / "trust.toml"
    path.write_text(text)
    return read_rules(path)


def test_without_a_file_nothing_is_asked(tmp_path: Path) -> None:
    rule = read_rules(tmp_path / "trust.toml").of("", NAME)
    assert rule.objection(None) == ""
    assert rule.objection(made(None)) == ""


def test_the_nearer_rule_comes_before_the_farther(tmp_path: Path) -> None:
    found = rules(
        tmp_path,
        'provenance = "required"\n'
        '[registries."registry.example.com:5000"]\nprovenance = "optional"\n'
        '[owners.acme]\nbranch = "main"\n'
        '[names."acme/digits"]\nbranch = ["release/*", "refs/tags/v*"]\n',
    )
    assert found.of("", "other/thing").objection(None) == "it has no provenance"
    assert found.of("registry.example.com:5000", "other/thing").objection(None) == ""
    assert found.of("", "acme/other").objection(made()) == ""
    assert found.of("", NAME).objection(made()) == "it comes from refs/heads/main"
    for ref in ("refs/heads/release/2", "refs/tags/v1.0.0"):
        assert found.of("", NAME).objection(made(replace(CHECKOUT, ref=ref))) == ""


@pytest.mark.parametrize(
    ("asked", "provenance", "objection"),
    [
        ('provenance = "required"', None, "it has no provenance"),
        ('provenance = "required"', made(None), ""),
        ('branch = "main"', made(None), "it was not published from a commit of a git repository"),
        ('branch = "main"', made(replace(CHECKOUT, commit="")),
         "it was not published from a commit of a git repository"),
        ('branch = "main"', made(CHECKOUT, "src/a.py"),
         "it was published with files that are in no commit"),
        ('branch = "ma"', made(), "it comes from refs/heads/main"),
        ('branch = "main"', made(replace(CHECKOUT, ref="")), "it comes from no branch"),
        # How it is fetched does not matter.
        ('repository = "https://github.com/acme/digits"', made(), ""),
        ('repository = "github.com/acme/*"', made(), ""),
        ('repository = "github.com/ac"', made(),
         "it comes from ssh://github.com/acme/digits.git"),
        ('repository = ["github.com/x/*"]', made(replace(CHECKOUT, repository="")),
         "it comes from no known repository"),
    ],
)  # fmt: skip
def test_what_a_rule_objects_to(
    tmp_path: Path, asked: str, provenance: Provenance | None, objection: str
) -> None:
    assert rules(tmp_path, asked).of("", NAME).objection(provenance) == objection


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("provenence = 'required'", "did you mean provenance?"),
        ("[owner.acme]\n", "did you mean owners?"),
        ("provenance = true", "provenance"),
        ("[owners]\nacme = 1", "[owners] is no table"),
        ("[", "cannot be read"),
    ],
)
def test_a_file_that_says_something_unknown_trusts_nothing(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(TrustInvalid) as caught:
        rules(tmp_path, text)
    assert said in caught.value.message + caught.value.hint


def test_a_signed_version_that_breaks_a_rule_is_refused(tmp_path: Path) -> None:
    registry = MemoryRegistry("registry.example.com")
    making = Making(Source(CHECKOUT), Run())
    pushed = put(registry, replace(contents(tmp_path), making=making), KEY)
    asked = rules(tmp_path, '[registries."registry.example.com"]\nbranch = "release"\n')
    with pytest.raises(PolicyRefused, match="it comes from refs/heads/main") as caught:
        check(registry, pushed.index.digest, replace(trusting(KEY.public), rules=asked))
    assert caught.value.exit_code == NOT_ALLOWED
    asked = rules(tmp_path, '[registries."registry.example.com"]\nbranch = "main"\n')
    check(registry, pushed.index.digest, replace(trusting(KEY.public), rules=asked))


def test_a_provenance_that_somebody_else_attached_does_not_count(tmp_path: Path) -> None:
    registry = MemoryRegistry()
    pushed = put(registry, contents(tmp_path), KEY)
    forged = replace(contents(tmp_path), making=Making(Source(CHECKOUT), Run()))
    for attachment in attachments(forged, forged.release(WHEN), SigningKey.generate()):
        for descriptor, content in attachment.blobs:
            registry.push_blob(NAME, descriptor, content, notify=silent)
        registry.push_manifest(NAME, attachment.manifest, MANIFEST)
    asked = rules(tmp_path, 'provenance = "required"')
    with pytest.raises(PolicyRefused, match="no provenance"):
        check(registry, pushed.index.digest, replace(trusting(KEY.public), rules=asked))
