"""`algo diff` of versions in real registries and of the folder that they come from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.contract.trust.conftest import Publication


def test_a_version_is_compared_with_the_folder_it_came_from(published: Publication) -> None:
    user, project = published.author, published.project

    def differs(*words: str) -> dict[str, object]:
        told = user.done("diff", published.reference, *words, "--json", cwd=project)
        found: dict[str, object] = json.loads(told)
        return found

    assert differs()["same"] is True
    code = project / "src" / "hello.py"
    before = code.read_text()
    try:
        code.write_text(f"{before}\n# another\n")
        found = differs("--no-run")
    finally:
        code.write_text(before)
    assert (found["same"], found["contract"], found["packages"]) == (False, None, [])
    assert found["files"] == [{"mark": "~", "path": "src/hello.py"}]
    ran = user.algo("diff", published.pinned, published.reference, cwd=project)
    assert ran.returncode == 0 and "the same images, models and contract" in ran.stdout
