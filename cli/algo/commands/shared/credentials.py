"""Where the user name and the password of `algo login` come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.errors import UsageError

if TYPE_CHECKING:
    from algo.deps import Deps


def read_credentials(deps: Deps, user: str, from_stdin: bool) -> tuple[str, str]:
    """Return user name and password: from the options and stdin, else asked on the terminal.

    Raises:
        UsageError: There is nobody to ask.
    """
    hint = "algo login HOST -u USER --password-stdin"
    asks = deps.interactive and not deps.output.json
    if not user:
        if not asks or from_stdin:
            raise UsageError("the user name is missing", hint=hint)
        user = deps.output.ask("User name: ").strip()
    if from_stdin:
        password = deps.read_stdin().decode("utf-8", errors="replace").rstrip("\r\n")
    elif asks:
        from getpass import getpass

        password = getpass("Password: ")
    else:
        raise UsageError("there is no terminal to ask for the password on", hint=hint)
    if not password:
        raise UsageError("the password is empty", hint=hint)
    return user, password
