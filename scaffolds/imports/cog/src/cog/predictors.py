"""What a predictor is derived from, and what its code may call."""


class CancelationException(BaseException):
    """Here a call that nobody waits for ends with its generator, or its worker."""


class Scope:
    """Takes metrics of a call; they are not kept."""

    def __init__(self):
        self.metrics = {}

    def record_metric(self, name, value, mode="replace"):
        """Take a value."""


class BaseRunner:
    """Has `setup` for what is done once, and `run` for each call."""

    def setup(self):
        """Do nothing, where there is nothing to set up."""

    def record_metric(self, name, value, mode="replace"):
        """Take a value."""

    @property
    def scope(self):
        return Scope()


class BasePredictor(BaseRunner):
    """The same with `predict` in place of `run`."""


def current_scope():
    """Return what takes the metrics of a call."""
    return Scope()


def emit_metric(name, value):
    """Take a value."""


def concurrent(function=None, **limits):
    """Leave a method as it is; `concurrency` in algo.toml says how many calls run at once."""
    return function if callable(function) else lambda method: method


def streaming(function=None, **options):
    """Leave a method as it is; clients choose the form of a stream."""
    return function if callable(function) else lambda method: method
