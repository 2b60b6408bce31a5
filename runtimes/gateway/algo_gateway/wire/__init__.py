"""The pipes to a runner: frames, and the process at their other end."""
