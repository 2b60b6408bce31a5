"""Why a version is not published, or cannot be used here."""

from __future__ import annotations

from algo.errors import INTERRUPTED, REFUSED, USAGE, AlgoError


class ConfirmationNeeded(AlgoError):
    """Publishing cannot be undone, and there is nobody to ask."""

    code = "confirmation_needed"
    exit_code = USAGE
    hint = "algo publish --yes, or algo publish --dry-run to see what would happen"


class Declined(AlgoError):
    """The user said no."""

    code = "declined"
    exit_code = INTERRUPTED
    hint = "algo publish --dry-run"


class TestsFailed(AlgoError):
    """The golden cases or the project's own tests fail; nothing was published."""

    # pytest wants to collect what is called Test.
    __test__ = False
    code = "tests_failed"
    hint = "algo test"


class NotCommitted(AlgoError):
    """Files of the project are in no commit, or differ from it."""

    code = "not_committed"
    exit_code = REFUSED


class GitFailed(AlgoError):
    """The project is in a git repository, and git does not say in what state."""

    code = "git_failed"
    hint = "git status"


class VersionTooLow(AlgoError):
    """The step asked for is smaller than the one that the difference of the contracts needs."""

    code = "version_too_low"
    exit_code = REFUSED


class BadDestination(AlgoError):
    """`--to` is not a registry or a name in one."""

    code = "bad_destination"
    exit_code = USAGE
    hint = "write it as --to registry.example.com/owner/name"


class NoSuchPlatform(AlgoError):
    """The version holds no image for this machine."""

    code = "no_such_platform"
    exit_code = REFUSED
    hint = "algo inspect shows the platforms of a version"


class NotOnHost(AlgoError):
    """The version cannot run without a container on this machine."""

    code = "not_on_host"
    exit_code = REFUSED
    hint = "pass --engine docker"


class NoModels(AlgoError):
    """The version has no models that could be taken out."""

    code = "no_models"
    hint = "algo inspect shows what a version holds"
