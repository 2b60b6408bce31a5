"""What can go wrong with tokens."""

from __future__ import annotations

from algo.errors import NOT_ALLOWED, USAGE, AlgoError


class TokenFileInvalid(AlgoError):
    """The file of tokens cannot be read, or holds something else."""

    code = "token_file_invalid"
    hint = "algo tokens list"


class TokenExists(AlgoError):
    """There is a token of this name."""

    code = "token_exists"
    exit_code = USAGE


class TokenUnknown(AlgoError):
    """There is no token of this id or name."""

    code = "token_unknown"
    exit_code = USAGE
    hint = "algo tokens list"


class TokenInvalid(AlgoError):
    """A token cannot be made like this."""

    code = "token_invalid"
    exit_code = USAGE
    hint = "algo tokens create --help"


class TokenRequired(AlgoError):
    """A service that others can reach wants tokens."""

    code = "token_required"
    exit_code = NOT_ALLOWED
    hint = "algo tokens create NAME, then pass --tokens tokens.json"
