"""The clients in the guide's section "Calling it with clients you have", to be run."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide.md"
# By what the guide says to install, the environment that has it (`clients/*.txt`).
ENVIRONMENTS = {
    'pip install "tritonclient[http]"': "triton",
    'pip install "tritonclient[grpc]"': "triton",
    "pip install kserve": "kserve",
    "pip install algorithmia": "algorithmia",
}


def programs() -> list[tuple[str, str]]:
    """Return the environment and the code of each program."""
    section = GUIDE.read_text(encoding="utf-8").partition("### Calling it with clients")[2]
    section = section.partition("\n### ")[0]
    blocks = re.findall(r"```python\n# ([^\n]*)\n(.*?)```", section, re.DOTALL)
    return [(ENVIRONMENTS[install], code) for install, code in blocks]


def run(python: Path, code: str, places: dict[str, str]) -> str:
    """Return what `code` prints, with `places` in the place of those that the guide names."""
    for named, real in places.items():
        assert not (named in code and not real), f"nothing stands for {named}"
        code = code.replace(named, real)
    words = [str(python), "-W", "ignore", "-c", code]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
