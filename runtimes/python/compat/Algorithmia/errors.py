"""What can go wrong, by the names of Algorithmia's client."""

from __future__ import annotations


class ApiError(Exception):
    """The API refused."""


class ApiInternalError(ApiError):
    """The API failed."""


class DataApiError(ApiError):
    """Data could not be read or written."""


class AlgorithmException(ApiError):
    """An algorithm answered with an error, or is to answer with one.

    Args:
        message: What went wrong.
        stack_trace: Where, if that was told.
        error_type: What kind of error it is; the caller gets it.
    """

    def __init__(self, message, stack_trace=None, error_type=None):
        super().__init__(message)
        self.message = message
        self.stack_trace = stack_trace
        self.error_type = error_type

    def __str__(self):
        return str(self.message)


def of_algorithm(document, status):
    """Return the exception for an answer that is an error."""
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, dict):
        return ApiInternalError(f"the API answered {status}: {error or document}")
    trace = error.get("stack_trace") or error.get("stacktrace")
    return AlgorithmException(error.get("message"), trace, error.get("error_type"))


def of_data(document, status, path):
    """Return the exception for an answer of the data API that is an error."""
    error = document.get("error") if isinstance(document, dict) else None
    message = error.get("message") if isinstance(error, dict) else error or f"status {status}"
    named = path.lower() in str(message).lower()  # as `data://` and `s3://` it says where
    return DataApiError(message if named else f"{path}: {message}")
