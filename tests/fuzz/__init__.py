"""Fuzzers: `make fuzz`, and a short run of each among the tests."""

import tests.runtimes  # noqa: F401 (it puts the container side on the path)
