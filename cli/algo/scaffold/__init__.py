"""Plan a template tree, then write it."""
