"""Run an algorithm: in a container or as host processes."""
