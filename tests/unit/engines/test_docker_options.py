from __future__ import annotations

import os
from pathlib import Path

import pytest
from algo.engines.docker_options import ContainerPlan, Publish, plan, settings, user_for
from algo.engines.errors import FolderUnreadable
from algo.engines.gpu import GpuRequest
from algo.engines.interface import Access, Image, Launch, Limits, Surroundings
from algo.engines.podman_options import in_podman
from msgspec.structs import replace

from tests.machine.lacking import lacking


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


def test_a_container_is_told_who_may_call_and_where_traces_go() -> None:
    access = Access(tokens=Path("/srv/tokens.json"), log=True)
    planned = plan(
        replace(launch(Path("/srv/hello")), access=access),
        "algo.local/acme/hello:abc",
        session="s1",
        user="",
        owner="7:9",
        machine="here",
        token="",
        gpu=None,
        env={"OTEL_SERVICE_NAME": "mine", "ALGO_TOKEN": "secret", "PATH": "/bin"},
    )
    assert "/srv/tokens.json:/opt/algo/tokens.json:ro" in planned.binds
    assert planned.environment["ALGO_TOKENS"] == "/opt/algo/tokens.json"
    assert planned.environment["ALGO_ACCESS_LOG"] == "1"
    assert planned.environment["OTEL_SERVICE_NAME"] == "mine"
    assert not {"ALGO_LOCAL", "ALGO_TOKEN"} & planned.environment.keys()


def test_code_written_for_algorithmia_may_write_its_data_and_nothing_else() -> None:
    around = Surroundings(Path("/home/data"), Path("/tmp/calls"))
    planned = plan(
        replace(launch(None), around=around),
        "algo.local/acme/hello:abc",
        session="s1",
        user="",
        owner="7:9",
        machine="here",
        token="",
        gpu=None,
    )
    assert planned.binds == ("/home/data:/opt/algo/data:rw", "/tmp/calls:/opt/algo/calls:ro")
    assert planned.environment["ALGO_DATA"] == "/opt/algo/data"
    assert planned.environment["ALGO_ALGORITHMS"] == "unix:/opt/algo/calls/algorithms.sock"


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


def test_jobs_are_in_a_volume_that_outlives_the_container() -> None:
    folder = Path("/home/me/jobs/acme-hello-1234")
    planned = plan(
        replace(launch(None), jobs=folder),
        "algo.local/acme/hello:abc",
        session="s1",
        user="",
        owner="7:9",
        machine="here",
        token="",
        gpu=None,
        env={"ALGO_WEBHOOK_SECRET": "whsec_AA", "HOME": "/home/me"},
    )
    assert planned.environment["ALGO_JOBS"] == "/var/lib/algo"
    assert planned.environment["ALGO_WEBHOOK_SECRET"] == "whsec_AA"
    assert planned.environment["HOME"] == "/tmp"
    binds = settings(planned, ["it"])["HostConfig"]["Binds"]
    assert binds == ["algo-jobs-acme-hello-1234:/var/lib/algo"]
    volume = {"Name": "algo-jobs-acme-hello-1234", "Dest": "/var/lib/algo"}
    assert in_podman(planned, ["it"])["volumes"] == [volume]


def with_gpu(gpu: GpuRequest | None) -> ContainerPlan:
    return plan(
        launch(Path("/srv/hello"), 8080),
        "algo.local/acme/hello:abc",
        session="s1",
        user="1000:1000",
        owner="7:9",
        machine="here",
        token="",
        gpu=gpu,
    )


def test_each_way_to_a_gpu_is_asked_for_in_the_engines_words() -> None:
    cdi = with_gpu(GpuRequest("cdi", ("nvidia.com/gpu=0",)))
    host = settings(cdi, ["run"])["HostConfig"]
    assert host["DeviceRequests"] == [{"Driver": "cdi", "DeviceIDs": ["nvidia.com/gpu=0"]}]
    assert "Runtime" not in host
    runtime = with_gpu(GpuRequest("runtime", ("0", "1")))
    host = settings(runtime, ["run"])["HostConfig"]
    assert (host["Runtime"], host["DeviceRequests"]) == ("nvidia", None)
    assert runtime.environment["NVIDIA_VISIBLE_DEVICES"] == "0,1"
    host = settings(with_gpu(GpuRequest("request")), ["run"])["HostConfig"]
    assert host["DeviceRequests"] == [{"Capabilities": [["gpu"]], "Count": -1}]
    wsl = with_gpu(GpuRequest("wsl"))
    host = settings(wsl, ["run"])["HostConfig"]
    assert [device["PathOnHost"] for device in host["Devices"]] == ["/dev/dxg"]
    assert host["Binds"][1:] == ["/usr/lib/wsl:/usr/lib/wsl:ro"]
    assert wsl.environment["LD_LIBRARY_PATH"] == "/usr/lib/wsl/lib"


def test_the_gateway_is_told_of_a_gpu_and_only_of_one() -> None:
    assert with_gpu(GpuRequest("cdi")).environment["ALGO_GPU"] == "1"
    assert "ALGO_GPU" not in with_gpu(None).environment


def test_podman_gets_the_same_locked_up_container_in_its_own_words() -> None:
    planned = with_gpu(GpuRequest("podman", ("nvidia.com/gpu=all",)))
    planned = replace(planned, volumes={"algo-jobs-1": "/var/lib/algo"})
    words = in_podman(planned, ["run", "it"])
    assert words["volumes"] == [{"Name": "algo-jobs-1", "Dest": "/var/lib/algo"}]
    assert words["devices"] == [{"path": "nvidia.com/gpu=all"}]
    assert (words["entrypoint"], words["command"]) == (["run"], ["it"])
    assert words["cap_drop"] == ["ALL"]
    assert words["read_only_filesystem"] is True
    assert words["no_new_privileges"] is True
    assert words["mounts"][0]["options"] == ["rbind", "ro"]
    assert words["portmappings"][0]["host_ip"] == "127.0.0.1"
    assert words["resource_limits"] == {
        "memory": {"limit": 1 << 30},
        "cpu": {"period": 100_000, "quota": 150_000},
        "pids": {"limit": 64},
    }


def test_the_container_runs_as_the_folders_owner_but_never_as_root(tmp_path: Path) -> None:
    if os.getuid() != 0:
        lacking("only root gives folders away")
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
