"""`hf://` by the Hub's own client, on a server that speaks like the Hub."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.fakes import hub as fake

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.models.conftest import Commands

FILES = {
    "config.json": b"{}",
    "model-00001.safetensors": os.urandom(400_000),
    "onnx/model.onnx": os.urandom(5_000),
    ".gitattributes": b"*.onnx filter=lfs",
}


@pytest.fixture
def hub() -> Iterator[fake.Hub]:
    with fake.serving() as serving:
        yield serving


@pytest.fixture
def algo(commands: Commands, hub: fake.Hub) -> Commands:
    return type(commands)(
        commands.project, commands.home, commands.python, {"HF_ENDPOINT": hub.address}
    )


def test_a_repository_is_locked_at_its_commit_and_used_offline(
    algo: Commands, hub: fake.Hub
) -> None:
    repository = hub.repository("acme/net")
    first = repository.commit(FILES)
    algo.models('m = "hf://acme/net"')
    (model,) = algo("lock")["models"]
    assert (model["revision"], model["files"]) == (first, 3)
    assert algo.files() == {
        f"m/{name}": data for name, data in FILES.items() if name != ".gitattributes"
    }

    hub.repositories.clear()
    (algo.project / "models" / "m" / "config.json").unlink()
    assert algo("run", "-d", "null") == {
        "config.json": 2,
        "model-00001.safetensors": 400_000,
        "onnx/model.onnx": 5_000,
    }


def test_a_branch_that_moved_is_told_by_check_and_taken_by_upgrade(
    algo: Commands, hub: fake.Hub
) -> None:
    repository = hub.repository("acme/net")
    first = repository.commit(FILES)
    algo.models('m = "hf://acme/net"')
    algo("lock")
    changed = {name: data for name, data in FILES.items() if name != "onnx/model.onnx"}
    second = repository.commit(changed | {"config.json": b'{"new": 1}'})

    (model,) = algo("lock", "--check")["models"]
    assert (model["revision"], model["changed"]) == (first, True)
    assert (algo("lock")["models"][0]["revision"]) == first
    sent = hub.sent
    (model,) = algo("lock", "--upgrade")["models"]
    assert model["revision"] == second
    assert hub.sent - sent == len(b'{"new": 1}')  # what is the same is not fetched again
    assert set(algo.files()) == {"m/config.json", "m/model-00001.safetensors"}


@pytest.mark.parametrize(
    ("value", "files"),
    [
        (
            '{ source = "hf://acme/net", exclude = ["*.safetensors", "onnx/*"] }',
            {"m/config.json": FILES["config.json"]},
        ),
        ("hf://acme/net@v1/onnx/model.onnx", {"m.onnx": FILES["onnx/model.onnx"]}),
        ("hf://acme/net/onnx/", {"m/model.onnx": FILES["onnx/model.onnx"]}),
    ],
)
def test_one_file_or_folder_of_a_repository(
    algo: Commands, hub: fake.Hub, value: str, files: dict[str, bytes]
) -> None:
    hub.repository("acme/net").commit(FILES, "v1")
    algo.models(f"m = {value}" if value.startswith("{") else f'm = "{value}"')
    algo("lock")

    assert algo.files() == files


def test_a_download_that_was_cut_goes_on_in_the_next_process(algo: Commands, hub: fake.Hub) -> None:
    hub.repository("acme/net").commit({"w.bin": FILES["model-00001.safetensors"]})
    algo.models('m = "hf://acme/net"')
    hub.cuts = [150_000, 0, 0, 0, 0, 0, 0]
    assert algo("lock", code=3)["error"]["code"] == "model_unreachable"
    hub.cuts = []
    algo("lock")

    assert hub.asked[-1] == (hub.asked[-1][0], "bytes=150000-")
    assert hub.sent == 400_000


def test_what_the_hub_refuses_is_named(algo: Commands, hub: fake.Hub) -> None:
    hub.repository("acme/own", token="hf_secret").commit(FILES)
    hub.repository("acme/gated", gated=True).commit(FILES)
    hub.repository("acme/net").commit(FILES)
    cases = {
        "hf://acme/none": ("model_not_found", 1, "HF_TOKEN"),
        "hf://acme/own": ("model_not_found", 1, "HF_TOKEN"),
        "hf://acme/gated": ("model_refused", 4, "hf auth login"),
        "hf://acme/net@v9": ("model_not_found", 1, "[models]"),
        "hf://acme/net/onnx": ("model_not_found", 1, 'm = "hf://acme/net/onnx/"'),
    }
    for value, (code, ended, hint) in cases.items():
        algo.models(f'm = "{value}"')
        error = algo("lock", code=ended)["error"]
        assert error["code"] == code, error
        assert hint in error["hint"], error

    for closed in ({"HF_ENDPOINT": "http://127.0.0.1:9"}, {"HF_HUB_OFFLINE": "1"}):
        assert algo("lock", code=3, **closed)["error"]["code"] == "model_unreachable"

    algo.models('m = "hf://acme/own/config.json"')
    assert algo("lock", HF_TOKEN="hf_secret")["models"][0]["files"] == 1


def test_without_the_extra_the_error_names_it(bare: Commands) -> None:
    for value, extra in {"hf://acme/net": "hf", "mlflow://churn/1": "mlflow"}.items():
        bare.models(f'm = "{value}"')
        error = bare("lock", code=2)["error"]
        assert (error["code"], error["hint"]) == (
            "extra_missing",
            f"pip install 'algo-cli[{extra}]'",
        )
