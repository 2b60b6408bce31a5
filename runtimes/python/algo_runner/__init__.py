"""The Python runner: calls the author's functions for the gateway. Standard library only."""
