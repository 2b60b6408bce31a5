"""What can go wrong between starting an algorithm and its answer."""

from __future__ import annotations

from algo.errors import NOT_ALLOWED, UNREACHABLE, USAGE, AlgoError


class LoadFailed(AlgoError):
    """The algorithm's own code failed while it was loaded."""

    code = "load_failed"
    hint = "correct the file at the line named, then start it again"


class ServiceEnded(AlgoError):
    """The service ended by itself."""

    code = "service_ended"
    hint = "algo serve"


class NotReady(AlgoError):
    """The service did not become ready in time."""

    code = "not_ready"
    hint = "look at what it printed above"


class ControlLost(AlgoError):
    """The control endpoint of a running instance does not answer."""

    code = "control_lost"
    hint = "stop algo serve and start it again"


class RestartNeeded(AlgoError):
    """What changed can only be had from the start."""

    code = "restart_needed"
    hint = "stop algo serve and start it again"


class TargetUnknown(AlgoError):
    """The target is no folder, no reference and no URL."""

    code = "target_unknown"
    exit_code = USAGE
    hint = "give a folder, owner/name:version, or a URL"


class InputInvalid(AlgoError):
    """The input given on the command line cannot be used."""

    code = "input_invalid"
    exit_code = USAGE
    hint = "algo run --help"


class AlgorithmFailed(AlgoError):
    """The algorithm answered with an error."""

    code = "algorithm_failed"


class CallRefused(AlgoError):
    """The service wants a token, or another one."""

    code = "call_refused"
    exit_code = NOT_ALLOWED
    hint = "algo run --token TOKEN, or ALGO_TOKEN in the environment"


class AnswerLate(AlgoError):
    """The algorithm did not answer in the time that the caller has."""

    code = "answer_late"
    hint = "give it more with --timeout SECONDS"


class NoSuchAlgorithm(AlgoError):
    """An algorithm that another one calls is neither beside it nor published."""

    code = "no_such_algorithm"
    hint = "put its project into a folder beside this one, or publish it"


class ServiceUnreachable(AlgoError):
    """Nothing answers at the URL."""

    code = "service_unreachable"
    exit_code = UNREACHABLE
    hint = "algo serve"


class ExactNeedsImage(AlgoError):
    """`--exact` runs the image itself, and this engine runs none."""

    code = "exact_needs_image"
    exit_code = USAGE
    hint = "pass --engine docker"
