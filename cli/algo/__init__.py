"""From a model folder to a signed, versioned, running service."""

__version__ = "0.1.0"
