"""Algorithmia's clients of other languages than Python, on the API of the gateway."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.languages.language import languages
from tests.machine.lacking import lacking
from tests.runtimes.conftest import GatewayProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

OLD = Path(__file__).with_name("old")
# The file, and the function that is called.
CODE = {"javascript": "client.js:apply", "ruby": "client.rb:apply", "r": "client.r:algorithm"}


@pytest.fixture(params=CODE)
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[GatewayProcess]:
    """Serve the same algorithm in one language after the other."""
    (language,) = (one for one in languages() if one.name == request.param)
    if language.lacking:
        lacking(f"{language.lacking} is not installed: python3 -m tests.machine setup")
    app = tmp_path / "app"
    shutil.copytree(OLD, app)
    (app / "data" / "acme" / "models").mkdir(parents=True)
    (app / "data" / "acme" / "models" / "words.txt").write_text("with the project")
    (tmp_path / "kept").mkdir()
    with GatewayProcess(
        app,
        "--development",
        language=language.name,
        runtime=language.runtime,
        entrypoint=f"src/{CODE[language.name]}",
        environment={"ALGO_DATA": str(tmp_path / "kept")},
        serving={"workers": 2},
        written_for="algorithmia",
    ) as process:
        yield process


def answered(served: GatewayProcess, do: str, path: str, **more: object) -> Any:
    """Return what the algorithm answers."""
    answer = served.post({"do": do, "path": path, **more})
    assert answer.status == 200, answer.body
    kind = answer.headers["content-type"]
    if kind.startswith("text/"):
        return answer.body.decode()
    return json.loads(answer.body) if kind == "application/json" else answer.body


def test_it_reads_and_writes_data(served: GatewayProcess) -> None:
    assert answered(served, "get", "data://acme/models/words.txt") == "with the project"
    assert answered(served, "make", "data://.my/own") == "done"
    assert answered(served, "put", "data://acme/own/a b.txt", text="ä" * 100_000) == "done"
    assert answered(served, "get", "data://acme/own/a b.txt") == "ä" * 100_000
    assert answered(served, "bytes", "data://acme/own/a b.txt") == ("ä" * 100_000).encode()
    assert answered(served, "list", "data://acme/own") == ["a b.txt"]
    assert answered(served, "exists", "data://acme/own/a b.txt") == [True, False]
    assert answered(served, "exists", "data://acme/own") == [False, True]
    assert answered(served, "exists", "data://acme/none") == [False, False]
    assert answered(served, "delete", "data://acme/own/a b.txt") == "done"
    assert answered(served, "delete", "data://acme/own", folder=True) == "done"
    missing = served.post({"do": "get", "path": "data://acme/models/word.txt"})
    assert missing.status == 500
    assert "nothing at data://acme/models/word.txt: did you mean words.txt?" in str(missing.json)


def test_it_calls_algorithms(served: GatewayProcess) -> None:
    assert answered(served, "call", "algo://Acme/It/0.1.x", text="Ada") == "hello Ada"
    told = answered(served, "call", "util/Url2Text/0.1.4", text="x")
    assert told.startswith("failed: ")
    assert "there is no algorithm util/Url2Text" in told


MODULE = """import algorithmia, { client } from "algorithmia";
import * as all from "algorithmia";

export async function apply(path) {
  const later = await import("algorithmia");
  const texts = [client("simHARDCODED"), algorithmia.getClient(), all, all.default, later]
    .map((one) => one.file(path).getString());
  return Promise.all(texts);
}
"""


def test_a_module_of_javascript_imports_the_same_client(tmp_path: Path) -> None:
    (language,) = (one for one in languages() if one.name == "javascript")
    if language.lacking:
        lacking(f"{language.lacking} is not installed: python3 -m tests.machine setup")
    app, packages = tmp_path / "app", tmp_path / "packages"
    files = {
        app / "package.json": '{"type": "module"}',
        app / "src" / "words.js": MODULE,
        app / "data" / "acme" / "models" / "words.txt": "ours",
        packages / "node_modules" / "algorithmia" / "index.js": "throw Error('that of npm')",
    }
    for file, text in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    with GatewayProcess(
        app,
        *("--development", "--packages", str(packages)),
        language="javascript",
        runtime=language.runtime,
        entrypoint="src/words.js:apply",
        written_for="algorithmia",
    ) as process:
        assert process.post("data://acme/models/words.txt").json == ["ours"] * 5
