"""What can be wrong with the weights of a project."""

from __future__ import annotations

from algo.errors import NOT_ALLOWED, UNREACHABLE, USAGE, AlgoError


class ModelUnreachable(AlgoError):
    """The place that has a model does not answer, and the model is not in the cache."""

    code = "model_unreachable"
    exit_code = UNREACHABLE
    hint = "check the network, HTTPS_PROXY and SSL_CERT_FILE, then try again"


class ModelRefused(AlgoError):
    """The place that has a model wants credentials, or does not take those it got."""

    code = "model_refused"
    exit_code = NOT_ALLOWED


class ModelNotFound(AlgoError):
    """The place answers and has no such model, version or file."""

    code = "model_not_found"
    hint = "correct the model's source under [models] in algo.toml"


class ModelCorrupted(AlgoError):
    """What came is not what algo.toml or algo.lock says."""

    code = "model_corrupted"
    exit_code = NOT_ALLOWED
    hint = "find out who changed it; algo lock --upgrade takes what is there now"


class ModelInvalid(AlgoError):
    """A model's place has it in a form that cannot be used."""

    code = "model_invalid"


class ModelEdited(AlgoError):
    """A fetched model was changed in the project; it would be lost by fetching it again."""

    code = "model_edited"


class ExtraMissing(AlgoError):
    """The package that speaks with a model's place is not installed."""

    code = "extra_missing"
    exit_code = USAGE
