"""Conda environments: locked by conda-lock, fetched and laid out by py-rattler."""
