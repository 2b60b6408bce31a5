"""The gateway: one HTTP server for every language, outside the algorithm's process."""

__version__ = "0.1.0"
