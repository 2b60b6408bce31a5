"""The whole path by the installed wheel, in both engines, on the real scans."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.load import Load
from tests.e2e.served import Served

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import Installed

# What scikit-learn itself says of the held-out images, by the project's own split.
OWN_ANSWERS = """
import json, pickle, sys
sys.path.insert(0, ".")
import train
images, labels = train.held_out()
from pathlib import Path
model = pickle.loads(Path("models/digits_classifier.pkl").read_bytes())
flat = [[value for row in image for value in row] for image in images]
answers = [int(digit) for digit in model.predict(flat)]
print(json.dumps({"images": images, "answers": answers, "labels": [int(v) for v in labels]}))
"""


@pytest.fixture(params=["virtualenv", pytest.param("docker", marks=pytest.mark.engine)])
def engine_name(request: pytest.FixtureRequest) -> str:
    if request.param == "docker":
        request.getfixturevalue("engine")
    return str(request.param)


def call(url: str, value: object) -> Any:
    body = json.dumps(value).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def scaffolded(installed: Installed, folder: Path) -> Path:
    installed.run("init", "acme/digits", "--template", "python/sklearn", cwd=folder)
    project = folder / "digits"
    installed.run("exec", "--", "python", "train.py", cwd=project)
    return project


@pytest.mark.cosign
@pytest.mark.registry
def test_the_whole_path_answers_as_scikit_learn_itself(
    installed: Installed,
    engine_name: str,
    docker_registry: str,
    cosign3: Path,
    tmp_path: Path,
) -> None:
    project = scaffolded(installed, tmp_path)
    own = json.loads(installed.run("exec", "--", "python", "-c", OWN_ANSWERS, cwd=project).stdout)
    with Served.start(
        [installed.algo, "serve", "--engine", engine_name], project, env=installed.env
    ) as served:
        answers = [call(served.url, {"image": image})["digit"] for image in own["images"]]
        assert answers == own["answers"]
        source = project / "src" / "digits.py"
        text = source.read_text()
        sample = json.dumps({"image": own["images"][0]}).encode()
        with Load(served.url, sample, per_second=200) as load:
            source.write_text(text.replace('"digit": ', '"edited": True, "digit": ', 1))
            load.wait_for(b'"edited"', timeout=60)
            time.sleep(0.3)
        assert load.failures == []
        source.write_text(text)
        served.wait_for_reloads(2)
    assert served.stop_seconds < 5
    right = sum(a == b for a, b in zip(own["answers"], own["labels"], strict=True))
    assert right / len(own["labels"]) > 0.95

    installed.run("test", "--engine", engine_name, cwd=project)
    local = json.loads(installed.run("publish", "--yes", "--json", cwd=project).stdout)
    assert (local["name"], local["version"]) == ("acme/digits", "1.0.0")
    installed.run("verify", "acme/digits:1.0.0", cwd=tmp_path)

    target = f"{docker_registry}/{engine_name}/digits"
    arguments = ("publish", "--to", target, "--version", "1.0.0", "--yes", "--json")
    published = json.loads(installed.run(*arguments, cwd=project).stdout)
    key = tmp_path / "algo.pub"
    key.write_text(installed.run("keys", "export", cwd=tmp_path).stdout)
    assert key.read_text().startswith("-----BEGIN PUBLIC KEY-----")
    reference = f"{target}@{published['digest']}"
    import subprocess

    verify = [str(cosign3), "verify", "--key", str(key), "--insecure-ignore-tlog=true", reference]
    subprocess.run(verify, check=True, capture_output=True)
    installed.run("pull", reference, cwd=tmp_path)
    if engine_name == "docker":
        image = json.dumps({"image": own["images"][3]})
        ran = installed.run("run", reference, "-d", image, cwd=tmp_path)
        assert json.loads(ran.stdout)["digit"] == own["answers"][3]
