"""Tests of the container side. It is no package of the environment: its folders are on the path."""

import sys
from pathlib import Path

_RUNTIMES = Path(__file__).resolve().parents[2] / "runtimes"
for _folder in ("gateway", "python"):
    if str(_RUNTIMES / _folder) not in sys.path:
        sys.path.append(str(_RUNTIMES / _folder))
