"""About 500 MB of Python objects, all of them read by every call: the case that sharing loses."""


def load():
    """Return records as a program would keep them."""
    return [{"key": str(number), "value": float(number)} for number in range(1_600_000)]


def apply(value, state):
    """Read every record, which counts references in each."""
    return sum(record["value"] for record in state) + value
