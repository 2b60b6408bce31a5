"""A version that is yanked, through real registries."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.contract.trust.conftest import publish

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contract.trust.conftest import RealRegistry, User

WHY = "answers wrongly"


def test_a_yanked_version_is_passed_over_and_refused_but_by_its_digest(
    author: tuple[User, Path], real_registry: RealRegistry, stranger: User
) -> None:
    published = publish(author, real_registry, f"acme/yanked-{real_registry.kind}")
    user, reference = author[0], published.reference
    place = reference.rpartition(":")[0]
    stranger.done("keys", "trust", str(published.key))
    assert stranger.algo("yank", reference, "--reason", WHY).returncode == 1

    said = json.loads(user.done("yank", reference, "--reason", WHY, "--json"))
    assert (said["digest"], said["reason"]) == (published.document["digest"], WHY)
    for words in (("pull", reference), ("pull", place), ("verify", reference)):
        refused = stranger.refused(*words)
        assert refused["code"] == "version_yanked" and WHY in refused["message"]
    listed = json.loads(stranger.done("versions", place, "--json"))["versions"]
    assert [(one["yanked"], one["latest"]) for one in listed] == [(WHY, False)]
    ran = stranger.algo("verify", published.pinned)
    assert ran.returncode == 0 and f"is yanked: {WHY}" in ran.stderr

    user.done("yank", reference, "--undo")
    stranger.done("pull", place)
