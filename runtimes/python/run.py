"""Starts the runner without putting its own modules before the user's."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent))

from algo_runner.main import main

main()
