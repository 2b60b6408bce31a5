"""What can be wrong with the cases and the tests of a project."""

from __future__ import annotations

from algo.errors import REFUSED, UNREACHABLE, USAGE, AlgoError


class CaseInvalid(AlgoError):
    """A file in `cases/` cannot be read as cases."""

    code = "case_invalid"
    exit_code = USAGE
    hint = "correct the file at the place named"


class NothingChosen(AlgoError):
    """No case and no test has the words asked for."""

    code = "nothing_chosen"
    exit_code = USAGE
    hint = "algo test"


class SuiteFailed(AlgoError):
    """pytest itself could not run."""

    code = "suite_failed"
    hint = "algo exec -- python -m pytest"


class ReportUnwritable(AlgoError):
    """The report of the tests cannot be written to the file asked for."""

    code = "report_unwritable"
    hint = "pass --junit with a file that you may write"


class ContractInvalid(AlgoError):
    """A published contract cannot be read."""

    code = "contract_invalid"
    exit_code = REFUSED
    hint = "do not use it; whoever made it makes it anew: algo publish"


class AlgorithmGone(AlgoError):
    """The algorithm that is tested stopped answering."""

    code = "algorithm_gone"
    exit_code = UNREACHABLE
    hint = "algo serve"
