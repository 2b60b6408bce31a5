from __future__ import annotations

import os
from pathlib import Path

import pytest
from algo.engines.docker_options import Publish, plan, user_for
from algo.engines.errors import FolderUnreadable
from algo.engines.interface import Image, Launch, Limits


def launch(folder: Path | None, port: int = 0) -> Launch:
    limits = Limits(memory=1 << 30, cpus=1.5, processes=64)
    image = Image("algo.local/acme/hello:abc")
    return Launch("acme/hello", b"{}", image, folder, port=port, limits=limits)


def test_a_development_container_sees_the_working_tree_read_only() -> None:
    planned = plan(
        launch(Path("/srv/hello"), 8080),
        "algo.local/acme/hello:abc",
        session="s1",
        user="1000:1000",
        owner="7:9",
        machine="here",
        token="t",
        gpu=None,
    )
    assert planned.binds == ("/srv/hello:/opt/algo/app:ro",)
    assert planned.user == "1000:1000"
    assert planned.publish == (Publish(8080, "127.0.0.1", 8080), Publish(8081, "127.0.0.1", 0))
    assert planned.environment["ALGO_CONTROL_TOKEN"] == "t"
    assert planned.command == ("--development", "--control", "tcp:0.0.0.0:8081")
    assert planned.labels["dev.algo.session"] == "s1"
    assert (planned.memory, planned.nano_cpus, planned.processes) == (1 << 30, 1_500_000_000, 64)


def test_an_exact_container_has_no_overlay_and_no_control_endpoint() -> None:
    planned = plan(
        launch(None),
        "algo.local/acme/hello:abc",
        session="s1",
        user="",
        owner="7:9",
        machine="here",
        token="",
        gpu=None,
    )
    assert planned.binds == ()
    assert planned.command == ()
    assert "ALGO_CONTROL_TOKEN" not in planned.environment
    assert [published.inside for published in planned.publish] == [8080]


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives folders away")
def test_the_container_runs_as_the_folders_owner_but_never_as_root(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir(mode=0o755)
    assert user_for(folder) == ""
    os.chown(folder, 1000, 1001)
    assert user_for(folder) == "1000:1001"
    os.chown(folder, 0, 0)
    folder.chmod(0o700)
    with pytest.raises(FolderUnreadable) as caught:
        user_for(folder)
    assert caught.value.hint == f"chmod -R o+rX {folder}"
