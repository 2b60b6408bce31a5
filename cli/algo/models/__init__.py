"""Weights: fetched from where they are, kept by content, put into the project, looked into."""
