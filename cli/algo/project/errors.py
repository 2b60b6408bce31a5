"""What can be wrong with a project folder."""

from __future__ import annotations

from algo.errors import REFUSED, USAGE, AlgoError


class ProjectNotFound(AlgoError):
    """There is no `algo.toml` here or above."""

    code = "project_not_found"
    exit_code = USAGE
    hint = "algo init OWNER/NAME"


class ManifestInvalid(AlgoError):
    """`algo.toml` cannot be read: syntax, an unknown key, a value of the wrong type."""

    code = "manifest_invalid"
    exit_code = USAGE
    hint = "correct algo.toml at the place named"


class SchemaInvalid(AlgoError):
    """`schema.json` cannot be read: syntax, or it holds no JSON Schema."""

    code = "schema_invalid"
    exit_code = USAGE
    hint = "correct schema.json at the place named"


class BadName(AlgoError):
    """An algorithm's name is not `owner/name` in lower case."""

    code = "bad_name"
    exit_code = USAGE
    hint = "use a name such as acme/digits"


class EntrypointMissing(AlgoError):
    """The file named by `entrypoint` is not there."""

    code = "entrypoint_missing"
    hint = "create the file, or correct entrypoint in algo.toml"


class ModelMissing(AlgoError):
    """A file named under `[models]` is not there."""

    code = "model_missing"


class LockInvalid(AlgoError):
    """`algo.lock` cannot be read."""

    code = "lock_invalid"
    exit_code = REFUSED
    hint = "algo lock"


class LockStale(AlgoError):
    """`algo.lock` was made from other requirements."""

    code = "lock_stale"
    exit_code = REFUSED
    hint = "algo lock"
