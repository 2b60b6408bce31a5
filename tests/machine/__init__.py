"""The real components that the demo and the tests run on, and their set-up.

`python3 -m tests.machine --help` lists the commands. Only the standard library is used: the
set-up runs before the project's virtual environment exists.
"""
