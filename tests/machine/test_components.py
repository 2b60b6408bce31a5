"""The real components answer, so that a test which uses one tests something."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import urllib.error
import urllib.request
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest

from tests.machine import base, forwards, pinned, registries, tools
from tests.machine.commands import output_of, succeeds
from tests.machine.environment import uv

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Engine

EMPTY = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def status_of(url: str, **headers: str) -> int:
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


@pytest.mark.engine
def test_the_engine_runs_the_base_image(engine: Engine) -> None:
    release = engine.docker("run", "--rm", base.IMAGE, "cat", "/etc/debian_version")

    assert release.startswith("13")


@pytest.mark.registry
def test_the_docker_registry_answers_and_lacks_the_referrers_api(docker_registry: str) -> None:
    assert status_of(f"http://{docker_registry}/v2/") == 200
    assert status_of(f"http://{docker_registry}/v2/any/name/referrers/{EMPTY}") == 404


@pytest.mark.registry
def test_the_referrers_registry_answers_with_an_index(referrers_registry: str) -> None:
    name = f"http://{referrers_registry}/v2/machine/check"
    index = b'{"schemaVersion":2,"manifests":[]}'
    digest = f"sha256:{hashlib.sha256(index).hexdigest()}"
    headers = {"Content-Type": "application/vnd.oci.image.index.v1+json"}
    push = urllib.request.Request(f"{name}/manifests/v1", index, headers, method="PUT")
    with urllib.request.urlopen(push, timeout=10) as answer:
        assert answer.status == 201

    with urllib.request.urlopen(f"{name}/referrers/{digest}", timeout=10) as answer:
        assert json.load(answer)["manifests"] == []


@pytest.mark.registry
def test_a_registry_with_users_asks_for_the_password(tmp_path: Path) -> None:
    right, wrong = (b64encode(f"ada:{word}".encode()).decode() for word in ("engine", "loom"))

    with registries.docker_registry(tmp_path, htpasswd={"ada": "engine"}) as address:
        assert status_of(f"http://{address}/v2/") == 401
        assert status_of(f"http://{address}/v2/", Authorization=f"Basic {wrong}") == 401
        assert status_of(f"http://{address}/v2/", Authorization=f"Basic {right}") == 200


@pytest.mark.cosign
def test_both_generations_of_cosign_run(cosign3: Path, cosign2: Path) -> None:
    assert tools.version("cosign3") >= "3"
    assert tools.version("cosign2").startswith("2.")
    for cosign in (cosign3, cosign2):
        assert "verify-attestation" in output_of([cosign, "help"])


@pytest.mark.parametrize("name", pinned.clients())
def test_a_clients_environment_has_its_pins(
    name: str, client_python: Callable[[str], Path]
) -> None:
    installed = output_of([uv(), "pip", "freeze", "--quiet", "--python", client_python(name)])

    lines = (pinned.CLIENTS / f"{name}.txt").read_text("utf-8").splitlines()
    found = [line for line in lines if "==" in line and ";" not in line and line[0] != "#"]
    pins = {line.partition(" ")[0] for line in found}
    assert pins <= set(installed.splitlines())


def test_skopeo_and_oras_run(skopeo: Path, oras: Path) -> None:
    assert "skopeo version" in output_of([skopeo, "--version"])
    assert "Version" in output_of([oras, "version"])


@pytest.mark.engine
def test_a_forward_to_a_container_that_is_gone_does_not_take_the_port(engine: Engine) -> None:
    assert engine.version
    if os.geteuid() != 0:
        assert forwards.remove_stale() == 0  # who is not root may not see the packet filter
        return
    iptables = [str(shutil.which("iptables", path=forwards.PATHS)), "--wait", "10", "-t", "nat"]
    chain, every = "NETAVARK-DN-OFATEST", "NETAVARK-HOSTPORT-DNAT"
    succeeds([*iptables, "-N", every])
    jump = ["-p", "tcp", "--dport", "9", "-m", "comment", "--comment", "of a test", "-j", chain]
    target = ["-p", "tcp", "-j", "DNAT", "--to", "192.0.2.99:81"]
    for words in (["-N", chain], ["-A", chain, *target], ["-A", every, *jump]):
        output_of([*iptables, *words])

    assert forwards.remove_stale() >= 1
    assert chain not in output_of([*iptables, "-S"])
