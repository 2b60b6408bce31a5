"""The algorithm that costs nothing."""


def apply(input):
    """Return x + 1."""
    return input["x"] + 1
