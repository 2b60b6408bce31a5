"""One suite for every language's runner."""

import tests.runtimes  # noqa: F401 -- puts the gateway on the path
