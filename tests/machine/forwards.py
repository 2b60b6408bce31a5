"""Forwards of ports that podman left in the machine's packet filter.

Podman forwards a published port by rules of its own. Where it was killed before it took them back,
they go on to take every connection to that port, also after it belongs to somebody else: whoever
connects waits until his time is over.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from tests.machine.commands import output_of
from tests.machine.say import MachineError, say

TABLE = "nat"
JUMP = re.compile(r"^-A (NETAVARK-HOSTPORT-DNAT .*-j (NETAVARK-DN-\S+))$", re.MULTILINE)
TARGET = r"^-A {} .*-j DNAT --to-destination ([0-9.]+):[0-9]+$"
PATHS = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def remove_stale() -> int:
    """Remove the forwards to containers that are no more, and return how many they were."""
    if os.geteuid() != 0 or shutil.which("iptables", path=PATHS) is None:
        return 0
    try:
        rules = _iptables("-S")
    except MachineError:  # there is no such table on this machine
        return 0
    stale = [
        (jump, chain)
        for jump, chain in JUMP.findall(rules)
        if not any(map(_is_reached, re.findall(TARGET.format(chain), rules, re.MULTILINE)))
    ]
    for jump, chain in stale:
        # The comment stands in quotes, and names the container.
        _iptables("-D", *(word.strip('"') for word in re.findall(r'"[^"]*"|\S+', jump)))
        _iptables("-F", chain)
        _iptables("-X", chain)
        say(f"removed podman's rules {chain}, which forwarded a port to a container that is gone")
    return len(stale)


def _iptables(*words: str) -> str:
    program = shutil.which("iptables", path=PATHS)
    return output_of([str(program), "--wait", "10", "--table", TABLE, *words])


def _is_reached(address: str) -> bool:
    """Tell whether the way to an address leads over a bridge that a container is at."""
    program = shutil.which("ip", path=PATHS)
    if program is None:
        return True  # not known, so it stays
    words = output_of([program, "route", "get", address]).split()
    bridge = Path("/sys/class/net") / words[words.index("dev") + 1] / "brif"
    return bridge.is_dir() and any(bridge.iterdir())
