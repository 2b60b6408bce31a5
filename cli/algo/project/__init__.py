"""The project on disk: its manifest, its lock, its name and version."""
