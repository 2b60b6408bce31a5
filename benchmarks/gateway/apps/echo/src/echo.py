"""Returns what it got."""


def apply(input):
    """Return the input."""
    return input
