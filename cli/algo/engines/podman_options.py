"""A container of ours in podman's own words: pure, so that a test can read it.

Podman answers Docker's API too, and in 4.3 takes a request for a CDI device there without
a word and without the device. Its own API has always given it or refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from algo.engines.docker_options import ContainerPlan

_PERIOD = 100_000


def in_podman(planned: ContainerPlan, words: Sequence[str]) -> dict[str, Any]:
    """Return `planned` as podman's API takes it (SpecGenerator of podman 4).

    Args:
        planned: What the container may do.
        words: The image's own command, to which the plan's is added.
    """
    words = [*words, *planned.command]
    binds = [bind.split(":") for bind in planned.binds]
    return {
        "name": planned.name,
        "image": planned.image,
        "user": planned.user,
        "entrypoint": words[:1],
        "command": words[1:],
        "env": planned.environment,
        "labels": planned.labels,
        "mounts": [
            *(
                {
                    "type": "bind",
                    "source": source,
                    "destination": target,
                    "options": ["rbind", mode],
                }
                for source, target, mode in binds
            ),
            *(
                {
                    "type": "tmpfs",
                    "source": "tmpfs",
                    "destination": where,
                    "options": how.split(","),
                }
                for where, how in planned.tmpfs.items()
            ),
        ],
        "volumes": [{"Name": name, "Dest": place} for name, place in planned.volumes.items()],
        "portmappings": [
            {
                "container_port": one.inside,
                "host_ip": one.host,
                "host_port": one.port,
                "protocol": "tcp",
            }
            for one in planned.publish
        ],
        "cap_drop": ["ALL"],
        "no_new_privileges": True,
        "read_only_filesystem": True,
        "resource_limits": _limits(planned),
        "devices": [{"path": name} for name in planned.gpu.devices] if planned.gpu else [],
    }


def _limits(planned: ContainerPlan) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    if planned.memory:
        limits["memory"] = {"limit": planned.memory}
    if planned.nano_cpus:
        limits["cpu"] = {"period": _PERIOD, "quota": planned.nano_cpus * _PERIOD // 10**9}
    if planned.processes:
        limits["pids"] = {"limit": planned.processes}
    return limits
