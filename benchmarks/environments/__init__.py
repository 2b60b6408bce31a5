"""How fast environments are locked."""
