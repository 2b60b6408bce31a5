"""500 MB in one numpy array, all of it read by every call."""

import numpy


def load():
    """Return the array."""
    return numpy.ones(62_500_000)


def apply(value, state):
    """Return the sum, so that every page is touched."""
    return float(state.sum()) + value
