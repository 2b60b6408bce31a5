"""Semantic versions and the history of a name."""
