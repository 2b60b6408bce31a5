"""The examples of docs/guide.md do what the guide shows, by curl."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.runtimes.conftest import ROOT
from tests.runtimes.test_typed_packages import png

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.runtimes.conftest import GatewayProcess

    Start = Callable[..., GatewayProcess]

SECTION = "Say what it takes"


def examples() -> list[tuple[str, list[tuple[str, str]]]]:
    """The code of each example, with the commands after it and what they print."""
    text = (ROOT / "docs" / "guide.md").read_text()
    section = text.partition(f"## {SECTION}\n")[2].partition("\n## ")[0]
    found: list[tuple[str, list[tuple[str, str]]]] = []
    for kind, block in re.findall(r"```(python|console)\n(.*?)```", section, re.DOTALL):
        if kind == "python":
            found.append((block, []))
            continue
        for shown in block.split("$ ")[1:]:
            command, _, printed = shown.partition("\n")
            found[-1][1].append((command, printed.strip()))
    return found


@pytest.mark.parametrize("number", range(2))
def test_an_example_of_the_guide_answers_as_it_says(
    gateway: Start, client_python: Callable[[str], Path], tmp_path: Path, number: int
) -> None:
    if shutil.which("curl") is None:
        pytest.fail("there is no curl: apt-get install curl", pytrace=False)
    code, commands = examples()[number]
    assert commands
    (tmp_path / "scan.png").write_bytes(png(3, 1, 255) if number else quarter())
    folder = next((client_python("types").parent.parent / "lib").glob("python3.*/site-packages"))
    served = gateway(code, "--packages", str(folder))
    for command, expected in commands:
        words = shlex.split(command.replace(":8080", f":{served.port}"))
        done = subprocess.run(
            [*words, "--silent"], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        pattern = re.escape(expected).replace("…", ".*")
        assert re.fullmatch(pattern, done.stdout.strip()), done.stdout


def quarter() -> bytes:
    """A picture of four pixels of which one is black."""
    import struct
    import zlib

    def chunk(name: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + check

    head = struct.pack(">IIBBBBB", 4, 1, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0\x00\xff\xff\xff")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
